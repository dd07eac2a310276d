#include "heal_observer.h"

#include "all_ranks.h"
#include "heal_elements.h"
#include "heal_reference.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

using namespace LAMMPS_NS;
using namespace lammps_heal;

// Of the nearest-neighbour distance, 0.05 Å in platinum: an atom whose surroundings still move further is not
// at rest on a site. RESIDUAL_THRESHOLD of lammps_heal/analysis/observation.py.
static constexpr double RESIDUAL_THRESHOLD = 0.018;
enum Column { HEALED = 0, LENGTH = 3, COORDINATION = 4, LABEL = 5, RESIDUAL = 6 };
enum Value { RMS = 0, LABELS = 1, IRREGULAR = 8, VACANCIES = 9, INTERSTITIALS = 10, DOUBTFUL = 11 };
enum SiteValue { EMPTY = HealObserver::N_VALUES, BEYOND_FIRST, PAIRS, ANTISITES };
static constexpr int N_LABELS = HEAL_HEXAGONAL_DIAMOND;    // from 1

static const CrystalShells &known_shells(LAMMPS *lmp, const Model &model)
{
  const CrystalShells *shells = nullptr;
  on_all_ranks(lmp, [&]() { shells = &shells_of(model.structure); });
  return *shells;
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

static double search_of(const CrystalShells &shells, double nearest)
{
  return nearest * std::max(shells.bond, shells.is_diamond ? HEAL_SEARCH_DIAMOND : HEAL_SEARCH);
}

HealObserver::HealObserver(LAMMPS *lmp, const HealSettings &settings, const HealModel &model,
                           Backend &backend, double cutoff, double max_displacement) :
    lmp(lmp), shells(known_shells(lmp, model.model)),
    nearest(shells.nearest * model.length_scale * model.model.lattice_constant),
    n_threads(settings.n_threads),
    copy(backend, settings_of_copy(settings, model, cutoff, max_displacement, search_of(shells, nearest)),
         lmp->world, [lmp](const std::string &problem) { stop_if_any(lmp, problem); })
{
  if (!settings.sites.empty())
    sites =
        std::make_unique<ReferenceSites>(read_own_sites(lmp, settings.sites), nearest, lmp->world,
                                         [lmp](const std::string &problem) { stop_if_any(lmp, problem); });
}

void HealObserver::observe(int groupbit, bool are_all_in_group, const std::vector<int32_t> *species_of_type,
                           double **array_atom)
{
  if (!lmp->atom->tag_enable)
    lmp->error->all(FLERR, "fix heal observe needs atom ids: remove \"atom_modify id no\"");
  on_all_ranks(lmp, [this]() { require_finite(); });
  heal_copy(groupbit, are_all_in_group, species_of_type);
  on_all_ranks(lmp, [this]() { look_at_neighbours(); });
  write_columns(groupbit, array_atom);
  count(groupbit, array_atom);
  if (sites)
    count_on_sites();
}

void HealObserver::require_finite() const
{
  const auto &atom = *lmp->atom;
  for (int i = 0; i < atom.nlocal; i++)
    if (!std::isfinite(atom.x[i][0]) || !std::isfinite(atom.x[i][1]) || !std::isfinite(atom.x[i][2]))
      throw std::runtime_error("the position of " +
                               (atom.tag_enable ? "atom " + std::to_string(atom.tag[i]) : "an atom") +
                               " is not finite");
}

static PeriodicCell cell_of(const Domain &domain)
{
  PeriodicCell cell = {};
  for (int d = 0; d < 3; d++) {
    cell.vectors[d][d] = domain.prd[d];
    cell.is_periodic[d] = domain.periodicity[d];
  }
  if (domain.triclinic) {
    cell.vectors[1][0] = domain.xy;
    cell.vectors[2][0] = domain.xz;
    cell.vectors[2][1] = domain.yz;
  }
  return cell;
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

void HealObserver::look_at_neighbours()
{
  const int64_t n = copy.nlocal();
  coordination.resize(n);
  labels.resize(n);
  residuals.resize(n);
  heal_structure structure = {};
  structure.positions = copy.positions();
  structure.n_atoms = copy.n_atoms();
  structure.nlocal = n;
  structure.first = copy.list().first();
  structure.neighbours = copy.list().neighbours();
  structure.nearest = nearest;
  structure.bond = shells.bond * nearest;
  structure.is_diamond = shells.is_diamond;
  structure.n_threads = n_threads;
  if (heal_local_structure(&structure, coordination.data(), labels.data()) != HEAL_OK ||
      heal_bonded_average(&structure, copy.last_step(), residuals.data()) != HEAL_OK)
    throw std::runtime_error(heal_last_error());
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
    row[COORDINATION] = coordination[i];
    row[LABEL] = labels[i];
    row[RESIDUAL] = residuals[i];
  }
}

// As Observation of lammps_heal/analysis/observation.py counts.
void HealObserver::count(int groupbit, double **array_atom)
{
  enum { SQUARES = N_VALUES, MISSING, GAINED, ATOMS, N_SUMS };
  double mine[N_SUMS] = {}, sums[N_SUMS];
  const auto &atom = *lmp->atom;
  for (int i = 0; i < atom.nlocal; i++) {
    if (!(atom.mask[i] & groupbit))
      continue;
    const int more = coordination[i] - shells.coordination;
    mine[LABELS + labels[i] - 1] += 1.0;
    mine[IRREGULAR] += more != 0 || labels[i] == HEAL_OTHER;
    mine[DOUBTFUL] += residuals[i] > RESIDUAL_THRESHOLD * nearest;
    mine[SQUARES] += array_atom[i][LENGTH] * array_atom[i][LENGTH];
    mine[more < 0 ? MISSING : GAINED] += std::abs(more);
    mine[ATOMS] += 1.0;
  }
  MPI_Allreduce(mine, sums, N_SUMS, MPI_DOUBLE, MPI_SUM, lmp->world);
  std::copy_n(sums, N_VALUES, values.begin());
  values[RMS] = sums[ATOMS] > 0.0 ? std::sqrt(sums[SQUARES] / sums[ATOMS]) : 0.0;
  values[INTERSTITIALS] = sums[GAINED] / shells.gained;
  values[VACANCIES] =
      std::max(0.0, sums[MISSING] - shells.lost * values[INTERSTITIALS]) / shells.coordination;
}

// Of all atoms, also those outside the group: the reference is of the whole crystal.
void HealObserver::count_on_sites()
{
  const auto &domain = *lmp->domain;
  on_all_ranks(lmp, [&]() {
    is_regular.resize(copy.nlocal());
    for (int64_t i = 0; i < copy.nlocal(); i++)
      is_regular[i] = coordination[i] == shells.coordination && labels[i] != HEAL_OTHER;
  });
  const SiteOccupants occupants = {copy.positions(), ids.data(), lmp->atom->type, is_regular.data(),
                                   copy.nlocal()};
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
  return copy.n_bytes() + (sites ? sites->n_bytes() : 0.0) +
         static_cast<double>(sizeof(rows[0]) * rows.capacity()) +
         static_cast<double>(sizeof(int64_t) * ids.capacity() + moves.capacity() + is_regular.capacity() +
                             sizeof(int32_t) * species.capacity() +
                             sizeof(int32_t) * (coordination.capacity() + labels.capacity()) +
                             sizeof(double) * residuals.capacity());
}
