#include "heal_lattice.h"

#include "all_ranks.h"
#include "heal_elements.h"
#include "healed_copy.h"
#include "joint_structure.h"
#include "lammps_atoms.h"
#include "neighbour_distances.h"
#include "structure_check.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace LAMMPS_NS;
using namespace lammps_heal;

// All as in input_checks.py and neighbour_shells.py.
static constexpr double WARM = 1.005;       // a hot crystal's mean neighbour distance, in that of its sites
static constexpr double HEALED = 1.0015;    // the same after some healing steps
static constexpr double NEARLY = 0.005;     // two lattice constants, of either
static constexpr double DIGITS = 1.0e4;     // Å⁻¹, to which it is rounded
static constexpr int64_t FEWEST_LABELLED = 20;    // atoms with the crystal's label, by which it is found
static constexpr double REACH = 2.5, FARTHEST = 12.0;    // of the list, in cube roots of an atom's volume; Å

namespace
{

class LatticeSearch
{
 public:
  LatticeSearch(LAMMPS *lmp, const HealSettings &settings, HealModel model) :
      lmp(lmp), settings(settings), model(std::move(model)), cell(cell_of(*lmp->domain)),
      nearest_in_constants(shells_of(this->model.model.structure).nearest),
      stop([lmp](const std::string &problem) { stop_if_any(lmp, problem); }), ghosts(lmp->world, stop)
  {
    copy_atoms();
    list_neighbours();
  }

  double find()
  {
    const auto of_all = distances(listed(), nullptr);
    const double guess = 0.5 * (of_all.nearest + of_all.nearest_if_bcc) / nearest_in_constants / WARM;
    heal_a_copy(guess);
    const double better = distances(listed(), crystalline()).likelier() / nearest_in_constants / WARM;
    if (std::fabs(better / guess - 1.0) > NEARLY)
      heal_a_copy(better);
    const ListedPositions healed = {copy->positions(), copy->nlocal(), copy->list().first(),
                                    copy->list().neighbours()};
    const double constant = distances(healed, crystalline()).likelier() / nearest_in_constants / HEALED;
    return std::round(DIGITS * constant) / DIGITS;
  }

 private:
  LAMMPS *lmp;
  const HealSettings &settings;
  HealModel model;
  PeriodicCell cell;
  double nearest_in_constants;
  StopIfAny stop;
  GhostExchange ghosts;
  NeighbourList neighbours;
  CopiedAtoms atoms = {};
  std::vector<double> positions;
  std::vector<int64_t> ids;
  std::vector<int32_t> species;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<HealedCopy> copy;
  std::vector<char> has_own_label;
  int64_t n_labelled = 0;

  void copy_atoms()
  {
    const auto &atom = *lmp->atom;
    std::vector<int32_t> of_types;
    if (model.model.n_species > 1)
      of_types = species_of_types(lmp, model.model, settings.elements);
    on_all_ranks(lmp, [&]() {
      require_finite(*lmp->atom);
      ids.assign(atom.tag, atom.tag + atom.nlocal);
      if (!of_types.empty())
        fill_species(atom.type, atom.nlocal, of_types, species);
    });
    atoms.positions = atom.nlocal ? atom.x[0] : nullptr;
    atoms.ids = ids.data();
    atoms.species = of_types.empty() ? nullptr : species.data();
    atoms.nlocal = atom.nlocal;
  }

  void list_neighbours()
  {
    const auto &domain = *lmp->domain;
    const double volume = domain.xprd * domain.yprd * domain.zprd;
    const double reach =
        std::min(REACH * std::cbrt(volume / static_cast<double>(lmp->atom->natoms)), FARTHEST);
    ghosts.find_ghosts(atoms.positions, atoms.nlocal, cell, reach);
    const int64_t n = ghosts.n_atoms();
    std::vector<int64_t> of_all;
    on_all_ranks(lmp, [&]() {
      positions.assign(atoms.positions, atoms.positions + 3 * atoms.nlocal);
      positions.resize(3 * n);
      of_all.resize(n);    // the order of neighbours does not matter here
    });
    ghosts.forward_positions(positions.data());
    on_all_ranks(lmp, [&]() {
      neighbours.build(positions.data(), of_all.data(), atoms.nlocal, n, reach, settings.n_threads);
    });
  }

  ListedPositions listed() const
  {
    return {positions.data(), atoms.nlocal, neighbours.first(), neighbours.neighbours()};
  }

  // By its labels, or all where few have one.
  const std::vector<char> *crystalline() const
  {
    return n_labelled >= FEWEST_LABELLED ? &has_own_label : nullptr;
  }

  NeighbourDistances distances(const ListedPositions &of, const std::vector<char> *chosen) const
  {
    const auto found = neighbour_distances(of, chosen, model.model.structures, lmp->world);
    if (!found.are_known())
      lmp->error->all(
          FLERR,
          "fix heal lattice auto: too few atoms are inside of a crystal to tell the lattice constant from: "
          "give it as a number, Å");
    return found;
  }

  // All atoms, whatever the group.
  void heal_a_copy(double lattice)
  {
    model.length_scale = lattice / model.model.lattice_constant;
    copy.reset();
    backend = make_backend(lmp, settings, model);
    JointStructure structure(model.model.structures, lattice, lmp->world, stop);
    CopySettings of_copy = {};
    of_copy.cutoff = model.length_scale * model.model.cutoff;
    of_copy.max_displacement = model.length_scale * model.model.max_displacement;
    of_copy.floor = soft_floor_of(model.model.structure, lattice);
    of_copy.length_scale = model.length_scale;
    of_copy.search = structure.search();
    of_copy.n_steps = LOOK_STEPS;
    of_copy.n_threads = settings.n_threads;
    copy = std::make_unique<HealedCopy>(*backend, of_copy, lmp->world, stop);
    copy->heal(atoms, cell);
    structure.look_at(*copy, settings.n_threads);
    on_all_ranks(lmp, [&]() { has_own_label.assign(atoms.nlocal, 0); });
    for (const auto &name : model.model.structures)
      for (int64_t i = 0; i < atoms.nlocal; i++)
        has_own_label[i] |= structure.label(i) == shells_of(name).label;
    n_labelled = std::accumulate(has_own_label.begin(), has_own_label.end(), int64_t{0});
    MPI_Allreduce(MPI_IN_PLACE, &n_labelled, 1, MPI_INT64_T, MPI_SUM, lmp->world);
  }
};

}    // namespace

double LAMMPS_NS::found_lattice(LAMMPS *lmp, const HealSettings &settings, HealModel model)
{
  if (!has_shells(model.model.structure))
    lmp->error->all(FLERR,
                    "fix heal lattice auto: the lattice constant of {} cannot be found from distances: give "
                    "it as a number, Å",
                    model.model.structure);
  if (!lmp->atom->tag_enable)
    lmp->error->all(FLERR, "fix heal lattice auto needs atom ids: remove \"atom_modify id no\"");
  if (lmp->atom->natoms == 0)
    lmp->error->all(FLERR, "fix heal lattice auto looks at the atoms, and there are none yet: add it after "
                           "they are made or read");
  const double lattice = LatticeSearch(lmp, settings, std::move(model)).find();
  if (lmp->comm->me == 0)
    utils::logmesg(lmp, "fix heal: lattice constant {:.4f} Å, as the atoms show it\n", lattice);
  return lattice;
}
