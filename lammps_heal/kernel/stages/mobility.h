// Mobility tensor of an atom, B = (1 + s) 1 + sum_k t_k T(M_k2) / n_channels, where u . T(M) u = sum_m M_m
// Y_2m(u).

#ifndef HEAL_MOBILITY_H
#define HEAL_MOBILITY_H

#include "simd.h"

namespace
{

// What it is made of: M of degree 2, (5, n_channels); t / n_channels of each channel, then s.
struct MobilityTerms {
  const float *mixed, *t;
  int n_channels;
};

// mobility: (3, 3), written; it takes forces to lengths that are `scale` times the model's.
template <int W> INLINE void write_mobility(const MobilityTerms &terms, double scale, float *mobility)
{
  float tensor[5];
  for (int m = 0; m < 5; m++) {
    Floats<W> sums = {};
    for (int k = 0; k < terms.n_channels; k += W)
      sums += load<W>(terms.mixed + m * terms.n_channels + k) * load<W>(terms.t + k);
    alignas(ALIGNMENT) float lanes[W];
    store<W>(lanes, sums);
    tensor[m] = sum_of_lanes<W>(lanes);
  }
  constexpr float half = 0.8660254037844386f;    // of the root of 3
  const float xy = half * tensor[0], yz = half * tensor[1], zz = tensor[2], xz = half * tensor[3],
              x2_y2 = half * tensor[4], both = 1.0f + terms.t[terms.n_channels] - 0.5f * zz;
  const float rows[9] = {both + x2_y2, xy, xz, xy, both - x2_y2, yz, xz, yz, both + 1.5f * zz};
  for (int i = 0; i < 9; i++)
    mobility[i] = static_cast<float>(scale) * rows[i];
}

}    // namespace

#endif
