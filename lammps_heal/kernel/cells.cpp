#include "cells.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace lammps_heal;

// More cells than some times the atoms cost more than they save.
static constexpr double CELLS_PER_ATOM = 4.0, LEAST_CELLS = 64.0,
                        MOST_CELLS = std::numeric_limits<int32_t>::max() - 1;
static constexpr double GROWTH = 1.25;    // of cells that are too many

Cells::Cells(const double *positions, const std::vector<int32_t> &order, double cutoff) :
    coordinates(positions)
{
  const auto n_atoms = static_cast<int64_t>(order.size());
  const double most = std::min(CELLS_PER_ATOM * static_cast<double>(n_atoms) + LEAST_CELLS, MOST_CELLS);
  for (int d = 0; d < 3; d++)
    side[d] = cutoff / CELLS_PER_CUTOFF[d];
  // Atoms far apart in a vacuum must not need more cells than there are atoms, nor all share one.
  if (!find_bounds(n_atoms) || !(number_of_cells() <= most)) {
    shorten_gaps(positions, n_atoms, 2.0 * cutoff);
    find_bounds(n_atoms);
  }
  while (number_of_cells() > most) {
    auto cells = [this](int d) { return (high[d] - low[d]) / side[d]; };
    int longest = 0;
    for (int d = 1; d < 3; d++)
      longest = cells(d) > cells(longest) ? d : longest;
    side[longest] *= GROWTH;
  }
  for (int d = 0; d < 3; d++)
    n[d] = cell_along(d, high[d]) + 1;
  sort_atoms(order);
}

// Returns whether all atoms have finite coordinates; the others do not count.
bool Cells::find_bounds(int64_t n_atoms)
{
  low.fill(HUGE_VAL);
  high.fill(-HUGE_VAL);
  bool is_finite = true;
  for (int64_t i = 0; i < n_atoms; i++) {
    if (!has(i)) {
      is_finite = false;
      continue;
    }
    for (int d = 0; d < 3; d++) {
      low[d] = std::min(low[d], coordinates[3 * i + d]);
      high[d] = std::max(high[d], coordinates[3 * i + d]);
    }
  }
  if (!(low[0] <= high[0])) {
    low.fill(0.0);
    high.fill(0.0);
  }
  return is_finite;
}

double Cells::number_of_cells() const
{
  double product = 1.0;
  for (int d = 0; d < 3; d++)
    product *= std::floor((high[d] - low[d]) / side[d]) + 1.0;
  return product;
}

// Along each axis, where no atom is for longer than `gap`, so much is left of it: no atoms become or cease to
// be neighbours, and coordinates are small whatever the positions are.
void Cells::shorten_gaps(const double *positions, int64_t n_atoms, double gap)
{
  std::vector<double> made(3 * n_atoms, std::numeric_limits<double>::quiet_NaN());
  std::vector<int32_t> atoms;
  for (int64_t i = 0; i < n_atoms; i++)
    if (has(i))
      atoms.push_back(static_cast<int32_t>(i));
  for (int d = 0; d < 3; d++) {
    auto along = [&](int32_t atom) { return positions[3 * static_cast<int64_t>(atom) + d]; };
    std::sort(atoms.begin(), atoms.end(), [&](int32_t a, int32_t b) { return along(a) < along(b); });
    double last = 0.0, begin = 0.0, shortened_begin = 0.0, shortened_last = 0.0;
    for (size_t k = 0; k < atoms.size(); k++) {
      const double own = along(atoms[k]);
      if (k == 0 || own - last > gap) {
        begin = own;
        shortened_begin = k == 0 ? 0.0 : shortened_last + gap;
      }
      last = own;
      shortened_last = shortened_begin + (own - begin);
      made[3 * static_cast<int64_t>(atoms[k]) + d] = shortened_last;
    }
  }
  shortened.swap(made);
  coordinates = shortened.data();
}

void Cells::sort_atoms(const std::vector<int32_t> &order)
{
  const size_t n_atoms = order.size();
  std::vector<int32_t> cell(n_atoms, -1);    // of each rank
  start.assign(n[0] * n[1] * n[2] + 1, 0);
  for (size_t rank = 0; rank < n_atoms; rank++) {
    const double *const p = coordinates + 3 * static_cast<int64_t>(order[rank]);
    if (!has(order[rank]))
      continue;
    cell[rank] =
        static_cast<int32_t>((cell_along(2, p[2]) * n[1] + cell_along(1, p[1])) * n[0] + cell_along(0, p[0]));
    start[cell[rank] + 1]++;
  }
  for (size_t c = 1; c < start.size(); c++)
    start[c] += start[c - 1];
  ranks.assign(n_atoms + EDGE_PADDING, 0);
  for (auto *component : {&x, &y, &z})
    component->assign(n_atoms + EDGE_PADDING, 0.0f);
  std::vector<int32_t> next(start.begin(), start.end() - 1);
  for (size_t rank = 0; rank < n_atoms; rank++) {
    if (cell[rank] < 0)
      continue;
    const double *const p = coordinates + 3 * static_cast<int64_t>(order[rank]);
    const int32_t k = next[cell[rank]]++;
    ranks[k] = static_cast<int32_t>(rank);
    x[k] = static_cast<float>(p[0] - low[0]);
    y[k] = static_cast<float>(p[1] - low[1]);
    z[k] = static_cast<float>(p[2] - low[2]);
  }
}

bool Cells::has(int64_t atom) const
{
  const double *const p = coordinates + 3 * atom;
  return std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]);
}

int64_t Cells::cell_along(int d, double coordinate) const
{
  return static_cast<int64_t>(std::floor((coordinate - low[d]) / side[d]));
}

double Cells::volume() const
{
  double product = 1.0;
  for (int d = 0; d < 3; d++)
    product *= std::max(high[d] - low[d], side[d]);
  return product;
}

double Cells::furthest() const
{
  return std::max({high[0] - low[0], high[1] - low[1], high[2] - low[2]});
}

int64_t Cells::find_near(const InstructionSet &functions, int64_t atom, float square, int32_t *found) const
{
  const double *const p = coordinates + 3 * atom;
  int64_t from[3], to[3];    // cells
  for (int d = 0; d < 3; d++) {
    const int64_t own = cell_along(d, p[d]);
    from[d] = std::max<int64_t>(own - CELLS_PER_CUTOFF[d], 0);
    to[d] = std::min<int64_t>(own + CELLS_PER_CUTOFF[d] + 1, n[d]);
  }
  const float point[3] = {static_cast<float>(p[0] - low[0]), static_cast<float>(p[1] - low[1]),
                          static_cast<float>(p[2] - low[2])};
  int64_t n_found = 0;
  for (int64_t cell_z = from[2]; cell_z < to[2]; cell_z++)
    for (int64_t cell_y = from[1]; cell_y < to[1]; cell_y++) {
      const int64_t row = (cell_z * n[1] + cell_y) * n[0];
      const int32_t begin = start[row + from[0]], end = start[row + to[0]];
      const Stretch stretch = {&x[begin], &y[begin], &z[begin], &ranks[begin], end - begin};
      n_found += functions.find_near(stretch, point, square, found + n_found);
    }
  return n_found;
}
