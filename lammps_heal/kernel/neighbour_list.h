// Neighbour lists in order of atom ids. Knows neither torch nor LAMMPS.

#ifndef HEAL_NEIGHBOUR_LIST_H
#define HEAL_NEIGHBOUR_LIST_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lammps_heal
{

// The neighbours of owned row i are neighbours[first[i]] to neighbours[first[i + 1] - 1]; what is behind the
// last of them is room for the next list.
struct NeighbourList {
  struct Free {
    void operator()(int32_t *rows) const;
  };
  std::vector<int64_t> first;
  std::unique_ptr<int32_t[], Free> neighbours;    // no vector, which would write zeros first
  int64_t capacity = 0;
};

// Neighbours of each owned atom nearer than `cutoff` in an open cluster, in order of atom id, images of one
// atom in order of x, y and z: sums in float32 depend on their order, and in this one every host and number
// of ranks has the same. positions: (n_rows, 3) Å, owned atoms first. ids: (n_rows,), not negative; a ghost
// has its owner's. The same list for any number of threads and instruction set, which is as for a Kernel.
void find_neighbours(const double *positions, const int64_t *ids, int64_t n_owned, int64_t n_rows,
                     double cutoff, int n_threads, NeighbourList &list,
                     const std::string &instruction_set = "");

}    // namespace lammps_heal

#endif
