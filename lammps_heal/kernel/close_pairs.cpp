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

struct Pair {
  int64_t i, j;
  double r[3];      // Å, from i to j
  double square;    // of its length
};

enum Times { ONCE, TWICE };    // that two local atoms are a pair: to one of them, or to each

// Calls work(part, pair) for each neighbour of each local atom. Parts, one for each thread, are in the order of
// atoms.
template <Times TIMES, typename Work> void for_listed_pairs(const heal_atoms &atoms, const Work &work)
{
  const double *const x = atoms.positions;
  in_threads(atoms.n_threads, [&](int part) {
    const int64_t end = (part + 1) * atoms.nlocal / atoms.n_threads;
    for (int64_t i = part * atoms.nlocal / atoms.n_threads; i < end; i++) {
      const double from[3] = {x[3 * i], x[3 * i + 1], x[3 * i + 2]};
      const int32_t *const last = atoms.neighbours + atoms.first[i + 1];
      for (const int32_t *neighbour = atoms.neighbours + atoms.first[i]; neighbour < last; neighbour++) {
        const int64_t j = *neighbour;
        if (TIMES == ONCE && j < i && j >= 0)
          continue;
        require(j >= 0 && j < atoms.n_atoms, "a neighbour is not 0 to n_atoms - 1");
        Pair pair = {i, j, {x[3 * j] - from[0], x[3 * j + 1] - from[1], x[3 * j + 2] - from[2]}, 0.0};
        pair.square = pair.r[0] * pair.r[0] + pair.r[1] * pair.r[1] + pair.r[2] * pair.r[2];
        work(part, pair);
      }
    }
  });
}

// Å, (n_atoms,).
std::vector<double> lengths_of(const double *vectors, int64_t n_atoms)
{
  std::vector<double> lengths(n_atoms);
  for (int64_t i = 0; i < n_atoms; i++) {
    const double *const v = vectors + 4 * i;
    lengths[i] = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  }
  return lengths;
}

}    // namespace

int64_t lammps_heal::find_close_pairs(const heal_atoms &atoms, double reach, int64_t capacity, int32_t *pairs)
{
  std::vector<std::vector<int32_t>> parts(atoms.n_threads);
  for_listed_pairs<TWICE>(atoms, [&](int part, const Pair &pair) {
    if (pair.square >= reach * reach)
      return;
    parts[part].push_back(static_cast<int32_t>(pair.i));
    parts[part].push_back(static_cast<int32_t>(pair.j));
  });
  int64_t n = 0;
  for (const auto &found : parts) {
    const auto n_numbers = static_cast<int64_t>(found.size());
    std::copy_n(found.data(), std::clamp<int64_t>(2 * capacity - n, 0, n_numbers), pairs + n);
    n += n_numbers;
  }
  return n / 2;
}

bool lammps_heal::is_any_too_near(const heal_atoms &atoms, const double *vectors, const heal_floor &floor)
{
  const auto lengths = lengths_of(vectors, atoms.n_atoms);
  std::vector<int64_t> counts(atoms.n_threads);
  for_listed_pairs<ONCE>(atoms, [&](int part, const Pair &pair) {
    const double reach = floor.distance + lengths[pair.i] + lengths[pair.j];
    if (pair.square >= reach * reach)
      return;
    const double *const u = vectors + 4 * pair.i, *const v = vectors + 4 * pair.j;
    const double approach = (v[0] - u[0]) * pair.r[0] + (v[1] - u[1]) * pair.r[1] + (v[2] - u[2]) * pair.r[2];
    const double d = std::sqrt(pair.square);
    counts[part] += std::min(d, floor.distance) - (d + approach / d) > floor.tolerance;
  });
  return std::accumulate(counts.begin(), counts.end(), int64_t(0)) > 0;
}
