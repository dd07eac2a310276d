#include "close_pairs.h"

#include "status.h"
#include "threads.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

using namespace lammps_heal;

namespace
{

// Calls work(part, i, j, r, square) for each neighbour j of each local atom i that is nearer than reach;
// r: (3,) Å, from i to j. Parts, one for each thread, are in the order of atoms.
template <typename Work> void for_close_pairs(const heal_atoms &atoms, double reach, const Work &work)
{
  const double *const x = atoms.positions;
  const double square_of_reach = reach * reach;
  in_threads(atoms.n_threads, [&](int part) {
    const int64_t end = (part + 1) * atoms.nlocal / atoms.n_threads;
    for (int64_t i = part * atoms.nlocal / atoms.n_threads; i < end; i++) {
      const double from[3] = {x[3 * i], x[3 * i + 1], x[3 * i + 2]};
      const int32_t *const last = atoms.neighbours + atoms.first[i + 1];
      for (const int32_t *neighbour = atoms.neighbours + atoms.first[i]; neighbour < last; neighbour++) {
        const int64_t j = *neighbour;
        require(j >= 0 && j < atoms.n_atoms, "a neighbour is not 0 to n_atoms - 1");
        const double r[3] = {x[3 * j] - from[0], x[3 * j + 1] - from[1], x[3 * j + 2] - from[2]};
        const double square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
        if (square < square_of_reach)
          work(part, i, j, r, square);
      }
    }
  });
}

}    // namespace

int64_t lammps_heal::find_close_pairs(const heal_atoms &atoms, double reach, int64_t capacity, int32_t *pairs)
{
  std::vector<std::vector<int32_t>> parts(atoms.n_threads);
  for_close_pairs(atoms, reach, [&](int part, int64_t i, int64_t j, const double *, double) {
    parts[part].push_back(static_cast<int32_t>(i));
    parts[part].push_back(static_cast<int32_t>(j));
  });
  int64_t n = 0;
  for (const auto &found : parts) {
    const auto n_numbers = static_cast<int64_t>(found.size());
    std::copy_n(found.data(), std::clamp<int64_t>(2 * capacity - n, 0, n_numbers), pairs + n);
    n += n_numbers;
  }
  return n / 2;
}

int64_t lammps_heal::count_too_near(const heal_atoms &atoms, const double *vectors, const heal_floor &floor)
{
  std::vector<int64_t> counts(atoms.n_threads);
  const double reach = floor.distance + 2.0 * floor.longest;
  for_close_pairs(atoms, reach, [&](int part, int64_t i, int64_t j, const double *r, double square) {
    const double *const u = vectors + 4 * i, *const v = vectors + 4 * j;
    const double approach = (v[0] - u[0]) * r[0] + (v[1] - u[1]) * r[1] + (v[2] - u[2]) * r[2];
    if (approach >= 0.0)
      return;
    const double d = std::sqrt(square);
    counts[part] += std::min(d, floor.distance) - (d + approach / d) > floor.tolerance;
  });
  return std::accumulate(counts.begin(), counts.end(), int64_t(0));
}
