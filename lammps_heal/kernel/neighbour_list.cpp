#include "neighbour_list.h"

#include "network_kernel.h"
#include "threads.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

using namespace lammps_heal;

// Cells along a cutoff. A row of cells along x is one stretch of atoms, looked through by whole vectors: few
// long stretches beat many short ones that hug the sphere better.
static constexpr int PER_CUTOFF[3] = {4, 1, 1};
static constexpr double ROOM = 1.05;    // for more neighbours than the mean
static constexpr int64_t MORE_ROOM = 8;

// Atoms in cells, one cell's behind the other. What stands for an atom is its rank: its place in order of id.
struct Cells {
  std::array<double, 3> low, high;
  std::array<double, 3> side;
  std::array<int64_t, 3> n;
  std::vector<int32_t> start, ranks;
  std::vector<float> x, y, z;    // of ranks, from `low`

  int64_t along(int d, double position) const
  {
    return static_cast<int64_t>(std::floor((position - low[d]) / side[d]));
  }
};

// order: row of each rank.
static Cells sort_into_cells(const double *positions, const std::vector<int32_t> &order, double cutoff)
{
  Cells cells = {};
  const auto n_rows = static_cast<int64_t>(order.size());
  cells.low = {HUGE_VAL, HUGE_VAL, HUGE_VAL};
  cells.high = {-HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
  for (int d = 0; d < 3; d++)
    cells.side[d] = cutoff / PER_CUTOFF[d];
  for (int64_t i = 0; i < n_rows; i++)
    for (int d = 0; d < 3; d++) {
      cells.low[d] = std::min(cells.low[d], positions[3 * i + d]);
      cells.high[d] = std::max(cells.high[d], positions[3 * i + d]);
    }
  // Atoms far apart in a vacuum must not need more cells than there are atoms.
  auto total = [&]() {
    double product = 1.0;
    for (int d = 0; d < 3; d++)
      product *= std::floor((cells.high[d] - cells.low[d]) / cells.side[d]) + 1.0;
    return product;
  };
  while (total() > 4.0 * static_cast<double>(n_rows) + 64.0)
    for (auto &side : cells.side)
      side *= 1.25;
  for (int d = 0; d < 3; d++)
    cells.n[d] = cells.along(d, cells.high[d]) + 1;

  std::vector<int32_t> cell(n_rows);
  cells.start.assign(cells.n[0] * cells.n[1] * cells.n[2] + 1, 0);
  for (int64_t rank = 0; rank < n_rows; rank++) {
    const double *const p = positions + 3 * static_cast<int64_t>(order[rank]);
    cell[rank] = static_cast<int32_t>(
        (cells.along(2, p[2]) * cells.n[1] + cells.along(1, p[1])) * cells.n[0] + cells.along(0, p[0]));
    cells.start[cell[rank] + 1]++;
  }
  for (size_t c = 1; c < cells.start.size(); c++)
    cells.start[c] += cells.start[c - 1];
  cells.ranks.resize(n_rows);
  for (auto *component : {&cells.x, &cells.y, &cells.z})
    component->resize(n_rows);
  std::vector<int32_t> next(cells.start.begin(), cells.start.end() - 1);
  for (int64_t rank = 0; rank < n_rows; rank++) {
    const double *const p = positions + 3 * static_cast<int64_t>(order[rank]);
    const int32_t place = next[cell[rank]]++;
    cells.ranks[place] = static_cast<int32_t>(rank);
    cells.x[place] = static_cast<float>(p[0] - cells.low[0]);
    cells.y[place] = static_cast<float>(p[1] - cells.low[1]);
    cells.z[place] = static_cast<float>(p[2] - cells.low[2]);
  }
  return cells;
}

// Rows in order of id, by radix sort; images of one atom in order of x, y and z.
static std::vector<int32_t> rows_by_id(const double *positions, const int64_t *ids, int64_t n_rows)
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
  for (auto begin = rows.begin(); begin != rows.end();) {
    auto end = begin + 1;
    while (end != rows.end() && ids[*end] == ids[*begin])
      ++end;
    if (end - begin > 1)
      std::sort(begin, end, [&](int32_t a, int32_t b) {
        const double *pa = positions + 3 * static_cast<int64_t>(a),
                     *pb = positions + 3 * static_cast<int64_t>(b);
        return std::lexicographical_compare(pa, pa + 3, pb, pb + 3);
      });
    begin = end;
  }
  return rows;
}

void NeighbourList::Free::operator()(int32_t *rows) const
{
  std::free(rows);
}

// In large pages where there are some: touching small ones for the first time takes longer than writing them.
static int32_t *allocate_rows(int64_t n)
{
  constexpr size_t PAGE = size_t(1) << 21;
  const size_t n_bytes = (n * sizeof(int32_t) + PAGE - 1) / PAGE * PAGE;
  auto *rows = static_cast<int32_t *>(std::aligned_alloc(PAGE, n_bytes));
  if (!rows)
    throw std::bad_alloc();
#ifdef __linux__
  madvise(rows, n_bytes, MADV_HUGEPAGE);
#endif
  return rows;
}

