#include "reference_sites.h"

#include "heal_analysis.h"
#include "heal_kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

using namespace lammps_heal;

// In nearest-neighbour distances, as in reference_sites.py. REACH: an atom farther from all sites is on none.
// AT_REST: mean drift that leaves all atoms on their sites. ASTRAY: RMS distance of a crystal's atoms from
// sites that are not its own.
static constexpr double REACH = 1.5, AT_REST = 0.02, ASTRAY = 0.25;
static constexpr int MOST_ALIGNMENTS = 10;
// Units in 1 Å: sums of whole numbers are the same in any order, on any number of ranks.
static constexpr double FIXED_POINT = 268435456.0;

static double length_of(const std::array<double, 3> &v)
{
  return std::hypot(v[0], v[1], v[2]);
}

ReferenceSites::ReferenceSites(ReferenceCrystal crystal, double nearest, MPI_Comm world,
                               StopIfAny stop_if_any) :
    crystal(std::move(crystal)), nearest(nearest), world(world), stop_if_any(stop_if_any),
    ghosts(world, stop_if_any)
{
}

SiteCounts ReferenceSites::count(const SiteOccupants &atoms, const PeriodicCell &cell, const Vector &origin)
{
  stop_if_any(problem_of([&]() { place_sites(cell, origin); }));
  Fit fit = moved_by_mean(atoms, cell, drift);
  if (fit.distance > ASTRAY * nearest) {
    // Half-way between two sites atoms say nothing: one of them is put on its site.
    Vector other = fit.drift;
    for (int d = 0; d < 3; d++)
      other[d] += fit.first[d];
    const Fit of_other = moved_by_mean(atoms, cell, other);
    if (of_other.distance < fit.distance)
      fit = of_other;
    else    // where the atoms are is of the last that was tried
      fit = moved_by_mean(atoms, cell, fit.drift);
  }
  drift = fit.drift;
  auto counts = count_occupation(atoms);
  counts.distance = fit.distance;
  counts.fits = fit.distance <= ASTRAY * nearest;
  return counts;
}

// Where the box is open it holds the atoms, and says nothing of the crystal's length.
void ReferenceSites::place_sites(const PeriodicCell &cell, const Vector &origin)
{
  double vectors[3][3];
  Vector corner;
  for (int k = 0; k < 3; k++) {
    corner[k] = cell.is_periodic[k] ? origin[k] : crystal.origin[k];
    std::copy_n(cell.is_periodic[k] ? cell.vectors[k] : crystal.vectors[k], 3, vectors[k]);
  }
  still.resize(3 * crystal.sites.size());
  for (size_t k = 0; k < crystal.sites.size(); k++)
    for (int d = 0; d < 3; d++) {
      const auto &fraction = crystal.sites[k].fraction;
      still[3 * k + d] =
          corner[d] + fraction[0] * vectors[0][d] + fraction[1] * vectors[1][d] + fraction[2] * vectors[2][d];
    }
}

// Puts all atoms on the sites nearest to them, the sites moved by `by`, Å.
ReferenceSites::Fit ReferenceSites::assign(const SiteOccupants &atoms, const PeriodicCell &cell,
                                           const Vector &by)
{
  const auto n_sites = static_cast<int64_t>(crystal.sites.size());
  stop_if_any(problem_of([&]() {
    moved.resize(still.size());
    for (size_t k = 0; k < still.size(); k++)
      moved[k] = still[k] + by[k % 3];
  }));
  ghosts.find_ghosts_around(moved.data(), n_sites, {atoms.positions, atoms.n}, cell, REACH * nearest);
  stop_if_any(problem_of([&]() {
    moved.resize(3 * ghosts.n_atoms());
    occupation.assign(4 * ghosts.n_atoms(), 0.0);
    site_of_atom.resize(atoms.n);
  }));
  ghosts.forward_positions(moved.data());
  stop_if_any(problem_of([&]() {
    heal_lattice_sites lattice = {};
    lattice.sites = moved.data();
    lattice.n_sites = ghosts.n_atoms();
    lattice.points = atoms.positions;
    lattice.n_points = atoms.n;
    lattice.reach = REACH * nearest;
    if (heal_nearest_sites(&lattice, site_of_atom.data()) != HEAL_OK)
      throw std::runtime_error(heal_last_error());
  }));
  Fit fit = fit_of(atoms);
  fit.drift = by;
  return fit;
}

