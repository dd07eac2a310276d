// Wigner-Seitz cells: the lattice site that each point is nearest to; see heal_analysis.h.

#include "heal_analysis.h"

#include "status.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

using namespace lammps_heal;

namespace
{

// Sites around most points are found within the cells next to their own; farther ones are looked for only
// where there is none.
constexpr int CELLS_PER_REACH = 2;
constexpr double FARTHEST = 1.0e12;    // Å, beyond is nowhere
constexpr double MOST_CELLS_PER_SITE = 8.0, LEAST_CELLS = 64.0, GROWTH = 1.25;

using Place = std::array<int64_t, 3>;

// Sites sorted into cells.
class Grid
{
 public:
  Grid(const double *sites, int64_t n_sites, double reach);

  // Row of the nearest site within reach, or -1; of sites as far as each other the first.
  int32_t nearest(const double *point) const;

 private:
  struct Found {
    double square = std::numeric_limits<double>::infinity();    // Å^2
    int32_t site = -1;
  };
  const double *sites;
  double reach, side;
  std::array<double, 3> low;
  Place n = {1, 1, 1};
  std::vector<int64_t> start;
  std::vector<int32_t> sorted;

  Place place_of(const double *point) const;
  int64_t cell_of(const Place &place) const
  {
    return (place[2] * n[1] + place[1]) * n[0] + place[0];
  }
  void look(const double *point, const Place &own, int n_around, Found &found) const;
};

bool is_somewhere(const double *p)
{
  return std::fabs(p[0]) < FARTHEST && std::fabs(p[1]) < FARTHEST && std::fabs(p[2]) < FARTHEST;
}

Grid::Grid(const double *sites, int64_t n_sites, double reach) :
    sites(sites), reach(reach), side(reach / CELLS_PER_REACH), low({0.0, 0.0, 0.0})
{
  std::array<double, 3> high = {-HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
  low.fill(HUGE_VAL);
  for (int64_t k = 0; k < n_sites; k++)
    for (int d = 0; d < 3 && is_somewhere(sites + 3 * k); d++) {
      low[d] = std::min(low[d], sites[3 * k + d]);
      high[d] = std::max(high[d], sites[3 * k + d]);
    }
  if (!(low[0] <= high[0])) {
    start.assign(2, 0);
    low.fill(0.0);
    return;
  }
  const double most = MOST_CELLS_PER_SITE * static_cast<double>(n_sites) + LEAST_CELLS;
  auto n_cells = [&]() {
    double product = 1.0;
    for (int d = 0; d < 3; d++)
      product *= std::floor((high[d] - low[d]) / side) + 1.0;
    return product;
  };
  while (!(n_cells() <= most))
    side *= GROWTH;
  for (int d = 0; d < 3; d++)
    n[d] = static_cast<int64_t>((high[d] - low[d]) / side) + 1;
  start.assign(n[0] * n[1] * n[2] + 1, 0);
  sorted.resize(n_sites);
  for (int pass = 0; pass < 2; pass++) {
    std::vector<int64_t> next(start.begin(), start.end() - 1);
    for (int64_t k = 0; k < n_sites; k++) {
      if (!is_somewhere(sites + 3 * k))
        continue;
      const int64_t cell = cell_of(place_of(sites + 3 * k));
      if (pass == 0)
        start[cell + 1]++;
      else
        sorted[next[cell]++] = static_cast<int32_t>(k);
    }
    for (size_t c = 1; pass == 0 && c < start.size(); c++)
      start[c] += start[c - 1];
  }
}

// Cells at the faces also hold what lies outside.
Place Grid::place_of(const double *point) const
{
  Place place;
  for (int d = 0; d < 3; d++) {
    const double last = static_cast<double>(n[d] - 1);
    place[d] = static_cast<int64_t>(std::clamp(std::floor((point[d] - low[d]) / side), 0.0, last));
  }
  return place;
}

void Grid::look(const double *point, const Place &own, int n_around, Found &found) const
{
  Place from, to;
  for (int d = 0; d < 3; d++) {
    from[d] = std::max<int64_t>(own[d] - n_around, 0);
    to[d] = std::min<int64_t>(own[d] + n_around, n[d] - 1);
  }
  for (int64_t c = from[2]; c <= to[2]; c++)
    for (int64_t b = from[1]; b <= to[1]; b++) {
      const int64_t row = (c * n[1] + b) * n[0];
      for (int64_t k = start[row + from[0]]; k < start[row + to[0] + 1]; k++) {
        const int32_t site = sorted[k];
        const double *const s = sites + 3 * static_cast<int64_t>(site);
        const double x = s[0] - point[0], y = s[1] - point[1], z = s[2] - point[2];
        const double square = x * x + y * y + z * z;
        if (square < found.square || (square == found.square && site < found.site))
          found = {square, site};
      }
    }
}

int32_t Grid::nearest(const double *point) const
{
  if (!is_somewhere(point))
    return -1;
  const Place own = place_of(point);
  Found found;
  look(point, own, 1, found);
  if (found.square > side * side)    // a site beyond these cells may be nearer
    look(point, own, CELLS_PER_REACH, found);
  return found.square < reach * reach ? found.site : -1;
}

}    // namespace

HEAL_API int heal_nearest_sites(const heal_lattice_sites *lattice, int32_t *nearest)
{
  return attempt([&]() {
    require(lattice && lattice->n_sites >= 0 && lattice->n_points >= 0 &&
                lattice->n_sites <= std::numeric_limits<int32_t>::max(),
            "lattice sites and points need numbers of them that make sense");
    require((lattice->n_sites == 0 || lattice->sites) &&
                (lattice->n_points == 0 || (lattice->points && nearest)),
            "lattice sites need positions, points, and room for what is found");
    require(lattice->reach > 0.0 && std::isfinite(lattice->reach) && is_somewhere(lattice->shift),
            "the reach of lattice sites must be a length above 0 Å and their shift finite, got %g",
            lattice->reach);
    const Grid grid(lattice->sites, lattice->n_sites, lattice->reach);
    for (int64_t i = 0; i < lattice->n_points; i++) {
      const double *const p = lattice->points + 3 * i;
      const double point[3] = {p[0] - lattice->shift[0], p[1] - lattice->shift[1], p[2] - lattice->shift[2]};
      nearest[i] = grid.nearest(point);
    }
    return HEAL_OK;
  });
}
