// Moments A_klm = sum_j R_kl(d) Y_lm(u), mixed moments M_klm = sum_k' C_lkk' A_k'lm and the invariants
// p_kl = sum_m A_klm M_klm, p_k0 = A_k0.

#ifndef HEAL_MOMENTS_H
#define HEAL_MOMENTS_H

#include "dense_layer.h"
#include "two_edges.h"

namespace
{

// Of a block of atoms. Of each degree l (BLOCK_ATOMS, 2 l + 1, n_channels): what mixing multiplies, and what
// comes of it; there is none of degree 0. invariants: (BLOCK_ATOMS, N_DEGREES, n_channels).
struct Moments {
  float *moments[N_DEGREES], *mixed[N_DEGREES];
  float *invariants;
};

INLINE size_t moments_floats(const PackedWeights &weights)
{
  return static_cast<size_t>(BLOCK_ATOMS) * N_HARMONICS * weights.n_channels;
}

INLINE Moments take_moments(const PackedWeights &weights, Scratch &scratch)
{
  const auto n_channels = static_cast<size_t>(weights.n_channels);
  Moments taken;
  float **const all[] = {taken.moments, taken.mixed};
  for (float **numbers : all)
    for (int l = 0; l < N_DEGREES; l++)
      numbers[l] = scratch.take(BLOCK_ATOMS * COUNT[l] * n_channels);
  taken.invariants = scratch.take(BLOCK_ATOMS * N_DEGREES * n_channels);
  return taken;
}

// Of the degrees in MASK and W channels from this one on, added to the moments of one atom: those of harmonic
// h at moments[h].
template <int W, int MASK>
INLINE void add_moments(const PackedWeights &weights, const Tile &tile, float *const *moments, int channel)
{
  const auto n_channels = static_cast<size_t>(weights.n_channels);
  const size_t stride = table_stride(weights);
  Floats<W> sums[N_HARMONICS];
#pragma GCC unroll 4
  for (int l = 0; l < N_DEGREES; l++)
    if (MASK >> l & 1)
#pragma GCC unroll 8
      for (int h = START[l]; h < START[l] + COUNT[l]; h++)
        sums[h] = load<W>(moments[h] + channel);
  for (int64_t e = 0; e < tile.n; e++) {
    const float *const coefficients =
        coefficients_of(weights.r, weights, *tile.edges, tile.start + e, channel);
    const Floats<W> t = Floats<W>{} + tile.edges->fraction[tile.start + e];
#pragma GCC unroll 4
    for (int l = 0; l < N_DEGREES; l++)
      if (MASK >> l & 1) {
        const Floats<W> r = radial_function<W>(coefficients + l * n_channels, stride, t);
        if (l == 0)
          sums[0] += r;
        else
#pragma GCC unroll 8
          for (int h = START[l]; h < START[l] + COUNT[l]; h++)
            sums[h] += r * tile.y[h][e];
      }
  }
#pragma GCC unroll 4
  for (int l = 0; l < N_DEGREES; l++)
    if (MASK >> l & 1)
#pragma GCC unroll 8
      for (int h = START[l]; h < START[l] + COUNT[l]; h++)
        store<W>(moments[h] + channel, sums[h]);
}

// All degrees and channels of a tile's edges.
template <int W>
INLINE void add_moments(const PackedWeights &weights, const Tile &tile, float *const *moments)
{
#ifdef __AVX512F__
  if (weights.n_channels == CHANNELS_OF_TWO)
    return add_moments_of_two(weights, tile, moments);
#endif
  for (int channel = 0; channel < weights.n_channels; channel += W) {
    if (HAS_FEW_REGISTERS) {
      add_moments<W, DEGREES_1_2>(weights, tile, moments, channel);
      add_moments<W, DEGREES_0_3>(weights, tile, moments, channel);
    } else
      add_moments<W, ALL_DEGREES>(weights, tile, moments, channel);
  }
}

// Of number `atom` of the block, whose moments are zero before.
template <int W>
INLINE void sum_moments(const PackedWeights &weights, const Edges &edges, const Moments &block, int atom)
{
  const auto n_channels = static_cast<size_t>(weights.n_channels);
  float *rows[N_HARMONICS];
  for (int l = 0; l < N_DEGREES; l++)
    for (int m = 0; m < COUNT[l]; m++)
      rows[START[l] + m] = block.moments[l] + (static_cast<size_t>(atom) * COUNT[l] + m) * n_channels;
  Tile tile;
  for (int64_t start = 0; start < edges.n; start += TILE) {
    set_tile(edges, start, tile);
    add_moments<W>(weights, tile, rows);
  }
}

template <int W> INLINE void mix_moments(const PackedWeights &weights, const Moments &block)
{
  const auto n_channels = static_cast<size_t>(weights.n_channels);
  for (int l = 1; l < N_DEGREES; l++) {
    const float *const mixing = weights.mixing + (l - 1) * n_channels * n_channels;
    const DenseLayer layer = {weights.n_channels, weights.n_channels, mixing, nullptr};
    multiply<W>(layer, block.moments[l], BLOCK_ATOMS * COUNT[l], block.mixed[l]);
  }
  for (int a = 0; a < BLOCK_ATOMS; a++)
    for (int l = 0; l < N_DEGREES; l++) {
      const size_t row = static_cast<size_t>(a) * COUNT[l] * n_channels;
      const float *const moments = block.moments[l] + row, *const mixed = block.mixed[l] + row;
      for (size_t k = 0; k < n_channels; k += W) {
        Floats<W> sum = load<W>(moments + k);
        if (l > 0) {
          sum *= load<W>(mixed + k);
          for (int m = 1; m < COUNT[l]; m++)
            sum += load<W>(moments + m * n_channels + k) * load<W>(mixed + m * n_channels + k);
        }
        store<W>(block.invariants + (a * N_DEGREES + l) * n_channels + k, sum);
      }
    }
}

}    // namespace

#endif
