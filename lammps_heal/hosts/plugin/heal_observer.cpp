#include "heal_observer.h"

#include "all_ranks.h"
#include "heal_elements.h"
#include "heal_reference.h"
#include "lammps_atoms.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace LAMMPS_NS;
using namespace lammps_heal;

// Of the nearest-neighbour distance, 0.05 Å in platinum: an atom whose surroundings still move further is not
// at rest on a site. RESIDUAL_THRESHOLD of lammps_heal/analysis/observation.py.
static constexpr double RESIDUAL_THRESHOLD = 0.018;
enum Column { HEALED = 0, LENGTH = 3, COORDINATION = 4, LABEL = 5, RESIDUAL = 6 };
enum Value { RMS = 0, LABELS = 1, IRREGULAR = 8, VACANCIES = 9, INTERSTITIALS = 10, DOUBTFUL = 11 };
enum SiteValue { EMPTY = HealObserver::N_VALUES, BEYOND_FIRST, PAIRS, ANTISITES };

static std::unique_ptr<JointStructure> structure_of(LAMMPS *lmp, const HealModel &model)
{
  std::unique_ptr<JointStructure> structure;
  on_all_ranks(lmp, [&]() {
    structure = std::make_unique<JointStructure>(
        model.model.structures, model.length_scale * model.model.lattice_constant, lmp->world,
        [lmp](const std::string &problem) { stop_if_any(lmp, problem); });
  });
  return structure;
}

static CopySettings settings_of_copy(const HealSettings &settings, const HealModel &model, double cutoff,
                                     double max_displacement, double search)
{
  CopySettings of_copy = {};
  of_copy.cutoff = cutoff;
  of_copy.max_displacement = max_displacement;
  of_copy.floor = soft_floor_of(model.model.structure, model.length_scale * model.model.lattice_constant);
  of_copy.length_scale = model.length_scale;
  of_copy.search = search;
  of_copy.n_steps = settings.n_observed_steps;
  of_copy.n_threads = settings.n_threads;
  return of_copy;
}

HealObserver::HealObserver(LAMMPS *lmp, const HealSettings &settings, const HealModel &model,
                           Backend &backend, double cutoff, double max_displacement) :
    lmp(lmp), model(model), elements(settings.elements), n_threads(settings.n_threads),
    structure(structure_of(lmp, model)),
    copy(backend, settings_of_copy(settings, model, cutoff, max_displacement, structure->search()),
         lmp->world, [lmp](const std::string &problem) { stop_if_any(lmp, problem); })
{
  if (!settings.sites.empty())
    sites = std::make_unique<ReferenceSites>(
        read_own_sites(lmp, settings.sites), structure->nearest(), lmp->world,
        [lmp](const std::string &problem) { stop_if_any(lmp, problem); });
}

void HealObserver::observe(int groupbit, bool are_all_in_group, const std::vector<int32_t> *species_of_type,
                           double **array_atom)
{
  if (!lmp->atom->tag_enable)
    lmp->error->all(FLERR, "fix heal observe needs atom ids: remove \"atom_modify id no\"");
  on_all_ranks(lmp, [this]() { require_finite(*lmp->atom); });
  heal_copy(groupbit, are_all_in_group, species_of_type);
  structure->look_at(copy, n_threads);
  write_columns(groupbit, array_atom);
  count(groupbit, array_atom);
  if (sites)
    count_on_sites();
}

void HealObserver::heal_copy(int groupbit, bool are_all_in_group, const std::vector<int32_t> *species_of_type)
{
  const auto &atom = *lmp->atom;
  on_all_ranks(lmp, [&]() {
    ids.assign(atom.tag, atom.tag + atom.nlocal);
    moves.resize(atom.nlocal);
    for (int i = 0; i < atom.nlocal; i++)
      moves[i] = (atom.mask[i] & groupbit) != 0;
    if (species_of_type)
      fill_species(atom.type, atom.nlocal, *species_of_type, species);
  });
  CopiedAtoms atoms = {};
  atoms.positions = atom.nlocal ? atom.x[0] : nullptr;
  atoms.ids = ids.data();
  atoms.moves = are_all_in_group ? nullptr : moves.data();
  atoms.species = species_of_type ? species.data() : nullptr;
  atoms.nlocal = atom.nlocal;
  copy.heal(atoms, cell_of(*lmp->domain));
}

