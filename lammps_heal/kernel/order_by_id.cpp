#include "order_by_id.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

using namespace lammps_heal;

// A number that has the order of the coordinates, and some order where they are NaN, which sorting needs.
static int64_t key_of(double coordinate)
{
  const auto bits = std::bit_cast<int64_t>(coordinate + 0.0);    // -0.0 becomes 0.0
  return bits < 0 ? std::numeric_limits<int64_t>::min() - bits : bits;
}

static std::array<int64_t, 3> key_of(const double *positions, int32_t atom)
{
  const double *const p = positions + 3 * static_cast<int64_t>(atom);
  return {key_of(p[0]), key_of(p[1]), key_of(p[2])};
}

// By radix sort.
std::vector<int32_t> lammps_heal::order_by_id(const double *positions, const int64_t *ids, int64_t n_atoms)
{
  constexpr int BITS = 11, SIZE = 1 << BITS;
  std::vector<int32_t> atoms(n_atoms), sorted(n_atoms);
  int64_t largest = 0;
  for (int64_t i = 0; i < n_atoms; i++) {
    atoms[i] = static_cast<int32_t>(i);
    largest = std::max(largest, ids[i]);
  }
  for (int shift = 0; shift < 63 && largest >> shift > 0; shift += BITS) {
    std::array<int64_t, SIZE + 1> start = {};
    for (int64_t i = 0; i < n_atoms; i++)
      start[(ids[i] >> shift & (SIZE - 1)) + 1]++;
    for (int k = 0; k < SIZE; k++)
      start[k + 1] += start[k];
    for (int32_t atom : atoms)
      sorted[start[ids[atom] >> shift & (SIZE - 1)]++] = atom;
    atoms.swap(sorted);
  }
  for (auto begin = atoms.begin(); begin != atoms.end();) {
    auto end = begin + 1;
    while (end != atoms.end() && ids[*end] == ids[*begin])
      ++end;
    if (end - begin > 1)
      std::sort(begin, end,
                [&](int32_t a, int32_t b) { return key_of(positions, a) < key_of(positions, b); });
    begin = end;
  }
  return atoms;
}
