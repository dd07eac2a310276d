// Real spherical harmonics Y_lm(u) of degree 0 to 3, scaled so that sum_m Y_lm^2 = 1.
// Formulas: Varshalovich et al., Quantum Theory of Angular Momentum (1988), 5.1.

#ifndef HEAL_SPHERICAL_HARMONICS_H
#define HEAL_SPHERICAL_HARMONICS_H

#include "edges.h"

namespace
{

constexpr int TILE = 64;    // edges whose spherical harmonics are held at once, in the L1 cache

// Where degree l begins among the harmonics, and how many it has.
constexpr int START[N_DEGREES] = {0, 1, 4, 9};
constexpr int COUNT[N_DEGREES] = {1, 3, 5, 7};

// Edges start to start + n of one atom, up to TILE, and their harmonics; Y_00 = 1 is left out.
struct Tile {
  const Edges *edges;
  int64_t start, n;
  alignas(ALIGNMENT) float y[N_HARMONICS][TILE];
};

INLINE void set_tile(const Edges &edges, int64_t start, Tile &tile)
{
  constexpr float root3 = 1.7320508075688772f, root15 = 3.872983346207417f;
  constexpr float root5_8 = 0.7905694150420949f, root3_8 = 0.6123724356957945f;
  const int64_t n = edges.n - start < TILE ? edges.n - start : TILE;
  tile.edges = &edges;
  tile.start = start;
  tile.n = n;
  const float *__restrict xs = edges.x + start, *__restrict ys = edges.y + start,
                          *__restrict zs = edges.z + start;
  auto &h = tile.y;
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

}    // namespace

#endif
