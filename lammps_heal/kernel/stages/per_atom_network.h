// The per-atom network: from the invariants p to g, t and s, by three dense layers with SiLU between them.

#ifndef HEAL_PER_ATOM_NETWORK_H
#define HEAL_PER_ATOM_NETWORK_H

#include "moments.h"

namespace
{

// Of a block of atoms.
struct PerAtom {
  float *hidden[2];    // (BLOCK_ATOMS, n_hidden)
  float *outputs;      // (BLOCK_ATOMS, n_outputs)
};

INLINE size_t per_atom_floats(const PackedWeights &weights)
{
  return static_cast<size_t>(BLOCK_ATOMS) * (weights.n_outputs + 2 * weights.n_hidden);
}

INLINE PerAtom take_per_atom(const PackedWeights &weights, Scratch &scratch)
{
  PerAtom taken;
  for (float *&hidden : taken.hidden)
    hidden = scratch.take(static_cast<size_t>(BLOCK_ATOMS) * weights.n_hidden);
  taken.outputs = scratch.take(static_cast<size_t>(BLOCK_ATOMS) * weights.n_outputs);
  return taken;
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
  typedef typename Vector<W>::Integers Bits;
  const Bits exponent = reinterpret_cast<Bits>(shifted) << 23;    // n, in the exponent's place
  return reinterpret_cast<Floats<W>>(reinterpret_cast<Bits>(p) + exponent);
}

template <int W> INLINE void silu(float *values, size_t n)
{
  for (size_t i = 0; i < n; i += W) {
    const Floats<W> x = load<W>(values + i);
    store<W>(values + i, x / (exponential<W>(-x) + 1.0f));
  }
}

// Of each atom's species. hidden: (BLOCK_ATOMS, n_hidden).
INLINE void add_species_bias(const PackedWeights &weights, const int32_t *species, float *hidden)
{
  for (int a = 0; a < BLOCK_ATOMS; a++, hidden += weights.n_hidden) {
    const float *const bias = weights.species_bias + static_cast<size_t>(species[a]) * weights.n_hidden;
    for (int i = 0; i < weights.n_hidden; i += LANES)
      store<LANES>(hidden + i, load<LANES>(hidden + i) + load<LANES>(bias + i));
  }
}

// It fills the widest vectors, whatever the number of channels. invariants: (BLOCK_ATOMS, N_DEGREES,
// n_channels). species: (BLOCK_ATOMS,), or null where there is one.
void per_atom_network(const PackedWeights &weights, const float *invariants, const int32_t *species,
                      const PerAtom &block)
{
  const int sizes[] = {N_DEGREES * weights.n_channels, weights.n_hidden, weights.n_hidden, weights.n_outputs};
  const float *in = invariants;
  float *const outs[N_DENSE] = {block.hidden[0], block.hidden[1], block.outputs};
  for (int k = 0; k < N_DENSE; in = outs[k++]) {
    multiply<LANES>({sizes[k], sizes[k + 1], weights.weights[k], weights.biases[k]}, in, BLOCK_ATOMS,
                    outs[k]);
    if (k == 0 && species)
      add_species_bias(weights, species, outs[k]);
    if (k + 1 < N_DENSE)
      silu<LANES>(outs[k], static_cast<size_t>(BLOCK_ATOMS) * weights.n_hidden);
  }
}

}    // namespace

#endif
