// Atoms near a point, and what else is done with many numbers of atoms at once. See neighbour_list.cpp.

#ifndef HEAL_NEIGHBOUR_SEARCH_H
#define HEAL_NEIGHBOUR_SEARCH_H

#include "simd.h"

namespace
{

int64_t find_near(const Stretch &stretch, const float *point, float cutoff_square, int32_t *found)
{
  int64_t n_found = 0;
  for (int64_t k = 0; k < stretch.n; k += LANES) {
    const Floats<LANES> dx = load_unaligned<LANES>(stretch.x + k) - point[0],
                        dy = load_unaligned<LANES>(stretch.y + k) - point[1],
                        dz = load_unaligned<LANES>(stretch.z + k) - point[2];
    const Selection is_near = below(dx * dx + dy * dy + dz * dz, cutoff_square, first_lanes(stretch.n - k));
    n_found += append(is_near, Column{found + n_found, load_unaligned(stretch.numbers + k)});
  }
  return n_found;
}

bool are_within(const int32_t *values, int64_t n, int32_t last)
{
  uint32_t signs = 0;    // of those that are negative, or subtracted from `last` are
  for (int64_t k = 0; k < n; k++) {
    const auto value = static_cast<uint32_t>(values[k]);
    signs |= value | (static_cast<uint32_t>(last) - value);
  }
  return signs >> 31 == 0;
}

// Lane l of the result is lane l ^ J.
template <int J, int... LANE> INLINE Integers exchanged(Integers v, std::integer_sequence<int, LANE...>)
{
#ifdef __clang__
  return __builtin_shufflevector(v, v, (LANE ^ J)...);
#else
  return __builtin_shuffle(v, Integers{(LANE ^ J)...});
#endif
}

// Batcher's bitonic sort of V vectors' numbers: those J apart are put in order, then those half as far, and
// so on, in runs of K that go up and down by turns.
template <int V, int K, int J> INLINE void compare_and_exchange(Integers (&v)[V])
{
#pragma GCC unroll 64
  for (int i = 0; i < V; i++) {
    if constexpr (J >= LANES) {
      constexpr int apart = J / LANES;
      if (i & apart)
        continue;
      const Integers one = v[i], other = v[i + apart];
      const Integers smaller = one < other ? one : other, larger = one < other ? other : one;
      const bool goes_up = (LANES * i & K) == 0;
      v[i] = goes_up ? smaller : larger;
      v[i + apart] = goes_up ? larger : smaller;
    } else {
      const Integers one = v[i], other = exchanged<J>(one, std::make_integer_sequence<int, LANES>());
      const Integers smaller = one < other ? one : other, larger = one < other ? other : one;
      Integers takes_larger = {};
      for (int lane = 0; lane < LANES; lane++)
        takes_larger[lane] = ((lane & J) != 0) != (((LANES * i + lane) & K) != 0) ? -1 : 0;
      v[i] = takes_larger ? larger : smaller;
    }
  }
  if constexpr (J > 1)
    compare_and_exchange<V, K, J / 2>(v);
  else if constexpr (K < LANES * V)
    compare_and_exchange<V, 2 * K, K>(v);
}

template <int N> void sort_padded(int32_t *values, int64_t n)
{
  for (int64_t k = n; k < N; k++)
    values[k] = INT32_MAX;
  Integers v[N / LANES];
  __builtin_memcpy(v, values, sizeof v);
  compare_and_exchange<N / LANES, 2, 1>(v);
  __builtin_memcpy(values, v, sizeof v);
}

void sort_few(int32_t *values, int64_t n)
{
  if (n <= MOST_SORTED / 4)
    sort_padded<MOST_SORTED / 4>(values, n);
  else if (n <= MOST_SORTED / 2)
    sort_padded<MOST_SORTED / 2>(values, n);
  else
    sort_padded<MOST_SORTED>(values, n);
}

}    // namespace

#endif
