// Formulas and names: lammps_heal/model/network.py. Channels are the lanes of the vectors.
//
// Compiled once for each instruction set, with HEAL_LOOPS naming the table of functions, HEAL_LANES the
// widest vector and HEAL_REGISTERS the number of vector registers.

#include "kernel_loops.h"

#include <utility>

#ifdef __AVX__
#include <immintrin.h>
#endif

using namespace lammps_heal;

namespace
{

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

#define INLINE static inline __attribute__((always_inline))
#define NOT_INLINE static __attribute__((noinline))

template <int W> INLINE Floats<W> load(const float *p)
{
  return *reinterpret_cast<const Floats<W> *>(p);
}

template <int W> INLINE void store(float *p, Floats<W> v)
{
  *reinterpret_cast<Floats<W> *>(p) = v;
}

typedef float UnalignedFour __attribute__((vector_size(16), aligned(4), may_alias));

INLINE Floats<4> load_unaligned(const float *p)
{
  return *reinterpret_cast<const UnalignedFour *>(p);
}

template <int W> INLINE void store_unaligned(float *p, Floats<W> v)
{
  typedef float Unaligned __attribute__((vector_size(4 * W), aligned(4), may_alias));
  *reinterpret_cast<Unaligned *>(p) = v;
}

constexpr int FEW_REGISTERS = 16;
constexpr int TILE = 64;    // edges whose spherical harmonics are held at once, in the L1 cache
constexpr int ROWS = 6;     // of a matrix product's block; divides ATOMS_AT_ONCE
constexpr int COLUMNS = HEAL_REGISTERS > FEW_REGISTERS ? 4 : 2;    // vectors of it

// Where degree l begins among the harmonics, and how many it has.
constexpr int START[N_DEGREES] = {0, 1, 4, 9};
constexpr int COUNT[N_DEGREES] = {1, 3, 5, 7};

// Edges of one atom within the cutoff, in the order of the list, with room for EDGE_PADDING more.
struct Edges {
  int64_t n;
  float *x, *y, *z;    // unit vector
  float *place;        // in its interval, -1/2 to 1/2
  int32_t *interval;
  int32_t *rows;    // of the neighbours
};

INLINE int64_t padded(int64_t n, int64_t to)
{
  return (n + to - 1) / to * to;
}

// EDGE_PADDING of one value, of four bytes.
template <typename Number> INLINE void pad(Number *behind, Number value)
{
  typedef Number Unaligned __attribute__((vector_size(4 * HEAL_LANES), aligned(4), may_alias));
#pragma GCC unroll 4
  for (int lane = 0; lane < EDGE_PADDING; lane += HEAL_LANES)
    *reinterpret_cast<Unaligned *>(behind + lane) = Unaligned{} + value;
}

// Components of vectors.
struct Components {
  float *x, *y, *z;
};

constexpr int FOURS = HEAL_LANES / 4;    // of lanes in the widest vector

// Lane l of the result is lane from(l) of the two together, `other` behind `one`.
template <typename From, int... LANES>
INLINE Floats<HEAL_LANES> picked(Floats<HEAL_LANES> one, Floats<HEAL_LANES> other, From from,
                                 std::integer_sequence<int, LANES...>)
{
#ifdef __clang__
  return __builtin_shufflevector(one, other, From()(LANES)...);
#else
  return __builtin_shuffle(one, other, Vector<HEAL_LANES>::Integers{from(LANES)...});
#endif
}

// In each four lanes those of both that are named, 0 to 7.
template <int A, int B, int C, int D>
INLINE Floats<HEAL_LANES> in_fours(Floats<HEAL_LANES> one, Floats<HEAL_LANES> other)
{
  constexpr auto from = [](int lane) {
    constexpr int named[4] = {A, B, C, D};
    const int n = named[lane % 4];
    return lane / 4 * 4 + n % 4 + (n < 4 ? 0 : HEAL_LANES);
  };
  return picked(one, other, from, std::make_integer_sequence<int, HEAL_LANES>());
}

// Each four lanes of four vectors.
INLINE void transpose(Floats<HEAL_LANES> (&rows)[4])
{
  const Floats<HEAL_LANES> a = in_fours<0, 4, 1, 5>(rows[0], rows[1]),
                           b = in_fours<0, 4, 1, 5>(rows[2], rows[3]),
                           c = in_fours<2, 6, 3, 7>(rows[0], rows[1]),
                           d = in_fours<2, 6, 3, 7>(rows[2], rows[3]);
  rows[0] = in_fours<0, 1, 4, 5>(a, b);
  rows[1] = in_fours<2, 3, 6, 7>(a, b);
  rows[2] = in_fours<0, 1, 4, 5>(c, d);
  rows[3] = in_fours<2, 3, 6, 7>(c, d);
}

typedef double FourDoubles __attribute__((vector_size(32), may_alias));

INLINE FourDoubles load_doubles(const double *p)
{
  return *reinterpret_cast<const FourDoubles *>(p);
}

// The first three of four columns, and as many rows as a vector holds.
struct Columns {
  Floats<HEAL_LANES> x, y, z;
};

// row(k): the four of row k.
template <typename Row> INLINE Columns columns_of(const Row &row)
{
  // Rows k, k + 4, k + 8 and k + 12 share a vector, as far as it goes.
  auto sharing = [&](int k) {
#if HEAL_LANES == 16
    const __m512 half = _mm512_insertf32x4(_mm512_castps128_ps512(row(k)), row(k + 4), 1);
    return _mm512_insertf32x4(_mm512_insertf32x4(half, row(k + 8), 2), row(k + 12), 3);
#elif HEAL_LANES == 8
    return _mm256_insertf128_ps(_mm256_castps128_ps256(row(k)), row(k + 4), 1);
#else
    return row(k);
#endif
  };
  Floats<HEAL_LANES> rows[4] = {sharing(0), sharing(1), sharing(2), sharing(3)};
  transpose(rows);
  return {rows[0], rows[1], rows[2]};
}

// Å, from the centre to the rows.
INLINE Columns vectors_of(const double *positions, const int32_t *rows, int64_t centre)
{
  const FourDoubles from_centre = -load_doubles(positions + 4 * centre);
  return columns_of([&](int k) {
    const FourDoubles vector = load_doubles(positions + 4 * static_cast<int64_t>(rows[k])) + from_centre;
#ifdef __AVX__
    return _mm256_cvtpd_ps(vector);
#else
    return __builtin_convertvector(vector, Floats<4>);
#endif
  });
}

INLINE int64_t centre_of(const KernelTask &task, int64_t k)
{
  return task.centres ? task.centres[k] : k;
}

// A task's near rows are those neighbours of each centre that are nearer than the cutoff and behind it in the
// order of rows. How many each has stands before them all; those of ATOMS_DEALT centres follow each other,
// from here on, with padding behind the last.
INLINE int32_t *first_near(const KernelTask &task, int64_t begin)
{
  return task.near + task.chunks[begin / ATOMS_DEALT];
}

// Vectors become unit vectors and places in the tables' intervals, padded.
INLINE void find_places(const KernelNumbers &numbers, double length_scale, Edges &edges)
{
  const float inverse_scale = static_cast<float>(1.0 / length_scale);
  float *__restrict x = edges.x, *__restrict y = edges.y, *__restrict z = edges.z,
                    *__restrict places = edges.place;
  pad(x + edges.n, static_cast<float>(numbers.cutoff * length_scale));
  pad(y + edges.n, 0.0f);
  pad(z + edges.n, 0.0f);
  const int64_t n_padded = padded(edges.n, EDGE_PADDING);
  const float intervals_per_length = numbers.intervals_per_length * inverse_scale;
  const auto last = static_cast<float>(numbers.n_intervals - 1);
  int32_t *__restrict interval = edges.interval;
#ifdef __AVX512F__
  // One of Newton's steps makes the estimate of 14 bits as good as a float.
  for (int64_t e = 0; e < n_padded; e += EDGE_PADDING) {
    const __m512 dx = _mm512_load_ps(x + e), dy = _mm512_load_ps(y + e), dz = _mm512_load_ps(z + e);
    const __m512 d2 = _mm512_fmadd_ps(dx, dx, _mm512_fmadd_ps(dy, dy, _mm512_mul_ps(dz, dz)));
    const __m512 estimate = _mm512_rsqrt14_ps(d2);
    const __m512 half = _mm512_mul_ps(_mm512_mul_ps(_mm512_set1_ps(-0.5f), d2), estimate);
    const __m512 inverse = _mm512_mul_ps(estimate, _mm512_fmadd_ps(half, estimate, _mm512_set1_ps(1.5f)));
    _mm512_store_ps(x + e, _mm512_mul_ps(dx, inverse));
    _mm512_store_ps(y + e, _mm512_mul_ps(dy, inverse));
    _mm512_store_ps(z + e, _mm512_mul_ps(dz, inverse));
    const __m512 place = _mm512_mul_ps(_mm512_mul_ps(d2, inverse), _mm512_set1_ps(intervals_per_length));
    // max and min return their second argument for NaN: no index leaves the table.
    const __m512 inside = _mm512_min_ps(_mm512_max_ps(place, _mm512_setzero_ps()), _mm512_set1_ps(last));
    const __m512i index = _mm512_cvttps_epi32(inside);
    _mm512_store_si512(interval + e, index);
    _mm512_store_ps(places + e,
                    _mm512_sub_ps(_mm512_sub_ps(place, _mm512_cvtepi32_ps(index)), _mm512_set1_ps(0.5f)));
  }
#else
  for (int64_t e = 0; e < n_padded; e++) {
    const float d = __builtin_sqrtf(x[e] * x[e] + y[e] * y[e] + z[e] * z[e]);
    const float inverse = 1.0f / d;
    x[e] *= inverse;
    y[e] *= inverse;
    z[e] *= inverse;
    const float place = d * intervals_per_length;
    // Neither comparison holds for NaN: no index leaves the table.
    const float above = place > 0.0f ? place : 0.0f;
    const auto index = static_cast<int32_t>(above < last ? above : last);
    interval[e] = index;
    places[e] = place - static_cast<float>(index) - 0.5f;
  }
#endif
}

// Edges to the listed rows within the cutoff: vectors, not yet unit vectors. Rows of two atoms on one spot go
// to task.overlapping.
INLINE void gather(const KernelNumbers &numbers, KernelTask &task, int64_t centre, Edges &edges)
{
  constexpr int L = HEAL_LANES;
  const auto own = static_cast<int32_t>(centre);
  const float cutoff = static_cast<float>(numbers.cutoff * task.length_scale),
              cutoff_square = cutoff * cutoff;
  const int64_t n_listed = task.first[centre + 1] - task.first[centre];
  const int32_t *const listed = task.neighbours + task.first[centre];
  float *__restrict x = edges.x, *__restrict y = edges.y, *__restrict z = edges.z;
  int32_t *__restrict rows = edges.rows;
  constexpr auto closest_square = static_cast<float>(SMALLEST_DISTANCE * SMALLEST_DISTANCE);
  int is_close = 0;
  int64_t n = 0;
  for (int64_t k = 0; k < n_listed; k += L) {
    alignas(ALIGNMENT) int32_t last[L];
    const int32_t *some = listed + k;
    if (n_listed - k < L) {    // the centre itself fills it up
      for (int lane = 0; lane < L; lane++)
        last[lane] = k + lane < n_listed ? listed[k + lane] : own;
      some = last;
    }
    const Columns vectors = vectors_of(task.positions, some, centre);
    const Floats<L> squares = vectors.x * vectors.x + vectors.y * vectors.y + vectors.z * vectors.z;
#ifdef __AVX512F__
    const __m512i listed_rows = _mm512_loadu_si512(some);
    const __mmask16 is_other = _mm512_cmpneq_epi32_mask(listed_rows, _mm512_set1_epi32(own));
    const __mmask16 is_inside =
        _mm512_mask_cmp_ps_mask(is_other, squares, _mm512_set1_ps(cutoff_square), _CMP_LT_OQ);
    is_close |= _mm512_mask_cmp_ps_mask(is_inside, squares, _mm512_set1_ps(closest_square), _CMP_LT_OQ);
    _mm512_storeu_ps(x + n, _mm512_maskz_compress_ps(is_inside, vectors.x));
    _mm512_storeu_ps(y + n, _mm512_maskz_compress_ps(is_inside, vectors.y));
    _mm512_storeu_ps(z + n, _mm512_maskz_compress_ps(is_inside, vectors.z));
    _mm512_storeu_si512(rows + n, _mm512_maskz_compress_epi32(is_inside, listed_rows));
    n += __builtin_popcount(is_inside);
#else
    for (int lane = 0; lane < L; lane++) {
      x[n] = vectors.x[lane];
      y[n] = vectors.y[lane];
      z[n] = vectors.z[lane];
      rows[n] = some[lane];
      const int is_inside = (squares[lane] < cutoff_square) & (some[lane] != own);
      is_close |= is_inside & (squares[lane] < closest_square);
      n += is_inside;
    }
#endif
  }
  edges.n = n;
  if (is_close && task.overlapping[0] < 0) {
    const double *const origin = task.positions + 4 * centre;
    for (int64_t k = 0; k < n_listed; k++) {
      const double *const neighbour = task.positions + 4 * static_cast<int64_t>(listed[k]);
      const double dx = neighbour[0] - origin[0], dy = neighbour[1] - origin[1],
                   dz = neighbour[2] - origin[2];
      if (dx * dx + dy * dy + dz * dz < SMALLEST_DISTANCE * SMALLEST_DISTANCE) {
        task.overlapping[0] = centre;
        task.overlapping[1] = listed[k];
      }
    }
  }
}

// Those of the edges' rows that are behind the centre's, padded; returns how many.
INLINE int32_t take_later(const Edges &edges, int32_t centre, int32_t *__restrict later)
{
  int32_t n = 0;
#ifdef __AVX512F__
  for (int64_t e = 0; e < edges.n; e += 16) {
    const auto exists = static_cast<__mmask16>(edges.n - e < 16 ? (1u << (edges.n - e)) - 1 : 0xffffu);
    const __m512i rows = _mm512_load_si512(edges.rows + e);
    const __mmask16 is_later =
        _mm512_mask_cmp_epi32_mask(exists, rows, _mm512_set1_epi32(centre), _MM_CMPINT_NLE);
    _mm512_storeu_si512(later + n, _mm512_maskz_compress_epi32(is_later, rows));
    n += __builtin_popcount(is_later);
  }
#else
  for (int64_t e = 0; e < edges.n; e++) {
    later[n] = edges.rows[e];
    n += edges.rows[e] > centre;
  }
#endif
  pad(later + n, centre);
  return n;
}

// Spherical harmonics of up to TILE edges; Y_00 = 1 is left out.
struct Harmonics {
  alignas(ALIGNMENT) float y[N_HARMONICS][TILE];
};

INLINE void harmonics_of(const Edges &edges, int64_t start, int64_t n, Harmonics &harmonics)
{
  constexpr float root3 = 1.7320508075688772f, root15 = 3.872983346207417f;
  constexpr float root5_8 = 0.7905694150420949f, root3_8 = 0.6123724356957945f;
  const float *__restrict xs = edges.x + start, *__restrict ys = edges.y + start,
                          *__restrict zs = edges.z + start;
  auto &h = harmonics.y;
  for (int64_t e = 0; e < padded(n, EDGE_PADDING); e++) {
    const float x = xs[e], y = ys[e], z = zs[e];
    const float x2 = x * x, y2 = y * y, z2 = z * z, x2_y2 = x2 - y2;
    h[1][e] = x;
    h[2][e] = y;
    h[3][e] = z;
    h[4][e] = root3 * x * y;
    h[5][e] = root3 * y * z;
    h[6][e] = 1.5f * z2 - 0.5f;
    h[7][e] = root3 * x * z;
    h[8][e] = 0.5f * root3 * x2_y2;
    h[9][e] = root5_8 * y * (3.0f * x2 - y2);
    h[10][e] = root15 * x * y * z;
    h[11][e] = root3_8 * y * (5.0f * z2 - 1.0f);
    h[12][e] = 0.5f * z * (5.0f * z2 - 3.0f);
    h[13][e] = root3_8 * x * (5.0f * z2 - 1.0f);
    h[14][e] = 0.5f * root15 * z * x2_y2;
    h[15][e] = root5_8 * x * (x2 - 3.0f * y2);
  }
}

// coefficients: of degree l, in one interval.
template <int W> INLINE Floats<W> radial(const float *coefficients, size_t stride, Floats<W> t)
{
  Floats<W> value = load<W>(coefficients + (N_COEFFICIENTS - 1) * stride);
#pragma GCC unroll 4
  for (int power = N_COEFFICIENTS - 2; power >= 0; power--)
    value = value * t + load<W>(coefficients + power * stride);
  return value;
}

// A_klm of the degrees in MASK, added to moments: row of the harmonic h at moments[h], n_channels apart from
// the next channel block.
template <int W, int MASK>
INLINE void add_moments(const KernelNumbers &numbers, const Edges &edges, int64_t start, int64_t n,
                        const Harmonics &harmonics, float *const *moments, int channel)
{
  const auto n_channels = static_cast<size_t>(numbers.n_channels);
  const size_t stride = N_DEGREES * n_channels;
  Floats<W> sums[N_HARMONICS];
#pragma GCC unroll 4
  for (int l = 0; l < N_DEGREES; l++)
    if (MASK >> l & 1)
#pragma GCC unroll 8
      for (int h = START[l]; h < START[l] + COUNT[l]; h++)
        sums[h] = load<W>(moments[h] + channel);
  for (int64_t e = 0; e < n; e++) {
    const float *const coefficients =
        numbers.inward + static_cast<size_t>(edges.interval[start + e]) * (N_COEFFICIENTS * stride) + channel;
    const Floats<W> t = Floats<W>{} + edges.place[start + e];
#pragma GCC unroll 4
    for (int l = 0; l < N_DEGREES; l++)
      if (MASK >> l & 1) {
        const Floats<W> inward = radial<W>(coefficients + l * n_channels, stride, t);
        if (l == 0)
          sums[0] += inward;
        else
#pragma GCC unroll 8
          for (int h = START[l]; h < START[l] + COUNT[l]; h++)
            sums[h] += inward * harmonics.y[h][e];
      }
  }
#pragma GCC unroll 4
  for (int l = 0; l < N_DEGREES; l++)
    if (MASK >> l & 1)
#pragma GCC unroll 8
      for (int h = START[l]; h < START[l] + COUNT[l]; h++)
        store<W>(moments[h] + channel, sums[h]);
}

// Q_kl(d) G_klm Y_lm(u), summed over the degrees in MASK and over m, written or added to `lanes`: those of
// edge e at lanes + e * W, one channel in each.
template <int W, int MASK>
INLINE void add_weights(const KernelNumbers &numbers, const Edges &edges, int64_t start, int64_t n,
                        const Harmonics &harmonics, const float *gated, int channel, bool is_first,
                        float *lanes)
{
  const auto n_channels = static_cast<size_t>(numbers.n_channels);
  const size_t stride = N_DEGREES * n_channels;
  Floats<W> g[N_HARMONICS];
#pragma GCC unroll 4
  for (int l = 0; l < N_DEGREES; l++)
    if (MASK >> l & 1)
#pragma GCC unroll 8
      for (int h = START[l]; h < START[l] + COUNT[l]; h++)
        g[h] = load<W>(gated + h * n_channels + channel);
  for (int64_t e = 0; e < n; e++) {
    const float *const coefficients =
        numbers.outward + static_cast<size_t>(edges.interval[start + e]) * (N_COEFFICIENTS * stride) +
        channel;
    const Floats<W> t = Floats<W>{} + edges.place[start + e];
    const float *const y = harmonics.y[0] + e;
    Floats<W> weight = is_first ? Floats<W>{} : load<W>(lanes + e * W);
#pragma GCC unroll 4
    for (int l = 0; l < N_DEGREES; l++)
      if (MASK >> l & 1) {
        Floats<W> angular = l == 0 ? g[0] : g[START[l]] * y[START[l] * TILE];
#pragma GCC unroll 8
        for (int h = START[l] + 1; h < START[l] + COUNT[l]; h++)
          angular += g[h] * y[h * TILE];
        weight += radial<W>(coefficients + l * n_channels, stride, t) * angular;
      }
    store<W>(lanes + e * W, weight);
  }
}

template <int W> INLINE float sum_of_lanes(const float *p)
{
  if constexpr (W == 1)
    return *p;
  else
    return sum_of_lanes<W / 2>(p) + sum_of_lanes<W / 2>(p + W / 2);
}

// Of each of n edges, zeros behind them. lanes: of add_weights.
template <int W> INLINE void sum_channels(float *__restrict lanes, int64_t n, float *__restrict weights)
{
  const int64_t n_padded = padded(n, EDGE_PADDING);
  for (int64_t e = n; e < n_padded; e++)
    store<W>(lanes + e * W, Floats<W>{});
  for (int64_t e = 0; e < n_padded; e++)
    weights[e] = sum_of_lanes<W>(lanes + e * W);
}

#ifdef __AVX512F__
// Eight channels leave half of the widest vector empty: two edges share one, channel by channel, as 0 of the
// one, 0 of the other, 1 of the one, and so on.
constexpr int CHANNELS_OF_TWO = 8;

typedef double OtherDouble __attribute__((may_alias));

// Values of two edges behind each other, for each channel.
INLINE __m512 of_two(const float *values)
{
  return _mm512_castpd_ps(_mm512_set1_pd(*reinterpret_cast<const OtherDouble *>(values)));
}

// R or Q of all degrees. table: inward or outward; the other edge's are zero where there is none.
INLINE void radial_of_two(const float *table, const Edges &edges, int64_t e, bool has_other,
                          __m512 (&values)[N_DEGREES])
{
  constexpr int STRIDE = N_DEGREES * CHANNELS_OF_TWO;
  const __m512i even = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i odd = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const __mmask16 exists = has_other ? 0xffff : 0x5555;
  const float *const one = table + static_cast<size_t>(edges.interval[e]) * (N_COEFFICIENTS * STRIDE);
  const float *const other = table + static_cast<size_t>(edges.interval[e + 1]) * (N_COEFFICIENTS * STRIDE);
  const __m512 t_one = _mm512_set1_ps(edges.place[e]), t_other = _mm512_set1_ps(edges.place[e + 1]);
#pragma GCC unroll 2
  for (int l = 0; l < N_DEGREES; l += 2) {    // two degrees fill a vector
    __m512 of_one = _mm512_load_ps(one + (N_COEFFICIENTS - 1) * STRIDE + l * CHANNELS_OF_TWO);
    __m512 of_other = _mm512_load_ps(other + (N_COEFFICIENTS - 1) * STRIDE + l * CHANNELS_OF_TWO);
#pragma GCC unroll 4
    for (int power = N_COEFFICIENTS - 2; power >= 0; power--) {
      of_one = _mm512_fmadd_ps(of_one, t_one, _mm512_load_ps(one + power * STRIDE + l * CHANNELS_OF_TWO));
      of_other =
          _mm512_fmadd_ps(of_other, t_other, _mm512_load_ps(other + power * STRIDE + l * CHANNELS_OF_TWO));
    }
    values[l] = _mm512_maskz_permutex2var_ps(exists, of_one, even, of_other);
    values[l + 1] = _mm512_maskz_permutex2var_ps(exists, of_one, odd, of_other);
  }
}

// What add_moments does, for eight channels. In a function of their own the sums stay in registers.
NOT_INLINE void add_moments_by_twos(const KernelNumbers &numbers, const Edges &edges, int64_t start,
                                    int64_t n, const Harmonics &harmonics, float *const *moments)
{
  __m512 sums[N_HARMONICS];
#pragma GCC unroll 16
  for (auto &sum : sums)
    sum = _mm512_setzero_ps();
  for (int64_t e = 0; e < n; e += 2) {
    __m512 inward[N_DEGREES];
    radial_of_two(numbers.inward, edges, start + e, e + 1 < n, inward);
    sums[0] = _mm512_add_ps(sums[0], inward[0]);
#pragma GCC unroll 4
    for (int l = 1; l < N_DEGREES; l++)
#pragma GCC unroll 8
      for (int h = START[l]; h < START[l] + COUNT[l]; h++)
        sums[h] = _mm512_fmadd_ps(inward[l], of_two(harmonics.y[h] + e), sums[h]);
  }
  const __m512i one = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i other = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#pragma GCC unroll 8
  for (int h = 0; h < N_HARMONICS; h += 2) {
    const __m512 both = _mm512_add_ps(_mm512_permutex2var_ps(sums[h], one, sums[h + 1]),
                                      _mm512_permutex2var_ps(sums[h], other, sums[h + 1]));
    _mm256_store_ps(moments[h], _mm256_add_ps(_mm256_load_ps(moments[h]), _mm512_castps512_ps256(both)));
    _mm256_store_ps(moments[h + 1],
                    _mm256_add_ps(_mm256_load_ps(moments[h + 1]), _mm512_extractf32x8_ps(both, 1)));
  }
}

// w_ij of up to TILE edges, zeros behind them: what add_weights and sum_channels do, for eight channels.
NOT_INLINE void find_weights_by_twos(const KernelNumbers &numbers, const Edges &edges, int64_t start,
                                     int64_t n, const Harmonics &harmonics, const float *gated,
                                     float *__restrict weights)
{
  __m512 g[N_HARMONICS];
  const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
#pragma GCC unroll 16
  for (int h = 0; h < N_HARMONICS; h++)
    g[h] = _mm512_permutexvar_ps(
        twice, _mm512_castps256_ps512(_mm256_load_ps(gated + static_cast<size_t>(h) * CHANNELS_OF_TWO)));
  alignas(ALIGNMENT) float quarters[2 * TILE];    // of two edges: one, other, one, other
  for (int64_t e = 0; e < n; e += 2) {
    __m512 outward[N_DEGREES];
    radial_of_two(numbers.outward, edges, start + e, e + 1 < n, outward);
    __m512 sum = _mm512_mul_ps(outward[0], g[0]);
#pragma GCC unroll 4
    for (int l = 1; l < N_DEGREES; l++) {
      __m512 angular = _mm512_mul_ps(g[START[l]], of_two(harmonics.y[START[l]] + e));
#pragma GCC unroll 8
      for (int h = START[l] + 1; h < START[l] + COUNT[l]; h++)
        angular = _mm512_fmadd_ps(g[h], of_two(harmonics.y[h] + e), angular);
      sum = _mm512_fmadd_ps(outward[l], angular, sum);
    }
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1));
    _mm_store_ps(quarters + 2 * e, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
  }
  const __m512i first = _mm512_setr_epi32(0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29);
  const __m512i second = _mm512_setr_epi32(2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
  for (int64_t e = 0; e < n; e += EDGE_PADDING) {
    const __m512 low = _mm512_load_ps(quarters + 2 * e), high = _mm512_load_ps(quarters + 2 * e + 16);
    _mm512_store_ps(weights + e, _mm512_add_ps(_mm512_permutex2var_ps(low, first, high),
                                               _mm512_permutex2var_ps(low, second, high)));
  }
  pad(weights + n, 0.0f);
}
#endif

INLINE FourDoubles in_double(const float *four)
{
#ifdef __AVX__
  return _mm256_cvtps_pd(_mm_load_ps(four));    // g++ makes more of a __builtin_convertvector
#else
  return __builtin_convertvector(load<4>(four), FourDoubles);
#endif
}

// Three vectors' lanes become rows of four, the fourth of no use.
INLINE void store_fours(float *rows, Floats<HEAL_LANES> x, Floats<HEAL_LANES> y, Floats<HEAL_LANES> z)
{
  constexpr int L = HEAL_LANES;
  // In each four lanes, one of each vector to be stored: only then does a transposition within fours do.
  auto dealt = [](Floats<L> v) {
    constexpr auto from = [](int lane) { return lane % 4 * FOURS + lane / 4; };
    return picked(v, v, from, std::make_integer_sequence<int, L>());
  };
  Floats<L> fours[4] = {dealt(x), dealt(y), dealt(z), {}};
  transpose(fours);
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++)
    store<L>(rows + r * L, fours[r]);
}

