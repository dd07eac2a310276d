// Neighbour lists that keep the order of atom ids. Knows neither torch nor LAMMPS.

#ifndef HEAL_NEIGHBOUR_LIST_H
#define HEAL_NEIGHBOUR_LIST_H

#include <cstdint>
#include <vector>

namespace lammps_heal
{

// The neighbours of owned row i are neighbours[first[i]] to neighbours[first[i + 1] - 1].
struct NeighbourList {
  std::vector<int64_t> first;
  std::vector<int32_t> neighbours;
};

// Neighbours of each owned atom nearer than `cutoff` in an open cluster, in no order.
// positions: (n_rows, 3) Å, owned atoms first.
void find_neighbours(const double *positions, int64_t n_owned, int64_t n_rows, double cutoff,
                     NeighbourList &list);

// Neighbours of each owned atom in order of atom id, images of one atom by edge vector: sums in float32
// depend on their order, and in this one every host and number of ranks has the same. ids: (n_rows,), not
// negative; a ghost has its owner's.
void order_by_id(const double *positions, const int64_t *ids, int64_t n_owned, int64_t n_rows,
                 NeighbourList &list);

}    // namespace lammps_heal

#endif
