// What computes the parts of a healing step: the native kernel or TorchScript.

#ifndef HEAL_BACKEND_H
#define HEAL_BACKEND_H

#include "heal_kernel.h"

#include <cstdint>
#include <exception>

namespace lammps_heal
{

// Two atoms at one place, so that there is no direction between them.
class OverlapError : public std::exception
{
 public:
  OverlapError(int64_t one, int64_t other) : atoms{one, other} {}
  const char *what() const noexcept override
  {
    return "two atoms overlap";
  }
  int64_t atoms[2];
};

// Vectors are (n_atoms, 4) float64 Å, padded xyz, aligned to HEAL_ALIGNMENT; see heal_kernel.h for the parts.
// All throw OverlapError or another std::exception with one line that says what failed.
class Backend
{
 public:
  virtual ~Backend() = default;

  virtual int n_layers() const = 0;

  // Writes pair forces on all atoms. ids: (n_atoms,) of the atoms, or null.
  virtual void pair_forces(const heal_atoms &atoms, const int64_t *ids, double *vectors) = 0;
  // Å: at the last pair_forces no atom was nearer to a centre; 0 where that is not known.
  virtual double nearest() const = 0;
  // The centres' vectors, forces, become mobility tensor times force.
  virtual void apply_mobilities(double *vectors) = 0;
  // Message-passing layer number `layer`, from 0: the centres' vectors v_in become v_out; others are of no
  // use afterwards.
  virtual void message_layer(int layer, double *vectors) = 0;

  // Where memory of the vectors is best taken from (heal_vectors_create), and what may find neighbours
  // itself: the kernel, or null where there is none.
  virtual const heal_kernel *native_kernel() const
  {
    return nullptr;
  }
  // Whether pair_forces looks at the neighbour list.
  bool needs_list() const
  {
    return !heal_kernel_finds_neighbours(native_kernel());
  }

  virtual double n_bytes() const = 0;
};

}    // namespace lammps_heal

#endif