// Rounds to multiples of 2^-27 Å, and what is larger than 1/32 Å to those of 2^-28 or to what a float of its
// size can tell: in doubles their sums are exact in any order, so they are the same bits on any number of
// threads and ranks.
INLINE Floats<HEAL_LANES> on_grid(Floats<HEAL_LANES> values)
{
  constexpr float TO_GRID = 0.09375f;    // 1.5 * 2^-4
  return values + TO_GRID - TO_GRID;
}

// A row of an (n_rows, 4) array.
INLINE FourDoubles &row_of(double *values, int64_t row)
{
  return *reinterpret_cast<FourDoubles *>(values + 4 * row);
}

// What each edge pushes its centre by, w_ij u, is taken from its neighbour: added to and subtracted from
// `forces`. weights: w_ij, with padding.
INLINE void add_forces(const Edges &edges, int64_t start, int64_t n, const float *weights, int64_t centre,
                       double *forces)
{
  constexpr int L = HEAL_LANES;
  alignas(ALIGNMENT) float pushes[4 * TILE];
  for (int64_t e = 0; e < n; e += L) {
    const Floats<L> w = load<L>(weights + e);
    store_fours(pushes + 4 * e, on_grid(w * load<L>(edges.x + start + e)),
                on_grid(w * load<L>(edges.y + start + e)), on_grid(w * load<L>(edges.z + start + e)));
  }
  FourDoubles sum = {};
  const int32_t *const rows = edges.rows + start;
  for (int64_t e = 0; e < n; e++) {
    const FourDoubles push = in_double(pushes + 4 * e);
    row_of(forces, rows[e]) -= push;
    sum += push;
  }
  row_of(forces, centre) += sum;
}

