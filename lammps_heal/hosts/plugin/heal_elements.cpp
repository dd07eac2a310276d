#include "heal_elements.h"

#include "all_ranks.h"

#include "atom.h"
#include "fmt/format.h"
#include "label_map.h"

#include <algorithm>
#include <cmath>

using namespace LAMMPS_NS;
using lammps_heal::Model;

static constexpr double MASS_TOLERANCE = 0.005;    // relative; covers the usual roundings

static std::string known_words(const Model &model)
{
  std::string words;
  for (size_t k = 0; k < model.elements.size(); k++)
    words += fmt::format("{}{} ({:.6g} g/mol)", k ? ", " : "", model.elements[k], model.masses[k]);
  return words;
}

static bool knows(const Model &model, const std::string &element)
{
  return std::find(model.elements.begin(), model.elements.end(), element) != model.elements.end();
}

static bool has_label_of_known_element(const Atom &atom, const Model &model, int type)
{
  return std::any_of(model.elements.begin(), model.elements.end(), [&](const std::string &element) {
    return atom.lmap->find(element, Atom::ATOM) == type;
  });
}

static bool has_known_mass(const Atom &atom, const Model &model, int type)
{
  return std::any_of(model.masses.begin(), model.masses.end(),
                     [&](double mass) { return std::fabs(atom.mass[type] - mass) < MASS_TOLERANCE * mass; });
}

// What is wrong with this atom type, or nothing.
static std::string element_problem(const Atom &atom, const Model &model,
                                   const std::vector<std::string> &elements_of_types, int type)
{
  const auto known = known_words(model);
  if (!elements_of_types.empty()) {
    const auto &element = elements_of_types[type - 1];
    return knows(model, element)
               ? ""
               : fmt::format("atom type {} is {}, the model knows {}: use a model trained on {}", type,
                             element, known, element);
  }
  std::string remedy =
      "; if its element is one of these, add the element of each type to fix heal, like \"elements";
  for (int t = 1; t <= atom.ntypes; t++)
    remedy += " " + model.elements[0];
  remedy += "\"";
  if (atom.labelmapflag)
    return has_label_of_known_element(atom, model, type)
               ? ""
               : fmt::format("the label of atom type {} is no element of the model, which knows {}{}", type,
                             known, remedy);
  if (!atom.mass || !atom.mass_setflag[type])
    return fmt::format("atom type {} has no label and no mass; the model knows {}{}", type, known, remedy);
  return has_known_mass(atom, model, type) ? ""
                                           : fmt::format("atom type {} has mass {:.6g}, the model knows {}{}",
                                                         type, atom.mass[type], known, remedy);
}

void LAMMPS_NS::check_elements(LAMMPS *lmp, const Model &model,
                               const std::vector<std::string> &elements_of_types)
{
  const auto &atom = *lmp->atom;
  std::vector<bigint> n_mine(atom.ntypes + 1, 0), n_of_type(atom.ntypes + 1, 0);
  for (int i = 0; i < atom.nlocal; i++)
    n_mine[atom.type[i]]++;
  MPI_Allreduce(n_mine.data(), n_of_type.data(), atom.ntypes + 1, MPI_LMP_BIGINT, MPI_SUM, lmp->world);
  std::string problem;
  for (int type = 1; type <= atom.ntypes && problem.empty(); type++)
    if (n_of_type[type] > 0)
      problem = element_problem(atom, model, elements_of_types, type);
  stop_if_any(lmp, problem);
}
