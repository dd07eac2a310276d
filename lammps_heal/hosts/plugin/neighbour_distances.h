// What the distances to an atom's nearest neighbours say of the nearest-neighbour distance of its crystal, hot or damaged;
// neighbour_distances of lammps_heal/analysis/neighbour_shells.py, over all ranks. Knows MPI, not LAMMPS.

#ifndef HEAL_NEIGHBOUR_DISTANCES_H
#define HEAL_NEIGHBOUR_DISTANCES_H

#include "crystal_shells.h"
#include "nearest_neighbours.h"

#include <cstdint>
#include <mpi.h>
#include <string>
#include <vector>

namespace lammps_heal
{

// Of the atoms inside of a crystal, medians over all ranks.
struct NeighbourDistances {
  int64_t n_atoms = 0;    // inside; where they are too few nothing else is known
  // Nearest-neighbour distance, Å, if the crystal is of the structure meant; of a metal that may be fcc, hcp or bcc, first if
  // it is of the former, then if it is bcc.
  double nearest = 0.0, nearest_if_bcc = 0.0;
  // Of such a metal, mean distance to the ninth to twelfth nearest ÷ that to the eight nearest: 1 in fcc and hcp, 1.15 in bcc.
  double outer = 1.0;

  bool are_known() const;
  // Å; what of the two is meant by `outer`.
  double likelier() const;
};

// Collective. chosen: (nlocal,) 0 for atoms that are not looked at; or null. The list must reach behind the second shell.
NeighbourDistances neighbour_distances(const ListedPositions &atoms, const std::vector<char> *chosen,
                                       const std::vector<std::string> &structures, MPI_Comm world);

}    // namespace lammps_heal

#endif