// Degrees whose sums fit the registers together: all four, or 1 and 2, then 0 and 3.
constexpr int ALL_DEGREES = 15, DEGREES_1_2 = 6, DEGREES_0_3 = 9;

// out[row][column] = bias[column] + sum_k in[row][k] weights[k][column], ROWS x N_VECTORS * W of it
template <int W, int N_VECTORS>
INLINE void multiply_block(const float *in, int n_in, const float *weights, int n_out, const float *bias,
                           float *out)
{
  Floats<W> sums[ROWS][N_VECTORS];
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int c = 0; c < N_VECTORS; c++)
      sums[r][c] = bias ? load<W>(bias + c * W) : Floats<W>{};
  for (int k = 0; k < n_in; k++) {
    Floats<W> row[N_VECTORS];
#pragma GCC unroll 4
    for (int c = 0; c < N_VECTORS; c++)
      row[c] = load<W>(weights + static_cast<size_t>(k) * n_out + c * W);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
      const float value = in[static_cast<size_t>(r) * n_in + k];
#pragma GCC unroll 4
      for (int c = 0; c < N_VECTORS; c++)
        sums[r][c] += row[c] * value;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int c = 0; c < N_VECTORS; c++)
      store<W>(out + static_cast<size_t>(r) * n_out + c * W, sums[r][c]);
}