void HealObserver::write_columns(int groupbit, double **array_atom) const
{
  const auto &atom = *lmp->atom;
  for (int i = 0; i < atom.nlocal; i++) {
    double *const row = array_atom[i];
    std::fill_n(row, N_COLUMNS, 0.0);
    if (!(atom.mask[i] & groupbit))
      continue;
    const double *const healed = copy.positions() + 3 * static_cast<int64_t>(i);
    lmp->domain->unmap(healed, atom.image[i], row + HEALED);
    row[LENGTH] = std::hypot(healed[0] - atom.x[i][0], healed[1] - atom.x[i][1], healed[2] - atom.x[i][2]);
    row[COORDINATION] = structure->coordination(i);
    row[LABEL] = structure->label(i);
    row[RESIDUAL] = structure->residual(i);
  }
}

// As Observation of lammps_heal/analysis/observation.py counts.
void HealObserver::count(int groupbit, double **array_atom)
{
  enum { SQUARES = N_VALUES, ATOMS, MISSING, GAINED };    // the last two of each of the shells
  const auto &shells = structure->distinct_shells();
  std::vector<double> sums(MISSING + 2 * shells.size());
  const auto &atom = *lmp->atom;
  for (int i = 0; i < atom.nlocal; i++) {
    if (!(atom.mask[i] & groupbit))
      continue;
    const int more = structure->bonds_beyond(i);
    sums[LABELS + structure->label(i) - 1] += 1.0;
    sums[IRREGULAR] += !structure->is_regular(i);
    sums[DOUBTFUL] += structure->residual(i) > RESIDUAL_THRESHOLD * structure->nearest();
    sums[SQUARES] += array_atom[i][LENGTH] * array_atom[i][LENGTH];
    sums[(more < 0 ? MISSING : GAINED) + 2 * structure->own_shells(i)] += std::abs(more);
    sums[ATOMS] += 1.0;
  }
  MPI_Allreduce(MPI_IN_PLACE, sums.data(), static_cast<int>(sums.size()), MPI_DOUBLE, MPI_SUM, lmp->world);
  std::copy_n(sums.begin(), N_VALUES, values.begin());
  values[RMS] = sums[ATOMS] > 0.0 ? std::sqrt(sums[SQUARES] / sums[ATOMS]) : 0.0;
  for (size_t k = 0; k < shells.size(); k++) {
    const double interstitials = sums[GAINED + 2 * k] / shells[k]->gained;
    values[INTERSTITIALS] += interstitials;
    values[VACANCIES] +=
        std::max(0.0, sums[MISSING + 2 * k] - shells[k]->lost * interstitials) / shells[k]->coordination;
  }
}

// Of all atoms, also those outside the group: the reference is of the whole crystal.
void HealObserver::count_on_sites()
{
  const auto &domain = *lmp->domain;
  on_all_ranks(lmp, [&]() {
    is_regular.resize(copy.nlocal());
    for (int64_t i = 0; i < copy.nlocal(); i++)
      is_regular[i] = structure->is_regular(i);
  });
  SiteOccupants occupants = {};
  occupants.positions = copy.positions();
  occupants.ids = ids.data();
  occupants.types = lmp->atom->type;
  occupants.is_regular = is_regular.data();
  occupants.n = copy.nlocal();
  on_all_ranks(lmp, [&]() { occupants.first_alike = first_types_alike(lmp, model.model, elements); });
  const auto counts =
      sites->count(occupants, cell_of(domain), {domain.boxlo[0], domain.boxlo[1], domain.boxlo[2]});
  values[EMPTY] = static_cast<double>(counts.vacancies);
  values[BEYOND_FIRST] = static_cast<double>(counts.interstitials);
  values[PAIRS] = static_cast<double>(std::min(counts.vacancies, counts.interstitials));
  values[ANTISITES] = static_cast<double>(counts.antisites);
  if (!counts.fits && !has_warned && lmp->comm->me == 0)
    lmp->error->warning(
        FLERR,
        "fix heal: atoms are {:.2f} Å (RMS) from the nearest sites of the reference: is it of this "
        "crystal, at rest, in a box of the same cells?",
        counts.distance);
  has_warned |= !counts.fits;
  on_all_ranks(lmp, [&]() {
    rows.clear();
    for (const auto &site : sites->defects())
      rows.push_back({static_cast<double>(site.id), static_cast<double>(site.type), site.position[0],
                      site.position[1], site.position[2], static_cast<double>(site.n_atoms),
                      static_cast<double>(site.type_of_atom)});
  });
}

double HealObserver::n_bytes() const
{
  return copy.n_bytes() + structure->n_bytes() + (sites ? sites->n_bytes() : 0.0) +
         static_cast<double>(sizeof(rows[0]) * rows.capacity()) +
         static_cast<double>(sizeof(int64_t) * ids.capacity() + moves.capacity() + is_regular.capacity() +
                             sizeof(int32_t) * species.capacity());
}