ReferenceSites::Fit ReferenceSites::fit_of(const SiteOccupants &atoms) const
{
  enum { SQUARES = 3, ATOMS, N_SUMS };
  int64_t mine[N_SUMS] = {}, sums[N_SUMS];
  struct {
    double id = std::numeric_limits<double>::infinity();
    int rank;
  } my_first, first;
  MPI_Comm_rank(world, &my_first.rank);
  Fit fit;
  for (int64_t i = 0; i < atoms.n; i++) {
    if (!atoms.is_regular[i] || site_of_atom[i] < 0)
      continue;
    Vector from_site;
    for (int d = 0; d < 3; d++) {
      from_site[d] = atoms.positions[3 * i + d] - moved[3 * static_cast<int64_t>(site_of_atom[i]) + d];
      mine[d] += std::llrint(FIXED_POINT * from_site[d]);
    }
    const double length = length_of(from_site);
    mine[SQUARES] += std::llrint(FIXED_POINT * length * length);
    mine[ATOMS]++;
    if (static_cast<double>(atoms.ids[i]) < my_first.id) {
      my_first.id = static_cast<double>(atoms.ids[i]);
      fit.first = from_site;
    }
  }
  MPI_Allreduce(mine, sums, N_SUMS, MPI_INT64_T, MPI_SUM, world);
  MPI_Allreduce(&my_first, &first, 1, MPI_DOUBLE_INT, MPI_MINLOC, world);
  MPI_Bcast(fit.first.data(), 3, MPI_DOUBLE, first.rank, world);
  const double n = static_cast<double>(std::max<int64_t>(sums[ATOMS], 1)) * FIXED_POINT;
  for (int d = 0; d < 3; d++)
    fit.mean[d] = static_cast<double>(sums[d]) / n;
  fit.distance = std::sqrt(static_cast<double>(sums[SQUARES]) / n);
  return fit;
}

ReferenceSites::Fit ReferenceSites::moved_by_mean(const SiteOccupants &atoms, const PeriodicCell &cell,
                                                  const Vector &start)
{
  Fit fit = assign(atoms, cell, start);
  for (int k = 0; k < MOST_ALIGNMENTS; k++) {
    Vector next = fit.drift;
    for (int d = 0; d < 3; d++)
      next[d] += fit.mean[d];
    if (length_of(fit.mean) <= AT_REST * nearest) {
      fit.drift = next;
      break;
    }
    fit = assign(atoms, cell, next);
  }
  return fit;
}

SiteCounts ReferenceSites::count_occupation(const SiteOccupants &atoms)
{
  enum { VACANCIES, INTERSTITIALS, ANTISITES, N_COUNTS };
  int64_t mine[N_COUNTS] = {}, counts[N_COUNTS];
  for (int64_t i = 0; i < atoms.n; i++) {
    const auto row = static_cast<int64_t>(site_of_atom[i]);
    mine[INTERSTITIALS] += row < 0;
    if (row < 0)
      continue;
    occupation[4 * row] += 1.0;
    occupation[4 * row + 1] += atoms.types[i];
  }
  ghosts.reverse(occupation.data());
  const auto element_of = [&](int64_t type) {
    return type < std::ssize(atoms.first_alike) ? atoms.first_alike[type] : type;
  };
  stop_if_any(problem_of([&]() {
    defect_sites.clear();
    for (size_t k = 0; k < crystal.sites.size(); k++) {
      const auto &site = crystal.sites[k];
      const auto n_atoms = static_cast<int64_t>(occupation[4 * k]);
      const auto type_of_atom = n_atoms == 1 ? static_cast<int64_t>(occupation[4 * k + 1]) : 0;
      if (n_atoms == 1 && element_of(type_of_atom) == element_of(site.type))
        continue;
      mine[VACANCIES] += n_atoms == 0;
      mine[INTERSTITIALS] += std::max<int64_t>(n_atoms - 1, 0);
      mine[ANTISITES] += n_atoms == 1;
      DefectSite defect = {site.id, {}, site.type, n_atoms, type_of_atom};
      for (int d = 0; d < 3; d++)
        defect.position[d] = still[3 * k + d] + drift[d];
      defect_sites.push_back(defect);
    }
  }));
  MPI_Allreduce(mine, counts, N_COUNTS, MPI_INT64_T, MPI_SUM, world);
  return {counts[VACANCIES], counts[INTERSTITIALS], counts[ANTISITES], 0.0, true};
}

double ReferenceSites::n_bytes() const
{
  return static_cast<double>(sizeof(ReferenceSite) * crystal.sites.capacity() +
                             sizeof(double) * (still.capacity() + moved.capacity() + occupation.capacity()) +
                             sizeof(int32_t) * site_of_atom.capacity() +
                             sizeof(DefectSite) * defect_sites.capacity());
}