// n_rows: a multiple of ROWS; n_out: of W.
template <int W>
INLINE void multiply(const float *in, int n_rows, int n_in, const float *weights, int n_out,
                     const float *bias, float *out)
{
  for (int row = 0; row < n_rows; row += ROWS) {
    const float *const in_row = in + static_cast<size_t>(row) * n_in;
    float *const out_row = out + static_cast<size_t>(row) * n_out;
    int column = 0;
    for (; column + COLUMNS * W <= n_out; column += COLUMNS * W)
      multiply_block<W, COLUMNS>(in_row, n_in, weights + column, n_out, bias ? bias + column : bias,
                                 out_row + column);
    for (; column + 2 * W <= n_out; column += 2 * W)
      multiply_block<W, 2>(in_row, n_in, weights + column, n_out, bias ? bias + column : bias,
                           out_row + column);
    for (; column < n_out; column += W)
      multiply_block<W, 1>(in_row, n_in, weights + column, n_out, bias ? bias + column : bias,
                           out_row + column);
  }
}

// B of one atom, (3, 3). moments: M of degree 2, rows of channels; mobile: t / n_channels of each channel,
// then s.
template <int W>
INLINE void write_mobility(const float *moments, const float *mobile, int n_channels, double scale,
                           float *mobility)
{
  float tensor[5];
  for (int m = 0; m < 5; m++) {
    Floats<W> sums = {};
    for (int k = 0; k < n_channels; k += W)
      sums += load<W>(moments + m * n_channels + k) * load<W>(mobile + k);
    alignas(ALIGNMENT) float lanes[W];
    store<W>(lanes, sums);
    tensor[m] = sum_of_lanes<W>(lanes);
  }
  constexpr float half = 0.8660254037844386f;    // of the root of 3
  const float xy = half * tensor[0], yz = half * tensor[1], zz = tensor[2], xz = half * tensor[3],
              x2_y2 = half * tensor[4], both = 1.0f + mobile[n_channels] - 0.5f * zz;
  const float rows[9] = {both + x2_y2, xy, xz, xy, both - x2_y2, yz, xz, yz, both + 1.5f * zz};
  for (int i = 0; i < 9; i++)
    mobility[i] = static_cast<float>(scale) * rows[i];
}

