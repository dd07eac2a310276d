// Atoms in order of id.

#ifndef HEAL_ORDER_BY_ID_H
#define HEAL_ORDER_BY_ID_H

#include <cstdint>
#include <vector>

namespace lammps_heal
{

// (n_atoms,) atoms in order of id, not negative; images of one atom, of the same id, in order of x, y and z,
// for which any number is allowed. positions: (n_atoms, 3). Throws std::bad_alloc.
std::vector<int32_t> order_by_id(const double *positions, const int64_t *ids, int64_t n_atoms);

}    // namespace lammps_heal

#endif
