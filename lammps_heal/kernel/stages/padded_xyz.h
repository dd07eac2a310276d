// Between padded xyz, rows of four numbers, and vectors of one component of many atoms.

#ifndef HEAL_PADDED_XYZ_H
#define HEAL_PADDED_XYZ_H

#include "simd.h"

namespace
{

typedef double FourDoubles __attribute__((vector_size(32), may_alias));

INLINE FourDoubles load_doubles(const double *p)
{
  return *reinterpret_cast<const FourDoubles *>(p);
}

INLINE Floats<4> in_single(FourDoubles four)
{
#ifdef __AVX__
  return _mm256_cvtpd_ps(four);    // g++ makes more of a __builtin_convertvector
#else
  return __builtin_convertvector(four, Floats<4>);
#endif
}

INLINE FourDoubles in_double(const float *four)
{
#ifdef __AVX__
  return _mm256_cvtps_pd(_mm_load_ps(four));
#else
  return __builtin_convertvector(load<4>(four), FourDoubles);
#endif
}

// Of atom i in an (n_atoms, 4) array.
INLINE FourDoubles &vector_of(double *vectors, int64_t i)
{
  return *reinterpret_cast<FourDoubles *>(vectors + 4 * i);
}

// Lane l of the result is lane from(l) of the two together, `other` behind `one`.
template <typename From, int... LANE>
INLINE Floats<LANES> shuffled(Floats<LANES> one, Floats<LANES> other, From from,
                              std::integer_sequence<int, LANE...>)
{
#ifdef __clang__
  return __builtin_shufflevector(one, other, From()(LANE)...);
#else
  return __builtin_shuffle(one, other, Integers{from(LANE)...});
#endif
}

// In each four lanes those of both that are named, 0 to 7.
template <int A, int B, int C, int D>
INLINE Floats<LANES> shuffled_in_fours(Floats<LANES> one, Floats<LANES> other)
{
  constexpr auto from = [](int lane) {
    constexpr int named[4] = {A, B, C, D};
    const int n = named[lane % 4];
    return lane / 4 * 4 + n % 4 + (n < 4 ? 0 : LANES);
  };
  return shuffled(one, other, from, std::make_integer_sequence<int, LANES>());
}

// Transposes the 4 x 4 numbers in each four lanes of four vectors.
INLINE void transpose(Floats<LANES> (&rows)[4])
{
  const Floats<LANES> a = shuffled_in_fours<0, 4, 1, 5>(rows[0], rows[1]),
                      b = shuffled_in_fours<0, 4, 1, 5>(rows[2], rows[3]),
                      c = shuffled_in_fours<2, 6, 3, 7>(rows[0], rows[1]),
                      d = shuffled_in_fours<2, 6, 3, 7>(rows[2], rows[3]);
  rows[0] = shuffled_in_fours<0, 1, 4, 5>(a, b);
  rows[1] = shuffled_in_fours<2, 3, 6, 7>(a, b);
  rows[2] = shuffled_in_fours<0, 1, 4, 5>(c, d);
  rows[3] = shuffled_in_fours<2, 3, 6, 7>(c, d);
}

// Components of LANES vectors.
struct Components {
  Floats<LANES> x, y, z;
};

// padded_xyz(k): the four numbers of vector k.
template <typename PaddedXyz> INLINE Components components_of(const PaddedXyz &padded_xyz)
{
  // Vectors k, k + 4, k + 8 and k + 12 share a register, as far as it goes.
  auto sharing = [&](int k) {
#if HEAL_LANES == 16
    const __m512 half = _mm512_insertf32x4(_mm512_castps128_ps512(padded_xyz(k)), padded_xyz(k + 4), 1);
    return _mm512_insertf32x4(_mm512_insertf32x4(half, padded_xyz(k + 8), 2), padded_xyz(k + 12), 3);
#elif HEAL_LANES == 8
    return _mm256_insertf128_ps(_mm256_castps128_ps256(padded_xyz(k)), padded_xyz(k + 4), 1);
#else
    return padded_xyz(k);
#endif
  };
  Floats<LANES> rows[4] = {sharing(0), sharing(1), sharing(2), sharing(3)};
  transpose(rows);
  return {rows[0], rows[1], rows[2]};
}

// Stores LANES vectors as padded xyz, the fourth number of no use.
INLINE void store_padded_xyz(float *to, const Components &v)
{
  constexpr int N_FOURS = LANES / 4;
  // In each four lanes, one of each vector to be stored: only then does a transposition within fours do.
  auto spread = [](Floats<LANES> component) {
    constexpr auto from = [](int lane) { return lane % 4 * N_FOURS + lane / 4; };
    return shuffled(component, component, from, std::make_integer_sequence<int, LANES>());
  };
  Floats<LANES> rows[4] = {spread(v.x), spread(v.y), spread(v.z), {}};
  transpose(rows);
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++)
    store<LANES>(to + r * LANES, rows[r]);
}

// Rounds to fixed point, for reproducible summation: to multiples of 2^-27 Å, and what is larger than 1/32 Å
// to those of 2^-28 or to what a float of its size can tell. In doubles their sums are exact in any order, so
// they are the same bits on any number of threads and ranks.
INLINE Floats<LANES> round_to_fixed_point(Floats<LANES> values)
{
  constexpr float SHIFT = 0.09375f;    // 1.5 * 2^-4
  return values + SHIFT - SHIFT;
}

INLINE Components round_to_fixed_point(const Components &v)
{
  return {round_to_fixed_point(v.x), round_to_fixed_point(v.y), round_to_fixed_point(v.z)};
}

}    // namespace

#endif