// e^x to 1e-7 of it, for x of -87 to 87 and the nearest of these beyond: 2^n times a polynomial of the rest,
// Cephes' expf (S. Moshier).
template <int W> INLINE Floats<W> exponential(Floats<W> x)
{
  constexpr float LARGEST = 87.0f, LOG2_E = 1.44269504088896341f;
  constexpr float LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;
  constexpr float TO_INTEGER = 12582912.0f;    // 1.5 * 2^23: adding it rounds to an integer
  const Floats<W> zero = {};
  x = x > zero + LARGEST ? zero + LARGEST : x;
  x = x < zero - LARGEST ? zero - LARGEST : x;
  const Floats<W> shifted = x * LOG2_E + TO_INTEGER;
  const Floats<W> n = shifted - TO_INTEGER;
  const Floats<W> r = x - n * LN2_HIGH - n * LN2_LOW;
  Floats<W> p = zero + 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  typedef typename Vector<W>::Integers Integers;
  const Integers bits = reinterpret_cast<Integers>(shifted) << 23;    // n, in the exponent's place
  return reinterpret_cast<Floats<W>>(reinterpret_cast<Integers>(p) + bits);
}

template <int W> INLINE void silu(float *values, size_t n)
{
  for (size_t i = 0; i < n; i += W) {
    const Floats<W> x = load<W>(values + i);
    store<W>(values + i, x / (exponential<W>(-x) + 1.0f));
  }
}