// Owned rows whose lists one thread writes, one behind the other, and its room for them.
struct Part {
  int64_t begin, end;
  int32_t *lists;
  int64_t room;
};

// Writes how many neighbours each row has to `counts`; returns how much room all of them need. Lists that do
// not fit are not written.
static int64_t fill(const double *positions, const std::vector<int32_t> &order, const Cells &cells,
                    const KernelLoops &loops, float cutoff_square, Part part, int64_t *counts)
{
  std::vector<int32_t> near(cells.ranks.size() + MOST_SORTED);
  int64_t needed = 0;
  for (int64_t row = part.begin; row < part.end; row++) {
    const double *const p = positions + 3 * row;
    int64_t from[3], to[3];    // cells
    for (int d = 0; d < 3; d++) {
      const int64_t own = cells.along(d, p[d]);
      from[d] = std::max<int64_t>(own - PER_CUTOFF[d], 0);
      to[d] = std::min(own + PER_CUTOFF[d] + 1, cells.n[d]);
    }
    const float point[3] = {static_cast<float>(p[0] - cells.low[0]), static_cast<float>(p[1] - cells.low[1]),
                            static_cast<float>(p[2] - cells.low[2])};
    int64_t n = 0;
    for (int64_t z = from[2]; z < to[2]; z++)
      for (int64_t y = from[1]; y < to[1]; y++) {
        // A row of cells along x is one stretch of atoms.
        const int64_t line = (z * cells.n[1] + y) * cells.n[0];
        const int32_t begin = cells.start[line + from[0]], end = cells.start[line + to[0]];
        n += loops.find_near(&cells.x[begin], &cells.y[begin], &cells.z[begin], &cells.ranks[begin],
                             end - begin, point, cutoff_square, near.data() + n);
      }
    counts[row] = n - 1;    // it has found itself too
    if (needed + n <= part.room) {
      if (n <= MOST_SORTED)
        loops.sort_few(near.data(), n);
      else
        std::sort(near.begin(), near.begin() + n);
      int32_t *written = part.lists + needed;
      for (int64_t k = 0; k < n; k++) {
        *written = order[near[k]];
        written += *written != row;
      }
    }
    needed += n - 1;
  }
  return needed + 1;
}

void lammps_heal::find_neighbours(const double *positions, const int64_t *ids, int64_t n_owned,
                                  int64_t n_rows, double cutoff, int n_threads, NeighbourList &list,
                                  const std::string &instruction_set)
{
  list.first.assign(n_owned + 1, 0);
  if (n_owned == 0)
    return;
  const auto &loops = loops_of(instruction_set);
  const auto order = rows_by_id(positions, ids, n_rows);
  const Cells cells = sort_into_cells(positions, order, cutoff);
  double volume = 1.0;
  for (int d = 0; d < 3; d++)
    volume *= std::max(cells.high[d] - cells.low[d], cells.side[d]);
  const double sphere = 4.0 / 3.0 * M_PI * cutoff * cutoff * cutoff;
  const double mean = sphere * static_cast<double>(n_rows) / volume;
  // Floats are fast and a little wrong: a few pairs more cost nothing, and none must be missing.
  double furthest = 0.0;
  for (int d = 0; d < 3; d++)
    furthest = std::max(furthest, cells.high[d] - cells.low[d]);
  const double reach = cutoff + 4.0 * std::numeric_limits<float>::epsilon() * furthest;
  const auto n_parts = std::min<int64_t>(n_threads, n_owned);
  const int64_t in_part = (n_owned + n_parts - 1) / n_parts;
  auto first_row = [&](int64_t part) { return std::min(part * in_part, n_owned); };
  int64_t room = std::min(static_cast<int64_t>(ROOM * mean) + MORE_ROOM, n_rows);    // for each atom
  // The last list's, where it should do: to touch new memory takes longer than to write the list.
  const int64_t had = list.capacity / (n_parts * in_part);
  if (had >= std::min(static_cast<int64_t>(mean), room))
    room = had;
  std::vector<int64_t> needed(n_parts);
  for (;;) {
    if (list.capacity < n_parts * in_part * room) {
      list.neighbours.reset();
      list.capacity = n_parts * in_part * room;
      list.neighbours.reset(allocate_rows(list.capacity));
    }
    auto fill_part = [&](int number) {
      const Part part = {first_row(number), first_row(number + 1), &list.neighbours[number * in_part * room],
                         in_part * room};
      needed[number] = fill(positions, order, cells, loops, static_cast<float>(reach * reach), part,
                            list.first.data() + 1);
    };
    in_threads(static_cast<int>(n_parts), fill_part);
    const int64_t most = *std::max_element(needed.begin(), needed.end());
    if (most <= in_part * room)
      break;
    room = most / in_part + MORE_ROOM;
  }
  for (int64_t i = 0; i < n_owned; i++)
    list.first[i + 1] += list.first[i];
  for (int64_t number = 1; number < n_parts; number++) {
    const int64_t begin = list.first[first_row(number)], end = list.first[first_row(number + 1)];
    std::memmove(&list.neighbours[begin], &list.neighbours[number * in_part * room],
                 (end - begin) * sizeof(int32_t));
  }
}
