// Gives each rank its part of the reference crystal that fix heal ... sites names.

#ifndef LMP_HEAL_REFERENCE_H
#define LMP_HEAL_REFERENCE_H

#include "reference_file.h"

#include "lammps.h"

#include <string>

namespace LAMMPS_NS
{

// Collective. One rank reads the file; each keeps the sites that lie in its subdomain, whatever the box has
// become since, so that what they are compared with is mostly at hand. Raises LAMMPS's error where the file
// cannot be read.
lammps_heal::ReferenceCrystal read_own_sites(LAMMPS *lmp, const std::string &path);

}    // namespace LAMMPS_NS

#endif
