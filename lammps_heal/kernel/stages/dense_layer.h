// Products of matrices in blocks that stay in registers.

#ifndef HEAL_DENSE_LAYER_H
#define HEAL_DENSE_LAYER_H

#include "simd.h"

namespace
{

constexpr int ROWS = 6;                               // of a block; divides BLOCK_ATOMS
constexpr int COLUMNS = HAS_FEW_REGISTERS ? 2 : 4;    // vectors of it

// out = bias + in weights. weights: (n_in, n_out); bias: (n_out,) or null. n_out: a multiple of the vectors'
// width.
struct DenseLayer {
  int n_in, n_out;
  const float *weights, *bias;
};

// ROWS rows and N_VECTORS * W columns, from this one on.
template <int W, int N_VECTORS>
INLINE void multiply_block(const DenseLayer &layer, const float *in, float *out, int column)
{
  const float *const weights = layer.weights + column;
  Floats<W> sums[ROWS][N_VECTORS];
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int c = 0; c < N_VECTORS; c++)
      sums[r][c] = layer.bias ? load<W>(layer.bias + column + c * W) : Floats<W>{};
  for (int k = 0; k < layer.n_in; k++) {
    Floats<W> row[N_VECTORS];
#pragma GCC unroll 4
    for (int c = 0; c < N_VECTORS; c++)
      row[c] = load<W>(weights + static_cast<size_t>(k) * layer.n_out + c * W);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
      const float value = in[static_cast<size_t>(r) * layer.n_in + k];
#pragma GCC unroll 4
      for (int c = 0; c < N_VECTORS; c++)
        sums[r][c] += row[c] * value;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
    for (int c = 0; c < N_VECTORS; c++)
      store<W>(out + static_cast<size_t>(r) * layer.n_out + column + c * W, sums[r][c]);
}

// in: (n_rows, n_in), out: (n_rows, n_out); n_rows: a multiple of ROWS.
template <int W> INLINE void multiply(const DenseLayer &layer, const float *in, int n_rows, float *out)
{
  const int n_out = layer.n_out;
  for (int row = 0; row < n_rows; row += ROWS) {
    const float *const in_row = in + static_cast<size_t>(row) * layer.n_in;
    float *const out_row = out + static_cast<size_t>(row) * n_out;
    int column = 0;
    for (; column + COLUMNS * W <= n_out; column += COLUMNS * W)
      multiply_block<W, COLUMNS>(layer, in_row, out_row, column);
    for (; column + 2 * W <= n_out; column += 2 * W)
      multiply_block<W, 2>(layer, in_row, out_row, column);
    for (; column < n_out; column += W)
      multiply_block<W, 1>(layer, in_row, out_row, column);
  }
}

}    // namespace

#endif