constexpr int RELAY_FLOATS = 18;    // of an edge

// Relays at once for so many centres: an atom's pairs alone are too few to fill the processor.
constexpr int RELAYED_AT_ONCE = 8;

size_t moments_floats(const KernelNumbers &numbers)
{
  return static_cast<size_t>(ATOMS_AT_ONCE) * N_HARMONICS * numbers.n_channels;
}

size_t scratch_floats(const KernelNumbers &numbers, int64_t most_edges)
{
  const size_t edges = static_cast<size_t>(ATOMS_AT_ONCE) * 6 * (most_edges + EDGE_PADDING);
  const size_t layers = static_cast<size_t>(ATOMS_AT_ONCE) *
                        (N_DEGREES * numbers.n_channels + numbers.n_gates + 2 * numbers.n_hidden);
  const size_t of_forces = edges + 2 * moments_floats(numbers) + layers + N_HARMONICS * numbers.n_channels;
  const size_t of_relay = RELAY_FLOATS * (static_cast<size_t>(RELAYED_AT_ONCE) * most_edges + EDGE_PADDING);
  return of_forces > of_relay ? of_forces : of_relay;
}

// A_klm of up to TILE edges, added to rows of moments, one for each harmonic.
template <int W>
INLINE void sum_moments(const KernelNumbers &numbers, const Edges &edges, int64_t start, int64_t n,
                        const Harmonics &harmonics, float *const *moments)
{
#ifdef __AVX512F__
  if (numbers.n_channels == CHANNELS_OF_TWO)
    return add_moments_by_twos(numbers, edges, start, n, harmonics, moments);
#endif
  for (int channel = 0; channel < numbers.n_channels; channel += W) {
    if (HEAL_REGISTERS > FEW_REGISTERS)
      add_moments<W, ALL_DEGREES>(numbers, edges, start, n, harmonics, moments, channel);
    else {
      add_moments<W, DEGREES_1_2>(numbers, edges, start, n, harmonics, moments, channel);
      add_moments<W, DEGREES_0_3>(numbers, edges, start, n, harmonics, moments, channel);
    }
  }
}

// w_ij of up to TILE edges, zeros behind them.
template <int W>
INLINE void find_weights(const KernelNumbers &numbers, const Edges &edges, int64_t start, int64_t n,
                         const Harmonics &harmonics, const float *gated, float *weights)
{
#ifdef __AVX512F__
  if (numbers.n_channels == CHANNELS_OF_TWO)
    return find_weights_by_twos(numbers, edges, start, n, harmonics, gated, weights);
#endif
  alignas(ALIGNMENT) float lanes[TILE * W];
  for (int channel = 0; channel < numbers.n_channels; channel += W) {
    if (HEAL_REGISTERS > FEW_REGISTERS)
      add_weights<W, ALL_DEGREES>(numbers, edges, start, n, harmonics, gated, channel, channel == 0, lanes);
    else {
      add_weights<W, DEGREES_1_2>(numbers, edges, start, n, harmonics, gated, channel, channel == 0, lanes);
      add_weights<W, DEGREES_0_3>(numbers, edges, start, n, harmonics, gated, channel, false, lanes);
    }
  }
  sum_channels<W>(lanes, n, weights);
}

