// Neighbour lists in order of atom id: see heal_list_build in heal_kernel.h.

#ifndef HEAL_NEIGHBOUR_LIST_H
#define HEAL_NEIGHBOUR_LIST_H

#include <cstdint>
#include <memory>
#include <vector>

namespace lammps_heal
{

// The neighbours of local atom i are neighbours[first[i]] to neighbours[first[i + 1] - 1]; what is behind the
// last of them is room for the next list.
struct NeighbourList {
  struct Free {
    void operator()(int32_t *neighbours) const;
  };
  std::vector<int64_t> first;
  std::unique_ptr<int32_t[], Free> neighbours;    // no vector, which would write zeros first
  int64_t capacity = 0;

  int64_t n_bytes() const;
};

// What a list is made of; as heal_list_build has it.
struct ListedAtoms {
  const double *positions;
  const int64_t *ids;
  int64_t nlocal, n_atoms;
};

// Arguments are not checked: c_interface.cpp does that. Throws std::bad_alloc, and std::runtime_error for
// another instruction set than find_instruction_set knows, or too many neighbours.
void find_neighbours(const ListedAtoms &atoms, double cutoff, int n_threads, const char *instruction_set,
                     NeighbourList &list);

}    // namespace lammps_heal

#endif
