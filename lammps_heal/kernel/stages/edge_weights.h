// Weights of edges, w_ij = sum_k Q_k0(d) g_k0 + sum_{l>0} Q_kl(d) g_kl sum_m M_klm Y_lm(u).

#ifndef HEAL_EDGE_WEIGHTS_H
#define HEAL_EDGE_WEIGHTS_H

#include "per_atom_network.h"

namespace
{

// g_kl M_klm of one atom, (N_HARMONICS, n_channels), g_k0 for degree 0. g: its outputs of the per-atom
// network.
template <int W>
INLINE void gate_moments(const PackedWeights &weights, const Moments &block, int atom, const float *g,
                         float *gated)
{
  const auto n_channels = static_cast<size_t>(weights.n_channels);
  for (size_t k = 0; k < n_channels; k += W)
    for (int l = 0; l < N_DEGREES; l++) {
      const Floats<W> gate = load<W>(g + l * n_channels + k);
      const float *const mixed = block.mixed[l] + static_cast<size_t>(atom) * COUNT[l] * n_channels;
      if (l == 0)
        store<W>(gated + k, gate);
      else
        for (int m = 0; m < COUNT[l]; m++)
          store<W>(gated + (START[l] + m) * n_channels + k, gate * load<W>(mixed + m * n_channels + k));
    }
}

// The sum over the degrees in MASK and over m, for W channels from this one on, written or added to `lanes`:
// those of edge e at lanes + e * W, one channel in each.
template <int W, int MASK>
INLINE void add_weights(const PackedWeights &weights, const Tile &tile, const float *gated, int channel,
                        bool is_first, float *lanes)
{
  const auto n_channels = static_cast<size_t>(weights.n_channels);
  const size_t stride = table_stride(weights);
  Floats<W> g[N_HARMONICS];
#pragma GCC unroll 4
  for (int l = 0; l < N_DEGREES; l++)
    if (MASK >> l & 1)
#pragma GCC unroll 8
      for (int h = START[l]; h < START[l] + COUNT[l]; h++)
        g[h] = load<W>(gated + h * n_channels + channel);
  for (int64_t e = 0; e < tile.n; e++) {
    const float *const coefficients =
        coefficients_of(weights.q, weights, *tile.edges, tile.start + e, channel);
    const Floats<W> t = Floats<W>{} + tile.edges->fraction[tile.start + e];
    const float *const y = tile.y[0] + e;
    Floats<W> weight = is_first ? Floats<W>{} : load<W>(lanes + e * W);
#pragma GCC unroll 4
    for (int l = 0; l < N_DEGREES; l++)
      if (MASK >> l & 1) {
        Floats<W> angular = l == 0 ? g[0] : g[START[l]] * y[START[l] * TILE];
#pragma GCC unroll 8
        for (int h = START[l] + 1; h < START[l] + COUNT[l]; h++)
          angular += g[h] * y[h * TILE];
        weight += radial_function<W>(coefficients + l * n_channels, stride, t) * angular;
      }
    store<W>(lanes + e * W, weight);
  }
}

// Of each of n edges, zeros behind them. lanes: of add_weights.
template <int W> INLINE void sum_channels(float *__restrict lanes, int64_t n, float *__restrict w)
{
  const int64_t n_padded = padded(n, EDGE_PADDING);
  for (int64_t e = n; e < n_padded; e++)
    store<W>(lanes + e * W, Floats<W>{});
  for (int64_t e = 0; e < n_padded; e++)
    w[e] = sum_of_lanes<W>(lanes + e * W);
}

// w_ij of the tile's edges, zeros behind them.
template <int W>
INLINE void edge_weights(const PackedWeights &weights, const Tile &tile, const float *gated, float *w)
{
#ifdef __AVX512F__
  if (weights.n_channels == CHANNELS_OF_TWO)
    return edge_weights_of_two(weights, tile, gated, w);
#endif
  alignas(ALIGNMENT) float lanes[TILE * W];
  for (int channel = 0; channel < weights.n_channels; channel += W) {
    if (HAS_FEW_REGISTERS) {
      add_weights<W, DEGREES_1_2>(weights, tile, gated, channel, channel == 0, lanes);
      add_weights<W, DEGREES_0_3>(weights, tile, gated, channel, false, lanes);
    } else
      add_weights<W, ALL_DEGREES>(weights, tile, gated, channel, channel == 0, lanes);
  }
  sum_channels<W>(lanes, tile.n, w);
}

}    // namespace

#endif
