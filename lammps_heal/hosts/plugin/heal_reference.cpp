#include "heal_reference.h"

#include "all_ranks.h"

#include "comm.h"
#include "domain.h"

#include <algorithm>
#include <cmath>

using namespace LAMMPS_NS;
using namespace lammps_heal;

static constexpr int64_t AT_ONCE = 100000;    // sites that are sent together

// The rank whose subdomain holds a place of the present box; outside of it, that of the nearest one.
static int owner_of(LAMMPS *lmp, std::array<double, 3> fraction)
{
  const auto &domain = *lmp->domain;
  double place[3];
  for (int d = 0; d < 3; d++) {
    if (domain.periodicity[d])
      fraction[d] -= std::floor(fraction[d]);
    place[d] = std::clamp(fraction[d], 0.0, std::nextafter(1.0, 0.0));
    if (!domain.triclinic)
      place[d] = domain.boxlo[d] + place[d] * domain.prd[d];
  }
  int grid[3];
  return lmp->comm->coord2proc(place, grid[0], grid[1], grid[2]);
}

ReferenceCrystal LAMMPS_NS::read_own_sites(LAMMPS *lmp, const std::string &path)
{
  ReferenceCrystal all = {}, own = {};
  std::string problem;
  if (lmp->comm->me == 0)
    problem = problem_of([&]() { all = read_reference(path); });
  stop_if_any(lmp, problem);
  auto n_sites = static_cast<int64_t>(all.sites.size());
  MPI_Bcast(&n_sites, 1, MPI_INT64_T, 0, lmp->world);
  MPI_Bcast(all.origin.data(), 3, MPI_DOUBLE, 0, lmp->world);
  MPI_Bcast(all.vectors, 9, MPI_DOUBLE, 0, lmp->world);
  own.origin = all.origin;
  std::copy_n(&all.vectors[0][0], 9, &own.vectors[0][0]);
  lmp->comm->coord2proc_setup();
  std::vector<ReferenceSite> some;
  for (int64_t begin = 0; begin < n_sites; begin += AT_ONCE) {
    const int64_t n = std::min(AT_ONCE, n_sites - begin);
    on_all_ranks(lmp, [&]() {
      some.resize(n);
      if (lmp->comm->me == 0)
        std::copy_n(all.sites.begin() + begin, n, some.begin());
    });
    MPI_Bcast(some.data(), static_cast<int>(n * sizeof(ReferenceSite)), MPI_BYTE, 0, lmp->world);
    on_all_ranks(lmp, [&]() {
      for (const auto &site : some)
        if (owner_of(lmp, site.fraction) == lmp->comm->me)
          own.sites.push_back(site);
    });
  }
  return own;
}
