// "fix heal ... lattice auto": the lattice constant that LAMMPS's atoms show, hot or damaged; as look_at of
// lammps_heal/hosts/input_checks.py.

#ifndef LMP_HEAL_LATTICE_H
#define LMP_HEAL_LATTICE_H

#include "heal_backend.h"
#include "heal_settings.h"

#include "lammps.h"

namespace LAMMPS_NS
{

// Å, of the model's (first) structure; collective. The atoms stay where they are. Raises LAMMPS's error where it cannot be
// found, and logs what was found.
double found_lattice(LAMMPS *lmp, const HealSettings &settings, HealModel model);

}    // namespace LAMMPS_NS

#endif