// One pass over ATOMS_AT_ONCE centres at the most. near: where their near rows go, and then the next ones'.
template <int W>
void run_block(const KernelNumbers &numbers, KernelTask &task, int64_t begin, int n_atoms, int32_t *&near)
{
  const auto n_channels = static_cast<size_t>(numbers.n_channels);
  const size_t n_invariants = N_DEGREES * n_channels;
  float *free = task.scratch;
  auto take = [&free](size_t n) {
    float *const taken = free;
    free += n;
    return taken;
  };
  // Moments of degree l: rows of all atoms one below the other, as the mixing wants them.
  float *moments[N_DEGREES], *mixed[N_DEGREES];
  for (int l = 0; l < N_DEGREES; l++)
    moments[l] = take(ATOMS_AT_ONCE * COUNT[l] * n_channels);
  for (int l = 0; l < N_DEGREES; l++)
    mixed[l] = take(ATOMS_AT_ONCE * COUNT[l] * n_channels);
  float *const invariants = take(ATOMS_AT_ONCE * n_invariants);
  const auto n_gates = static_cast<size_t>(numbers.n_gates);
  float *const gates = take(ATOMS_AT_ONCE * n_gates);
  float *const hidden[2] = {take(static_cast<size_t>(ATOMS_AT_ONCE) * numbers.n_hidden),
                            take(static_cast<size_t>(ATOMS_AT_ONCE) * numbers.n_hidden)};
  float *const gated = take(N_HARMONICS * n_channels);
  Edges edges[ATOMS_AT_ONCE];
  Harmonics harmonics;

  for (size_t i = 0; i < moments_floats(numbers); i += W)
    store<W>(moments[0] + i, Floats<W>{});
  auto gather_edges_of = [&](int a) {
    const auto most = static_cast<size_t>(task.most_edges + EDGE_PADDING);
    Edges &own = edges[a];
    own.x = take(most);
    own.y = take(most);
    own.z = take(most);
    own.place = take(most);
    own.interval = reinterpret_cast<int32_t *>(take(most));
    own.rows = reinterpret_cast<int32_t *>(take(most));
    gather(numbers, task, centre_of(task, begin + a), own);
  };
  gather_edges_of(0);
  for (int a = 0; a < n_atoms; a++) {
    // One atom ahead: what is stored in bits and pieces takes its time until it can be loaded.
    if (a + 1 < n_atoms)
      gather_edges_of(a + 1);
    Edges &own = edges[a];
    near += task.near[begin + a] = take_later(own, static_cast<int32_t>(centre_of(task, begin + a)), near);
    find_places(numbers, task.length_scale, own);
    float *rows[N_HARMONICS];
    for (int l = 0; l < N_DEGREES; l++)
      for (int m = 0; m < COUNT[l]; m++)
        rows[START[l] + m] = moments[l] + (static_cast<size_t>(a) * COUNT[l] + m) * n_channels;
    for (int64_t start = 0; start < own.n; start += TILE) {
      const int64_t n = own.n - start < TILE ? own.n - start : TILE;
      harmonics_of(own, start, n, harmonics);
      sum_moments<W>(numbers, own, start, n, harmonics, rows);
    }
  }

  for (int l = 1; l < N_DEGREES; l++)
    multiply<W>(moments[l], ATOMS_AT_ONCE * COUNT[l], numbers.n_channels,
                numbers.mixing + (l - 1) * n_channels * n_channels, numbers.n_channels, nullptr, mixed[l]);
  for (int a = 0; a < ATOMS_AT_ONCE; a++)
    for (int l = 0; l < N_DEGREES; l++) {
      const size_t row = static_cast<size_t>(a) * COUNT[l] * n_channels;
      for (size_t k = 0; k < n_channels; k += W) {
        Floats<W> sum = load<W>(moments[l] + row + k);
        if (l > 0) {
          sum *= load<W>(mixed[l] + row + k);
          for (int m = 1; m < COUNT[l]; m++)
            sum +=
                load<W>(moments[l] + row + m * n_channels + k) * load<W>(mixed[l] + row + m * n_channels + k);
        }
        store<W>(invariants + a * n_invariants + l * n_channels + k, sum);
      }
    }
  // The gates' layers fill the widest vectors, whatever the number of channels.
  constexpr int L = HEAL_LANES;
  const auto n_inputs = static_cast<int>(n_invariants);
  const size_t n_values = static_cast<size_t>(ATOMS_AT_ONCE) * numbers.n_hidden;
  multiply<L>(invariants, ATOMS_AT_ONCE, n_inputs, numbers.weights[0], numbers.n_hidden, numbers.biases[0],
              hidden[0]);
  silu<L>(hidden[0], n_values);
  multiply<L>(hidden[0], ATOMS_AT_ONCE, numbers.n_hidden, numbers.weights[1], numbers.n_hidden,
              numbers.biases[1], hidden[1]);
  silu<L>(hidden[1], n_values);
  multiply<L>(hidden[1], ATOMS_AT_ONCE, numbers.n_hidden, numbers.weights[2], numbers.n_gates,
              numbers.biases[2], gates);

  for (int a = 0; a < n_atoms; a++) {
    const Edges &own = edges[a];
    for (size_t k = 0; k < n_channels; k += W)
      for (int l = 0; l < N_DEGREES; l++) {
        const Floats<W> gate = load<W>(gates + a * n_gates + l * n_channels + k);
        if (l == 0)
          store<W>(gated + k, gate);
        else
          for (int m = 0; m < COUNT[l]; m++)
            store<W>(gated + (START[l] + m) * n_channels + k,
                     gate * load<W>(mixed[l] + (static_cast<size_t>(a) * COUNT[l] + m) * n_channels + k));
      }
    const int64_t centre = centre_of(task, begin + a);
    for (int64_t start = 0; start < own.n; start += TILE) {
      const int64_t n = own.n - start < TILE ? own.n - start : TILE;
      harmonics_of(own, start, n, harmonics);
      alignas(ALIGNMENT) float weights[TILE + EDGE_PADDING];
      find_weights<W>(numbers, own, start, n, harmonics, gated, weights);
      add_forces(own, start, n, weights, centre, task.sums);
    }
    const float *const mobile = gates + a * n_gates + N_DEGREES * n_channels;
    write_mobility<W>(mixed[2] + static_cast<size_t>(a) * COUNT[2] * n_channels, mobile, numbers.n_channels,
                      task.length_scale, task.mobilities + 9 * (begin + a));
  }
}

template <int W> void run_all(const KernelNumbers &numbers, KernelTask &task)
{
  int32_t *near = first_near(task, task.begin);
  for (int64_t begin = task.begin; begin < task.end; begin += ATOMS_AT_ONCE) {
    const int64_t left = task.end - begin;
    run_block<W>(numbers, task, begin, static_cast<int>(left < ATOMS_AT_ONCE ? left : ATOMS_AT_ONCE), near);
  }
}

// A pair of owned atoms is looked at once and tells both; a ghost is told elsewhere, what is added to it is
// of no use.
void message_layer(const KernelNumbers &numbers, KernelTask &task)
{
  const auto most = static_cast<size_t>(task.most_edges), room = RELAYED_AT_ONCE * most + EDGE_PADDING;
  float *free = task.scratch;
  auto take = [&free](size_t n) {
    float *const taken = free;
    free += n;
    return taken;
  };
  auto take_components = [&]() { return Components{take(room), take(room), take(room)}; };
  const Components vectors = take_components(), own = take_components();
  Edges edges = {0, vectors.x, vectors.y, vectors.z, take(room)};
  edges.interval = reinterpret_cast<int32_t *>(take(room));
  float *__restrict across = take(room), *__restrict along = take(room);    // a(d) and b(d)
  float *__restrict to_centre = take(4 * room), *__restrict to_other = take(4 * room);
  const float *const table =
      numbers.relays + static_cast<size_t>(task.turn) * numbers.n_intervals * RELAY_ROW;
  constexpr int L = HEAL_LANES;
  const int32_t *rows = first_near(task, task.begin);
  for (int64_t begin = task.begin; begin < task.end; begin += RELAYED_AT_ONCE, rows += edges.n) {
    const int n_atoms =
        task.end - begin < RELAYED_AT_ONCE ? static_cast<int>(task.end - begin) : RELAYED_AT_ONCE;
    int64_t ends[RELAYED_AT_ONCE];
    edges.n = 0;
    for (int a = 0; a < n_atoms; a++) {
      const int64_t centre = centre_of(task, begin + a), e = edges.n;
      const int64_t n = task.near[begin + a];
      for (int64_t k = e; k < e + n; k += L) {
        const Columns columns = vectors_of(task.positions, rows + k, centre);
        store_unaligned<L>(vectors.x + k, columns.x);
        store_unaligned<L>(vectors.y + k, columns.y);
        store_unaligned<L>(vectors.z + k, columns.z);
      }
      const float *const of_centre = task.told + 4 * centre;
      for (int64_t k = e; k < e + n; k += EDGE_PADDING) {
        pad(own.x + k, of_centre[0]);
        pad(own.y + k, of_centre[1]);
        pad(own.z + k, of_centre[2]);
      }
      ends[a] = edges.n = e + n;
    }
    find_places(numbers, task.length_scale, edges);
    // Edge by edge, a and b side by side: gathering six coefficients of many edges at once takes twice as
    // long.
    for (int64_t e = 0; e < edges.n; e++) {
      const float *const c = table + static_cast<size_t>(edges.interval[e]) * RELAY_ROW;
      const float t = edges.place[e];
      const Floats<4> ab = load_unaligned(c) + (load_unaligned(c + 2) + load_unaligned(c + 4) * t) * t;
      across[e] = ab[0];
      along[e] = ab[1];
    }
    for (int64_t e = 0; e < edges.n; e += L) {
      const Floats<L> x = load<L>(edges.x + e), y = load<L>(edges.y + e), z = load<L>(edges.z + e);
      const Floats<L> a = load<L>(across + e), b = load<L>(along + e);
      auto answer = [&](const Columns &told, float *answers) {
        const Floats<L> in = b * (x * told.x + y * told.y + z * told.z);
        store_fours(answers + 4 * e, on_grid(a * told.x + in * x), on_grid(a * told.y + in * y),
                    on_grid(a * told.z + in * z));
      };
      answer(columns_of([&](int k) { return load<4>(task.told + 4 * static_cast<int64_t>(rows[e + k])); }),
             to_centre);
      answer({load<L>(own.x + e), load<L>(own.y + e), load<L>(own.z + e)}, to_other);
    }
    int64_t e = 0;
    for (int a = 0; a < n_atoms; a++) {
      FourDoubles sum = {};
      for (; e < ends[a]; e++) {
        row_of(task.sums, rows[e]) += in_double(to_other + 4 * e);
        sum += in_double(to_centre + 4 * e);
      }
      row_of(task.sums, centre_of(task, begin + a)) += sum;
    }
  }
}

