// Vectors of floats, the widest that the instruction set has or half of them. Compiled once for each
// instruction set: HEAL_LANES is the width of the widest vector, HEAL_REGISTERS the number of vector
// registers.

#ifndef HEAL_SIMD_H
#define HEAL_SIMD_H

#include "instruction_set.h"

#include <utility>

// Where nothing is said, as in a LAMMPS source tree.
#ifndef HEAL_INSTRUCTION_SET
#define HEAL_INSTRUCTION_SET portable
#define HEAL_LANES 4
#define HEAL_REGISTERS 16
#endif

#ifdef __AVX__
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#define NOT_INLINE static __attribute__((noinline))

using namespace lammps_heal;

namespace
{

constexpr int LANES = HEAL_LANES;
constexpr bool HAS_FEW_REGISTERS = HEAL_REGISTERS <= 16;

template <int W> struct Vector;
template <> struct Vector<4> {
  typedef float Floats __attribute__((vector_size(16), may_alias));
  typedef int32_t Integers __attribute__((vector_size(16), may_alias));
};
template <> struct Vector<8> {
  typedef float Floats __attribute__((vector_size(32), may_alias));
  typedef int32_t Integers __attribute__((vector_size(32), may_alias));
};
template <> struct Vector<16> {
  typedef float Floats __attribute__((vector_size(64), may_alias));
  typedef int32_t Integers __attribute__((vector_size(64), may_alias));
};

template <int W> using Floats = typename Vector<W>::Floats;
using Integers = typename Vector<LANES>::Integers;

template <int W> INLINE Floats<W> load(const float *p)
{
  return *reinterpret_cast<const Floats<W> *>(p);
}

template <int W> INLINE void store(float *p, Floats<W> v)
{
  *reinterpret_cast<Floats<W> *>(p) = v;
}

template <int W> INLINE Floats<W> load_unaligned(const float *p)
{
  typedef float Unaligned __attribute__((vector_size(4 * W), aligned(4), may_alias));
  return *reinterpret_cast<const Unaligned *>(p);
}

template <int W> INLINE void store_unaligned(float *p, Floats<W> v)
{
  typedef float Unaligned __attribute__((vector_size(4 * W), aligned(4), may_alias));
  *reinterpret_cast<Unaligned *>(p) = v;
}

INLINE Integers load_unaligned(const int32_t *p)
{
  typedef int32_t Unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
  return *reinterpret_cast<const Unaligned *>(p);
}

INLINE int64_t padded(int64_t n, int64_t to)
{
  return (n + to - 1) / to * to;
}

// EDGE_PADDING of one value, of four bytes.
template <typename Number> INLINE void pad(Number *behind, Number value)
{
  typedef Number Unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#pragma GCC unroll 4
  for (int lane = 0; lane < EDGE_PADDING; lane += LANES)
    *reinterpret_cast<Unaligned *>(behind + lane) = Unaligned{} + value;
}

template <int W> INLINE float sum_of_lanes(const float *p)
{
  if constexpr (W == 1)
    return *p;
  else
    return sum_of_lanes<W / 2>(p) + sum_of_lanes<W / 2>(p + W / 2);
}

// ---- lanes that a condition selects

#ifdef __AVX512F__
using Selection = __mmask16;

INLINE Selection first_lanes(int64_t n)
{
  return static_cast<Selection>(n < LANES ? (1u << n) - 1 : 0xffffu);
}

INLINE Selection below(Floats<LANES> values, float limit, Selection among)
{
  return _mm512_mask_cmp_ps_mask(among, values, _mm512_set1_ps(limit), _CMP_LT_OQ);
}

// The smaller of two where selected, else the first.
INLINE Floats<LANES> smaller(Floats<LANES> first, Floats<LANES> second, Selection selection)
{
  return _mm512_mask_min_ps(first, selection, first, second);
}

INLINE Selection other_than(Integers values, int32_t value)
{
  return _mm512_cmpneq_epi32_mask(reinterpret_cast<__m512i>(values), _mm512_set1_epi32(value));
}

INLINE Selection above(Integers values, int32_t value, Selection among)
{
  return _mm512_mask_cmp_epi32_mask(among, reinterpret_cast<__m512i>(values), _mm512_set1_epi32(value),
                                    _MM_CMPINT_NLE);
}

INLINE bool is_any(Selection selection)
{
  return selection != 0;
}

INLINE void write_selected(float *to, Floats<LANES> from, Selection selection)
{
  _mm512_storeu_ps(to, _mm512_maskz_compress_ps(selection, from));
}

INLINE void write_selected(int32_t *to, Integers from, Selection selection)
{
  _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(selection, reinterpret_cast<__m512i>(from)));
}
#else
using Selection = Integers;    // -1 or 0 in each lane

