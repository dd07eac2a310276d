// Pairs of a neighbour list that are near, or that displacements would bring too near: the soft floor's scans.

#ifndef HEAL_CLOSE_PAIRS_H
#define HEAL_CLOSE_PAIRS_H

#include "heal_kernel.h"

namespace lammps_heal
{

// Both throw WrongArgument for a neighbour that is no atom.

// See heal_close_pairs; returns how many there are. Throws std::bad_alloc, too.
int64_t find_close_pairs(const heal_atoms &atoms, double reach, int64_t capacity, int32_t *pairs);
// See heal_is_any_too_near. Throws std::bad_alloc, too.
bool is_any_too_near(const heal_atoms &atoms, const double *vectors, const heal_floor &floor);

}    // namespace lammps_heal

#endif
