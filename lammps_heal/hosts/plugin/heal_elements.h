// Of which of the model's elements are the atoms? The rule of lammps_heal/model/elements.py.

#ifndef LMP_HEAL_ELEMENTS_H
#define LMP_HEAL_ELEMENTS_H

#include "model_archive.h"

#include "lammps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace LAMMPS_NS
{

// Species of each atom type, from 1, the number of its element among the model's; 0 where the model sees
// none, and UNKNOWN_SPECIES for types without atoms whose element is not known. Collective.
// elements_of_types: of the atom types, where the user gave them, or empty: then their labels, then their
// masses say which they are. Raises LAMMPS's error for a type with atoms and of an element that the model
// does not know.
constexpr int32_t UNKNOWN_SPECIES = -1;
std::vector<int32_t> species_of_types(LAMMPS *lmp, const lammps_heal::Model &model,
                                      const std::vector<std::string> &elements_of_types);

// Of n atoms of these types, for the model's network. Throws std::runtime_error where an atom has come of a
// type that was without atoms, and of an element that the model does not know.
void fill_species(const int *types, int64_t n, const std::vector<int32_t> &of_types,
                  std::vector<int32_t> &species);

// Of each atom type, from 1, the first type of the same element; itself where that is not known. The rule of
// first_alike in lammps_heal/hosts/type_elements.py.
std::vector<int> first_types_alike(const LAMMPS *lmp, const lammps_heal::Model &model,
                                   const std::vector<std::string> &elements_of_types);

}    // namespace LAMMPS_NS

#endif
