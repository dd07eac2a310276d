// Local structure of a healed copy of a crystal that may be of several structures, each atom judged by its own; as
// joint_structure of lammps_heal/analysis/joint_structure.py.

#ifndef HEAL_JOINT_STRUCTURE_H
#define HEAL_JOINT_STRUCTURE_H

#include "crystal_shells.h"
#include "heal_analysis.h"
#include "healed_copy.h"

#include <array>
#include <cstdint>
#include <mpi.h>
#include <string>
#include <vector>

namespace lammps_heal
{

class JointStructure
{
 public:
  // structures: of the model. Throws std::runtime_error for one that labels do not know.
  JointStructure(const std::vector<std::string> &structures, double lattice_constant, MPI_Comm world,
                 StopIfAny stop_if_any);

  // Å, nearest-neighbour distance of the crystal.
  double nearest() const
  {
    return nearest_distance;
  }
  // Å, that neighbour lists must reach.
  double search() const;

  // Collective.
  void look_at(HealedCopy &copy, int n_threads);

  // Of local atom i. residual: Å, length of the last step, averaged over the atom and those bonded to it.
  int coordination(int64_t i) const
  {
    return coordinations[own[i]][i];
  }
  int label(int64_t i) const
  {
    return labels[i];
  }
  double residual(int64_t i) const
  {
    return residuals[own[i]][i];
  }
  // Bonds beyond the perfect crystal's, or fewer.
  int bonds_beyond(int64_t i) const
  {
    return coordination(i) - shells[own[i]]->coordination;
  }
  // Number of the shells that the atom is judged by.
  int own_shells(int64_t i) const
  {
    return own[i];
  }
  bool is_regular(int64_t i) const
  {
    return bonds_beyond(i) == 0 && labels[i] != HEAL_OTHER;
  }
  // Of the model's structures, in their order; fcc and hcp, of equal coordination, have one.
  const std::vector<const CrystalShells *> &distinct_shells() const
  {
    return shells;
  }
  double n_bytes() const;

 private:
  MPI_Comm world;
  StopIfAny stop_if_any;
  std::vector<const CrystalShells *> shells;
  std::array<int32_t, HEAL_HEXAGONAL_DIAMOND + 1> shells_of_label;    // their number; negative: of none
  double nearest_distance;
  std::vector<int32_t> labels, own;                   // (nlocal,)
  std::vector<std::vector<int32_t>> coordinations;    // by each of the shells, (nlocal,)
  std::vector<std::vector<double>> residuals, votes;
  std::vector<double> is_labelled;    // (n_atoms,), communicated

  heal_structure by_shells(const HealedCopy &copy, size_t number, int n_threads) const;
  void find_own_shells(HealedCopy &copy, int n_threads);
};

}    // namespace lammps_heal

#endif
