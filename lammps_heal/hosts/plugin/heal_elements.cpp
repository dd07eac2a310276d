#include "heal_elements.h"

#include "all_ranks.h"

#include "atom.h"
#include "fmt/format.h"
#include "label_map.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

using namespace LAMMPS_NS;
using lammps_heal::Model;

static constexpr double MASS_TOLERANCE = 0.005;    // relative; covers the usual roundings
static constexpr double SAME_MASS = 0.001;    // relative, of one element; those of Co and Ni differ by 0.004
static constexpr double LIGHTEST = 1.005;     // g/mol; what is lighter than hydrogen is no element's mass

static std::string known_words(const Model &model)
{
  std::string words;
  for (size_t k = 0; k < model.elements.size(); k++)
    words += fmt::format("{}{} ({:.6g} g/mol)", k ? ", " : "", model.elements[k], model.masses[k]);
  return words;
}

static constexpr int32_t NONE = UNKNOWN_SPECIES;

// Number of the element among the model's, or NONE.
static int32_t number_of(const Model &model, const std::string &element)
{
  const auto found = std::find(model.elements.begin(), model.elements.end(), element);
  return found == model.elements.end() ? NONE : static_cast<int32_t>(found - model.elements.begin());
}

static int32_t number_of_label(const Atom &atom, const Model &model, int type)
{
  for (const auto &element : model.elements)
    if (atom.lmap->find(element, Atom::ATOM) == type)
      return number_of(model, element);
  return NONE;
}

// Of the nearest mass: that of Co is within the tolerance of Ni's.
static int32_t number_of_mass(const Model &model, double mass)
{
  const auto distance = [mass](double own) { return std::fabs(mass - own); };
  const auto nearest =
      std::min_element(model.masses.begin(), model.masses.end(),
                       [&](double one, double other) { return distance(one) < distance(other); });
  return distance(*nearest) <= MASS_TOLERANCE * *nearest
             ? static_cast<int32_t>(nearest - model.masses.begin())
             : NONE;
}

static bool has_mass(const Atom &atom, int type)
{
  return atom.mass && atom.mass_setflag[type];
}

// Number among the model's elements of that of an atom type, or NONE.
static int32_t element_of(const Atom &atom, const Model &model,
                          const std::vector<std::string> &elements_of_types, int type)
{
  if (!elements_of_types.empty())
    return number_of(model, elements_of_types[type - 1]);
  if (atom.labelmapflag)
    return number_of_label(atom, model, type);
  return has_mass(atom, type) ? number_of_mass(model, atom.mass[type]) : NONE;
}

// Of this atom type, whose element the model does not know.
static std::string problem_of_type(const Atom &atom, const Model &model,
                                   const std::vector<std::string> &elements_of_types, int type)
{
  const auto known = known_words(model);
  if (!elements_of_types.empty()) {
    const auto &element = elements_of_types[type - 1];
    return fmt::format("atom type {} is {}, the model knows {}: use a model trained on {}", type, element,
                       known, element);
  }
  std::string remedy =
      "; if its element is one of these, add the element of each type to fix heal, like \"elements";
  for (int t = 1; t <= atom.ntypes; t++)
    remedy += " " + model.elements[(t - 1) % model.elements.size()];
  remedy += "\"";
  if (model.n_species == 1)    // lengths alone make no other elements of a model that sees species
    remedy += ", and otherwise \"lattice auto\"";
  if (atom.labelmapflag)
    return fmt::format("the label of atom type {} is no element of the model, which knows {}{}", type, known,
                       remedy);
  if (!has_mass(atom, type))
    return fmt::format("atom type {} has no label and no mass; the model knows {}{}", type, known, remedy);
  return fmt::format("atom type {} has mass {:.6g}, the model knows {}{}", type, atom.mass[type], known,
                     remedy);
}

std::vector<int32_t> LAMMPS_NS::species_of_types(LAMMPS *lmp, const Model &model,
                                                 const std::vector<std::string> &elements_of_types)
{
  const auto &atom = *lmp->atom;
  std::vector<bigint> n_mine(atom.ntypes + 1, 0), n_of_type(atom.ntypes + 1, 0);
  for (int i = 0; i < atom.nlocal; i++)
    n_mine[atom.type[i]]++;
  MPI_Allreduce(n_mine.data(), n_of_type.data(), atom.ntypes + 1, MPI_LMP_BIGINT, MPI_SUM, lmp->world);
  std::vector<int32_t> species(atom.ntypes + 1, NONE);
  std::string problem;
  for (int type = 1; type <= atom.ntypes && problem.empty(); type++) {
    const int32_t number = element_of(atom, model, elements_of_types, type);
    if (number == NONE && n_of_type[type] > 0)
      problem = problem_of_type(atom, model, elements_of_types, type);
    species[type] = number != NONE && model.n_species == 1 ? 0 : number;
  }
  stop_if_any(lmp, problem);
  return species;
}

void LAMMPS_NS::fill_species(const int *types, int64_t n, const std::vector<int32_t> &of_types,
                             std::vector<int32_t> &species)
{
  species.resize(n);
  for (int64_t i = 0; i < n; i++) {
    species[i] = of_types[types[i]];
    if (species[i] == NONE)
      throw std::runtime_error(fmt::format(
          "atoms of type {} have come in this run, and the model does not know its element: add \"elements\" "
          "to fix heal, or begin a new run",
          types[i]));
  }
}

std::vector<int> LAMMPS_NS::first_types_alike(const LAMMPS *lmp, const Model &model,
                                              const std::vector<std::string> &elements_of_types)
{
  const auto &atom = *lmp->atom;
  const auto are_alike = [&](int one, int other) {
    if (!elements_of_types.empty())
      return elements_of_types[one - 1] == elements_of_types[other - 1];
    const int32_t numbers[] = {element_of(atom, model, {}, one), element_of(atom, model, {}, other)};
    if (numbers[0] != NONE && numbers[1] != NONE)
      return numbers[0] == numbers[1];
    return has_mass(atom, one) && has_mass(atom, other) && atom.mass[one] > LIGHTEST &&
           std::fabs(atom.mass[one] - atom.mass[other]) <= SAME_MASS * atom.mass[one];
  };
  std::vector<int> first(atom.ntypes + 1);
  for (int type = 1; type <= atom.ntypes; type++) {
    int one = 1;
    while (one < type && !are_alike(one, type))
      one++;
    first[type] = one;
  }
  return first;
}
