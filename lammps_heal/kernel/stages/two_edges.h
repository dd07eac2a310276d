// AVX-512 with eight channels, which leave half of the widest vector empty: two edges share one, channel by
// channel, as 0 of the one, 0 of the other, 1 of the one, and so on. What add_moments (moments.h),
// add_weights and sum_channels (edge_weights.h) do, with other bits: sums of even and odd edges are added at
// the end.

#ifndef HEAL_TWO_EDGES_H
#define HEAL_TWO_EDGES_H

#include "radial_tables.h"

#ifdef __AVX512F__

namespace
{

constexpr int CHANNELS_OF_TWO = 8;

typedef double OtherDouble __attribute__((may_alias));

// Values of two edges behind each other, for each channel.
INLINE __m512 of_two(const float *values)
{
  return _mm512_castpd_ps(_mm512_set1_pd(*reinterpret_cast<const OtherDouble *>(values)));
}

// R or Q of all degrees, of edges e and e + 1 of the tile, zero where there is no other.
INLINE void radial_functions_of_two(const float *table, const PackedWeights &weights, const Tile &tile,
                                    int64_t e, __m512 (&values)[N_DEGREES])
{
  constexpr int STRIDE = N_DEGREES * CHANNELS_OF_TWO;
  const __m512i even = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i odd = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const __mmask16 exists = e + 1 < tile.n ? 0xffff : 0x5555;
  const Edges &edges = *tile.edges;
  const int64_t own = tile.start + e;
  const float *const one = table + static_cast<size_t>(edges.interval[own]) * (N_COEFFICIENTS * STRIDE);
  const float *const other = table + static_cast<size_t>(edges.interval[own + 1]) * (N_COEFFICIENTS * STRIDE);
  const __m512 t_one = _mm512_set1_ps(edges.fraction[own]), t_other = _mm512_set1_ps(edges.fraction[own + 1]);
#pragma GCC unroll 2
  for (int l = 0; l < N_DEGREES; l += 2) {    // two degrees fill a vector
    __m512 of_one = _mm512_load_ps(one + (N_COEFFICIENTS - 1) * STRIDE + l * CHANNELS_OF_TWO);
    __m512 of_other = _mm512_load_ps(other + (N_COEFFICIENTS - 1) * STRIDE + l * CHANNELS_OF_TWO);
#pragma GCC unroll 4
    for (int power = N_COEFFICIENTS - 2; power >= 0; power--) {
      const int row = power * STRIDE + l * CHANNELS_OF_TWO;
      of_one = _mm512_fmadd_ps(of_one, t_one, _mm512_load_ps(one + row));
      of_other = _mm512_fmadd_ps(of_other, t_other, _mm512_load_ps(other + row));
    }
    values[l] = _mm512_maskz_permutex2var_ps(exists, of_one, even, of_other);
    values[l + 1] = _mm512_maskz_permutex2var_ps(exists, of_one, odd, of_other);
  }
}

// In a function of their own the sums stay in registers.
NOT_INLINE void add_moments_of_two(const PackedWeights &weights, const Tile &tile, float *const *moments)
{
  __m512 sums[N_HARMONICS];
#pragma GCC unroll 16
  for (auto &sum : sums)
    sum = _mm512_setzero_ps();
  const int64_t n = tile.n;
  for (int64_t e = 0; e < n; e += 2) {
    __m512 r[N_DEGREES];
    radial_functions_of_two(weights.r, weights, tile, e, r);
    sums[0] = _mm512_add_ps(sums[0], r[0]);
#pragma GCC unroll 4
    for (int l = 1; l < N_DEGREES; l++)
#pragma GCC unroll 8
      for (int h = START[l]; h < START[l] + COUNT[l]; h++)
        sums[h] = _mm512_fmadd_ps(r[l], of_two(tile.y[h] + e), sums[h]);
  }
  const __m512i one = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i other = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#pragma GCC unroll 8
  for (int h = 0; h < N_HARMONICS; h += 2) {
    const __m512 both = _mm512_add_ps(_mm512_permutex2var_ps(sums[h], one, sums[h + 1]),
                                      _mm512_permutex2var_ps(sums[h], other, sums[h + 1]));
    const __m256 of_h = _mm512_castps512_ps256(both), of_next = _mm512_extractf32x8_ps(both, 1);
    _mm256_store_ps(moments[h], _mm256_add_ps(_mm256_load_ps(moments[h]), of_h));
    _mm256_store_ps(moments[h + 1], _mm256_add_ps(_mm256_load_ps(moments[h + 1]), of_next));
  }
}

// w_ij of the tile's edges, zeros behind them. gated: of edge_weights.h.
NOT_INLINE void edge_weights_of_two(const PackedWeights &weights, const Tile &tile, const float *gated,
                                    float *__restrict w)
{
  __m512 g[N_HARMONICS];
  const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
#pragma GCC unroll 16
  for (int h = 0; h < N_HARMONICS; h++)
    g[h] = _mm512_permutexvar_ps(
        twice, _mm512_castps256_ps512(_mm256_load_ps(gated + static_cast<size_t>(h) * CHANNELS_OF_TWO)));
  alignas(ALIGNMENT) float quarters[2 * TILE];    // of two edges: one, other, one, other
  const int64_t n = tile.n;
  for (int64_t e = 0; e < n; e += 2) {
    __m512 q[N_DEGREES];
    radial_functions_of_two(weights.q, weights, tile, e, q);
    __m512 sum = _mm512_mul_ps(q[0], g[0]);
#pragma GCC unroll 4
    for (int l = 1; l < N_DEGREES; l++) {
      __m512 angular = _mm512_mul_ps(g[START[l]], of_two(tile.y[START[l]] + e));
#pragma GCC unroll 8
      for (int h = START[l] + 1; h < START[l] + COUNT[l]; h++)
        angular = _mm512_fmadd_ps(g[h], of_two(tile.y[h] + e), angular);
      sum = _mm512_fmadd_ps(q[l], angular, sum);
    }
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1));
    _mm_store_ps(quarters + 2 * e, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
  }
  const __m512i first = _mm512_setr_epi32(0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29);
  const __m512i second = _mm512_setr_epi32(2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
  for (int64_t e = 0; e < n; e += EDGE_PADDING) {
    const __m512 low = _mm512_load_ps(quarters + 2 * e), high = _mm512_load_ps(quarters + 2 * e + 16);
    _mm512_store_ps(w + e, _mm512_add_ps(_mm512_permutex2var_ps(low, first, high),
                                         _mm512_permutex2var_ps(low, second, high)));
  }
  pad(w + n, 0.0f);
}

}    // namespace

#endif

#endif
