// LAMMPS's box and atoms, as what copies them wants them.

#ifndef LMP_HEAL_LAMMPS_ATOMS_H
#define LMP_HEAL_LAMMPS_ATOMS_H

#include "ghost_exchange.h"

#include "lammps.h"

namespace LAMMPS_NS
{

lammps_heal::PeriodicCell cell_of(const class Domain &domain);

// Throws std::runtime_error where a local atom's position is not finite.
void require_finite(const class Atom &atom);

}    // namespace LAMMPS_NS

#endif
