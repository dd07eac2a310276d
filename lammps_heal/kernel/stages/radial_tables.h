// Radial functions R_kl(d) and Q_kl(d), from tables of quadratics. Channels k are the lanes of the vectors.

#ifndef HEAL_RADIAL_TABLES_H
#define HEAL_RADIAL_TABLES_H

#include "spherical_harmonics.h"

namespace
{

// Degrees whose sums fit the registers together: all four, or 1 and 2, then 0 and 3.
constexpr int ALL_DEGREES = 15, DEGREES_1_2 = 6, DEGREES_0_3 = 9;

INLINE size_t table_stride(const PackedWeights &weights)
{
  return static_cast<size_t>(N_DEGREES) * weights.n_channels;
}

// Of the interval of edge e, for W channels from this one on. table: of R or Q.
INLINE const float *coefficients_of(const float *table, const PackedWeights &weights, const Edges &edges,
                                    int64_t e, int channel)
{
  return table + static_cast<size_t>(edges.interval[e]) * (N_COEFFICIENTS * table_stride(weights)) + channel;
}

// Edges look into the tables of their neighbours' species from then on.
INLINE void choose_tables(const PackedWeights &weights, const int32_t *species, Edges &edges)
{
  const int32_t *__restrict neighbours = edges.neighbours;
  int32_t *__restrict interval = edges.interval;
  for (int64_t e = 0; e < edges.n; e++)
    interval[e] += weights.n_intervals * species[neighbours[e]];
}

// Of one degree. t: fraction of the interval.
template <int W> INLINE Floats<W> radial_function(const float *coefficients, size_t stride, Floats<W> t)
{
  Floats<W> value = load<W>(coefficients + (N_COEFFICIENTS - 1) * stride);
#pragma GCC unroll 4
  for (int power = N_COEFFICIENTS - 2; power >= 0; power--)
    value = value * t + load<W>(coefficients + power * stride);
  return value;
}

}    // namespace

#endif