template <int... NUMBERS> INLINE Integers lane_numbers(std::integer_sequence<int, NUMBERS...>)
{
  return Integers{NUMBERS...};
}

INLINE Selection first_lanes(int64_t n)
{
  return lane_numbers(std::make_integer_sequence<int, LANES>()) < static_cast<int32_t>(n < LANES ? n : LANES);
}

INLINE Selection below(Floats<LANES> values, float limit, Selection among)
{
  return (values < limit) & among;
}

// The smaller of two where selected, else the first.
INLINE Floats<LANES> smaller(Floats<LANES> first, Floats<LANES> second, Selection selection)
{
  return (selection & (second < first)) ? second : first;
}

INLINE Selection other_than(Integers values, int32_t value)
{
  return values != value;
}

INLINE Selection above(Integers values, int32_t value, Selection among)
{
  return (values > value) & among;
}

INLINE bool is_any(Selection selection)
{
  int any = 0;
  for (int lane = 0; lane < LANES; lane++)
    any |= selection[lane];
  return any != 0;
}
#endif

// Where the selected lanes of a vector go, one behind the other.
template <typename Number, typename V> struct Column {
  Number *to;
  V from;
};
template <typename Number, typename V> Column(Number *, V) -> Column<Number, V>;

// Writes the selected lanes of each column, and up to LANES numbers behind them; returns how many were
// selected.
template <typename... Columns> INLINE int64_t append(Selection selection, Columns... columns)
{
#ifdef __AVX512F__
  (write_selected(columns.to, columns.from, selection), ...);
  return __builtin_popcount(selection);
#else
  int64_t n = 0;
  for (int lane = 0; lane < LANES; lane++) {
    ((columns.to[n] = columns.from[lane]), ...);
    n -= selection[lane];
  }
  return n;
#endif
}

// ---- loops over edges whose vectors the compiler makes, or which are written out

struct Length {
#ifdef __AVX512F__
  __m512 value, inverse;
#else
  float value, inverse;
#endif
};

#ifdef __AVX512F__
constexpr int STEP = 16;
using Number = __m512;
using Index = __m512i;

INLINE Number square_of(Number x, Number y, Number z)
{
  return _mm512_fmadd_ps(x, x, _mm512_fmadd_ps(y, y, _mm512_mul_ps(z, z)));
}

// One of Newton's steps makes the estimate of 14 bits as good as a float.
INLINE Length length_of(Number square)
{
  const __m512 estimate = _mm512_rsqrt14_ps(square);
  const __m512 half = _mm512_mul_ps(_mm512_mul_ps(_mm512_set1_ps(-0.5f), square), estimate);
  const __m512 inverse = _mm512_mul_ps(estimate, _mm512_fmadd_ps(half, estimate, _mm512_set1_ps(1.5f)));
  return {_mm512_mul_ps(square, inverse), inverse};
}

// The integer below, 0 to last. max and min return their second argument for NaN: it becomes 0.
INLINE Index index_of(Number value, float last)
{
  const __m512 inside = _mm512_min_ps(_mm512_max_ps(value, _mm512_setzero_ps()), _mm512_set1_ps(last));
  return _mm512_cvttps_epi32(inside);
}

INLINE Number as_number(Index index)
{
  return _mm512_cvtepi32_ps(index);
}
#else
constexpr int STEP = 1;
using Number = float;
using Index = int32_t;

INLINE Number square_of(Number x, Number y, Number z)
{
  return x * x + y * y + z * z;
}

INLINE Length length_of(Number square)
{
  const float length = __builtin_sqrtf(square);
  return {length, 1.0f / length};
}

// The integer below, 0 to last. Neither comparison holds for NaN: it becomes 0.
INLINE Index index_of(Number value, float last)
{
  const float from_zero = value > 0.0f ? value : 0.0f;
  return static_cast<int32_t>(from_zero < last ? from_zero : last);
}

INLINE Number as_number(Index index)
{
  return static_cast<float>(index);
}
#endif

}    // namespace

#endif
