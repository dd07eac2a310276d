// Are the atoms of an element that the model was trained on?

#ifndef LMP_HEAL_ELEMENTS_H
#define LMP_HEAL_ELEMENTS_H

#include "model_archive.h"

#include "lammps.h"

#include <string>
#include <vector>

namespace LAMMPS_NS
{

// Collective. elements_of_types: of the atom types, where the user gave them, or empty: then their labels,
// then their masses say which they are. Raises LAMMPS's error for a type with atoms and of an element that
// the model does not know.
void check_elements(LAMMPS *lmp, const lammps_heal::Model &model,
                    const std::vector<std::string> &elements_of_types);

}    // namespace LAMMPS_NS

#endif
