// LAMMPS's own communication of vectors within a step, through the functions of a fix that pack and unpack.

#ifndef LMP_HEAL_COMMUNICATOR_H
#define LMP_HEAL_COMMUNICATOR_H

#include "healing_step.h"

#include "lammps.h"

namespace LAMMPS_NS
{

class HealCommunicator : public lammps_heal::Communicator
{
 public:
  static constexpr int N_VALUES = 3;    // of the (n, 4) vectors that are sent

  HealCommunicator(LAMMPS *lmp, class Fix *fix) : lmp(lmp), fix(fix) {}

  void reverse(double *vectors) override;
  void forward(double *vectors) override;
  void largest(double *values, int n) override;

  // What the fix's functions of these names do.
  int pack_forward_comm(int n, const int *list, double *buf) const;
  void unpack_forward_comm(int n, int first, const double *buf) const;
  int pack_reverse_comm(int n, int first, double *buf) const;
  void unpack_reverse_comm(int n, const int *list, const double *buf) const;

 private:
  LAMMPS *lmp;
  class Fix *fix;
  double *vectors = nullptr;

  double *vector_of(int i) const
  {
    return vectors + 4 * static_cast<int64_t>(i);
  }
};

}    // namespace LAMMPS_NS

#endif
