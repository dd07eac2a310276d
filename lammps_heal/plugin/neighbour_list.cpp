#include "neighbour_list.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

using namespace lammps_heal;

// Rows in cells, one cell's rows one behind the other.
struct Cells {
  std::array<int64_t, 3> n;
  std::vector<int32_t> start, rows;
  std::vector<double> positions;    // of rows, (n_rows, 3)
};

static constexpr int PER_CUTOFF = 2;    // cells; smaller ones hug the sphere better

static Cells sort_into_cells(const double *positions, int64_t n_rows, double cutoff)
{
  std::array<double, 3> low = {HUGE_VAL, HUGE_VAL, HUGE_VAL}, high = {-HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
  for (int64_t i = 0; i < n_rows; i++)
    for (int d = 0; d < 3; d++) {
      low[d] = std::min(low[d], positions[3 * i + d]);
      high[d] = std::max(high[d], positions[3 * i + d]);
    }
  Cells cells;
  // Atoms far apart in a vacuum must not need more cells than there are atoms.
  double side = cutoff / PER_CUTOFF;
  auto total = [&]() {
    double product = 1.0;
    for (int d = 0; d < 3; d++)
      product *= std::floor((high[d] - low[d]) / side) + 1.0;
    return product;
  };
  while (total() > 4.0 * static_cast<double>(n_rows) + 64.0)
    side *= 1.25;
  for (int d = 0; d < 3; d++)
    cells.n[d] = static_cast<int64_t>((high[d] - low[d]) / side) + 1;
  auto cell_of = [&](int64_t i) {
    std::array<int64_t, 3> c;
    for (int d = 0; d < 3; d++)
      c[d] = std::min(static_cast<int64_t>((positions[3 * i + d] - low[d]) / side), cells.n[d] - 1);
    return (c[2] * cells.n[1] + c[1]) * cells.n[0] + c[0];
  };
  std::vector<int32_t> cell(n_rows);
  cells.start.assign(cells.n[0] * cells.n[1] * cells.n[2] + 1, 0);
  for (int64_t i = 0; i < n_rows; i++) {
    cell[i] = static_cast<int32_t>(cell_of(i));
    cells.start[cell[i] + 1]++;
  }
  for (size_t c = 1; c < cells.start.size(); c++)
    cells.start[c] += cells.start[c - 1];
  cells.rows.resize(n_rows);
  cells.positions.resize(3 * n_rows);
  std::vector<int32_t> next(cells.start.begin(), cells.start.end() - 1);
  for (int64_t i = 0; i < n_rows; i++) {
    const int32_t place = next[cell[i]]++;
    cells.rows[place] = static_cast<int32_t>(i);
    std::copy_n(positions + 3 * i, 3, &cells.positions[3 * static_cast<size_t>(place)]);
  }
  return cells;
}

void lammps_heal::find_neighbours(const double *positions, int64_t n_owned, int64_t n_rows, double cutoff,
                                  NeighbourList &list)
{
  list.first.assign(n_owned + 1, 0);
  list.neighbours.clear();
  if (n_owned == 0)
    return;
  const Cells cells = sort_into_cells(positions, n_rows, cutoff);
  // Found cell by cell, wanted row by row.
  const double cutoff_square = cutoff * cutoff;
  std::vector<int32_t> found;
  std::vector<int64_t> begin_of(n_owned);
  for (int64_t z = 0; z < cells.n[2]; z++)
    for (int64_t y = 0; y < cells.n[1]; y++)
      for (int64_t x = 0; x < cells.n[0]; x++) {
        const int64_t own = (z * cells.n[1] + y) * cells.n[0] + x;
        const int32_t own_begin = cells.start[own], own_end = cells.start[own + 1];
        for (int32_t a = own_begin; a < own_end; a++) {
          const int32_t i = cells.rows[a];
          if (i >= n_owned)
            continue;
          const double x0 = cells.positions[3 * static_cast<size_t>(a)],
                       y0 = cells.positions[3 * static_cast<size_t>(a) + 1],
                       z0 = cells.positions[3 * static_cast<size_t>(a) + 2];
          const auto begin = static_cast<int64_t>(found.size());
          begin_of[i] = begin;
          int64_t n = begin;
          for (int64_t cz = std::max<int64_t>(z - PER_CUTOFF, 0);
               cz <= std::min(z + PER_CUTOFF, cells.n[2] - 1); cz++)
            for (int64_t cy = std::max<int64_t>(y - PER_CUTOFF, 0);
                 cy <= std::min(y + PER_CUTOFF, cells.n[1] - 1); cy++) {
              // A row of cells along x is one stretch of atoms.
              const int64_t line = (cz * cells.n[1] + cy) * cells.n[0];
              const int32_t stretch_begin = cells.start[line + std::max<int64_t>(x - PER_CUTOFF, 0)];
              const int32_t stretch_end = cells.start[line + std::min(x + PER_CUTOFF, cells.n[0] - 1) + 1];
              found.resize(n + (stretch_end - stretch_begin));
              for (int32_t b = stretch_begin; b < stretch_end; b++) {
                const double *p = &cells.positions[3 * static_cast<size_t>(b)];
                const double dx = p[0] - x0, dy = p[1] - y0, dz = p[2] - z0;
                found[n] = cells.rows[b];
                n += (dx * dx + dy * dy + dz * dz < cutoff_square) & (b != a);
              }
            }
          found.resize(n);
          list.first[i + 1] = n - begin;
        }
      }
  for (int64_t i = 0; i < n_owned; i++)
    list.first[i + 1] += list.first[i];
  list.neighbours.resize(found.size());
  for (int64_t i = 0; i < n_owned; i++)
    std::copy_n(found.begin() + begin_of[i], list.first[i + 1] - list.first[i],
                list.neighbours.begin() + list.first[i]);
}

// Rows in order of id, by radix sort.
static std::vector<int32_t> rows_by_id(const int64_t *ids, int64_t n_rows)
{
  constexpr int BITS = 11, SIZE = 1 << BITS;
  std::vector<int32_t> rows(n_rows), sorted(n_rows);
  int64_t largest = 0;
  for (int64_t i = 0; i < n_rows; i++) {
    rows[i] = static_cast<int32_t>(i);
    largest = std::max(largest, ids[i]);
  }
  for (int shift = 0; shift < 63 && largest >> shift > 0; shift += BITS) {
    std::array<int64_t, SIZE + 1> start = {};
    for (int64_t i = 0; i < n_rows; i++)
      start[(ids[i] >> shift & (SIZE - 1)) + 1]++;
    for (int k = 0; k < SIZE; k++)
      start[k + 1] += start[k];
    for (int32_t row : rows)
      sorted[start[ids[row] >> shift & (SIZE - 1)]++] = row;
    rows.swap(sorted);
  }
  return rows;
}

static void order_images(const double *positions, const int64_t *ids, int64_t n_owned, bool is_ordered,
                         NeighbourList &list)
{
  auto same_id = [&](int32_t a, int32_t b) { return ids[a] == ids[b]; };
  for (int64_t i = 0; i < n_owned; i++) {
    const auto begin = list.neighbours.begin() + list.first[i],
               end = list.neighbours.begin() + list.first[i + 1];
    if (is_ordered && std::adjacent_find(begin, end, same_id) == end)
      continue;
    std::sort(begin, end, [&](int32_t a, int32_t b) {
      if (ids[a] != ids[b])
        return ids[a] < ids[b];
      double vectors[2][3];
      for (int d = 0; d < 3; d++) {
        vectors[0][d] = positions[3 * static_cast<int64_t>(a) + d] - positions[3 * i + d];
        vectors[1][d] = positions[3 * static_cast<int64_t>(b) + d] - positions[3 * i + d];
      }
      return std::lexicographical_compare(vectors[0], vectors[0] + 3, vectors[1], vectors[1] + 3);
    });
  }
}

// A full list is its own transpose, so that atoms taken in order of id, each entering itself into the lists
// of its neighbours, fill every list in order of id without a comparison. Ghosts have no lists; theirs are
// made here.
void lammps_heal::order_by_id(const double *positions, const int64_t *ids, int64_t n_owned, int64_t n_rows,
                              NeighbourList &list)
{
  std::vector<int64_t> ghost_first(n_rows - n_owned + 1, 0);
  for (int32_t j : list.neighbours)
    if (j >= n_owned)
      ghost_first[j - n_owned + 1]++;
  for (size_t g = 1; g < ghost_first.size(); g++)
    ghost_first[g] += ghost_first[g - 1];
  std::vector<int32_t> of_ghosts(ghost_first.back());
  std::vector<int64_t> next(ghost_first.begin(), ghost_first.end() - 1);
  for (int64_t i = 0; i < n_owned; i++)
    for (int64_t k = list.first[i]; k < list.first[i + 1]; k++)
      if (list.neighbours[k] >= n_owned)
        of_ghosts[next[list.neighbours[k] - n_owned]++] = static_cast<int32_t>(i);

  std::vector<int32_t> ordered(list.neighbours.size());
  next.assign(list.first.begin(), list.first.end() - 1);
  bool is_full = true;
  for (int32_t row : rows_by_id(ids, n_rows)) {
    const bool is_owned = row < n_owned;
    const int32_t *centres =
        is_owned ? list.neighbours.data() + list.first[row] : of_ghosts.data() + ghost_first[row - n_owned];
    const int64_t n = is_owned ? list.first[row + 1] - list.first[row]
                               : ghost_first[row - n_owned + 1] - ghost_first[row - n_owned];
    for (int64_t k = 0; k < n; k++) {
      const int32_t i = centres[k];
      if (i >= n_owned)
        continue;    // a ghost has no list
      if (next[i] == list.first[i + 1]) {
        is_full = false;
        break;
      }
      ordered[next[i]++] = row;
    }
  }
  for (int64_t i = 0; i < n_owned; i++)
    is_full &= next[i] == list.first[i + 1];
  if (is_full)
    list.neighbours.swap(ordered);
  order_images(positions, ids, n_owned, is_full, list);
}