// Half the widest vector where the widest would hold zeros.
int width(int n_channels)
{
  constexpr int half = HEAL_LANES > 4 ? HEAL_LANES / 2 : HEAL_LANES;
  return padded(n_channels, HEAL_LANES) > padded(n_channels, half) ? half : HEAL_LANES;
}

void forces(const KernelNumbers &numbers, KernelTask &task)
{
  if (numbers.n_channels % HEAL_LANES == 0)
    run_all<HEAL_LANES>(numbers, task);
  else
    run_all<(HEAL_LANES > 4 ? HEAL_LANES / 2 : HEAL_LANES)>(numbers, task);
}

int64_t find_near(const float *x, const float *y, const float *z, const int32_t *rows, int64_t n,
                  const float *point, float cutoff_square, int32_t *found)
{
  int64_t n_found = 0;
#ifdef __AVX512F__
  const __m512 x0 = _mm512_set1_ps(point[0]), y0 = _mm512_set1_ps(point[1]), z0 = _mm512_set1_ps(point[2]);
  for (int64_t k = 0; k < n; k += 16) {
    const auto exists = static_cast<__mmask16>(n - k < 16 ? (1u << (n - k)) - 1 : 0xffffu);
    const __m512 dx = _mm512_sub_ps(_mm512_maskz_loadu_ps(exists, x + k), x0);
    const __m512 dy = _mm512_sub_ps(_mm512_maskz_loadu_ps(exists, y + k), y0);
    const __m512 dz = _mm512_sub_ps(_mm512_maskz_loadu_ps(exists, z + k), z0);
    const __m512 d2 = _mm512_fmadd_ps(dx, dx, _mm512_fmadd_ps(dy, dy, _mm512_mul_ps(dz, dz)));
    const __mmask16 is_near = _mm512_mask_cmp_ps_mask(exists, d2, _mm512_set1_ps(cutoff_square), _CMP_LT_OQ);
    _mm512_storeu_si512(found + n_found,
                        _mm512_maskz_compress_epi32(is_near, _mm512_maskz_loadu_epi32(exists, rows + k)));
    n_found += __builtin_popcount(is_near);
  }
#else
  const float x0 = point[0], y0 = point[1], z0 = point[2];
  float squares[TILE];
  for (int64_t start = 0; start < n; start += TILE) {
    const int64_t n_here = n - start < TILE ? n - start : TILE;
    for (int64_t k = 0; k < n_here; k++) {
      const float dx = x[start + k] - x0, dy = y[start + k] - y0, dz = z[start + k] - z0;
      squares[k] = dx * dx + dy * dy + dz * dz;
    }
    for (int64_t k = 0; k < n_here; k++) {
      found[n_found] = rows[start + k];
      n_found += squares[k] < cutoff_square;
    }
  }
#endif
  return n_found;
}

using Integers = typename Vector<HEAL_LANES>::Integers;

// Lane l of the result is lane l ^ J.
template <int J, int... LANES> INLINE Integers exchanged(Integers v, std::integer_sequence<int, LANES...>)
{
#ifdef __clang__
  return __builtin_shufflevector(v, v, (LANES ^ J)...);
#else
  return __builtin_shuffle(v, Integers{(LANES ^ J)...});
#endif
}

// Batcher's bitonic sort of V vectors' numbers: those J apart are put in order, then those half as far, and
// so on, in runs of K that go up and down by turns.
template <int V, int K, int J> INLINE void compare_and_exchange(Integers (&v)[V])
{
  constexpr int L = HEAL_LANES;
#pragma GCC unroll 64
  for (int i = 0; i < V; i++) {
    if constexpr (J >= L) {
      constexpr int apart = J / L;
      if (i & apart)
        continue;
      const Integers one = v[i], other = v[i + apart];
      const Integers smaller = one < other ? one : other, larger = one < other ? other : one;
      const bool goes_up = (L * i & K) == 0;
      v[i] = goes_up ? smaller : larger;
      v[i + apart] = goes_up ? larger : smaller;
    } else {
      const Integers one = v[i], other = exchanged<J>(one, std::make_integer_sequence<int, L>());
      const Integers smaller = one < other ? one : other, larger = one < other ? other : one;
      Integers takes_larger = {};
      for (int lane = 0; lane < L; lane++)
        takes_larger[lane] = ((lane & J) != 0) != (((L * i + lane) & K) != 0) ? -1 : 0;
      v[i] = takes_larger ? larger : smaller;
    }
  }
  if constexpr (J > 1)
    compare_and_exchange<V, K, J / 2>(v);
  else if constexpr (K < L * V)
    compare_and_exchange<V, 2 * K, K>(v);
}

template <int N> void sort_padded(int32_t *values, int64_t n)
{
  for (int64_t k = n; k < N; k++)
    values[k] = INT32_MAX;
  Integers v[N / HEAL_LANES];
  __builtin_memcpy(v, values, sizeof v);
  compare_and_exchange<N / HEAL_LANES, 2, 1>(v);
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

const KernelLoops lammps_heal::HEAL_LOOPS = {
    HEAL_NAME, width, scratch_floats, forces, message_layer, find_near, sort_few,
};
