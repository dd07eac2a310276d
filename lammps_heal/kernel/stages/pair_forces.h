// Pair forces, f_i = sum_j (w_ij + w_ji) u: each edge of a centre adds w_ij u to it and takes it from its
// neighbour. All stages up to there, for blocks of atoms.

#ifndef HEAL_PAIR_FORCES_H
#define HEAL_PAIR_FORCES_H

#include "edge_weights.h"
#include "mobility.h"

namespace
{

struct Block {
  Moments moments;
  PerAtom per_atom;
  float *gated;    // of one atom
  Edges edges[BLOCK_ATOMS];
};

INLINE size_t edges_floats(const ThreadTask &task)
{
  return static_cast<size_t>(task.most_edges + EDGE_PADDING);
}

INLINE size_t block_floats(const PackedWeights &weights, int64_t most_edges)
{
  const size_t of_edges = static_cast<size_t>(BLOCK_ATOMS) * 6 * (most_edges + EDGE_PADDING);
  const size_t of_invariants = static_cast<size_t>(BLOCK_ATOMS) * N_DEGREES * weights.n_channels;
  return of_edges + 2 * moments_floats(weights) + of_invariants + per_atom_floats(weights) +
         static_cast<size_t>(N_HARMONICS) * weights.n_channels;
}

INLINE Block take_block(const PackedWeights &weights, const ThreadTask &task)
{
  Scratch scratch = {task.scratch};
  Block block;
  block.moments = take_moments(weights, scratch);
  block.per_atom = take_per_atom(weights, scratch);
  block.gated = scratch.take(static_cast<size_t>(N_HARMONICS) * weights.n_channels);
  for (Edges &edges : block.edges) {
    edges = take_edges(scratch, edges_floats(task));
    edges.neighbours = reinterpret_cast<int32_t *>(scratch.take(edges_floats(task)));
  }
  return block;
}

// w: w_ij of the tile's edges, zeros behind them.
INLINE void add_forces(const Tile &tile, const float *w, int64_t centre, double *forces)
{
  const Edges &edges = *tile.edges;
  const int64_t start = tile.start;
  alignas(ALIGNMENT) float pair_forces[4 * TILE];
  for (int64_t e = 0; e < tile.n; e += LANES) {
    const Floats<LANES> weight = load<LANES>(w + e);
    store_padded_xyz(pair_forces + 4 * e, round_to_fixed_point({weight * load<LANES>(edges.x + start + e),
                                                                weight * load<LANES>(edges.y + start + e),
                                                                weight * load<LANES>(edges.z + start + e)}));
  }
  FourDoubles sum = {};
  const int32_t *const neighbours = edges.neighbours + start;
  for (int64_t e = 0; e < tile.n; e++) {
    const FourDoubles force = in_double(pair_forces + 4 * e);
    vector_of(forces, neighbours[e]) -= force;
    sum += force;
  }
  vector_of(forces, centre) += sum;
}

// half: where the half neighbour lists go, and then the next ones'.
template <int W>
INLINE void sum_moments_of_block(const PackedWeights &weights, ThreadTask &task, int64_t begin, int n_atoms,
                                 Block &block, int32_t *&half)
{
  float *const moments = block.moments.moments[0];    // those of all degrees follow each other
  for (size_t i = 0; i < moments_floats(weights); i += W)
    store<W>(moments + i, Floats<W>{});
  gather_edges(weights, task, centre_of(task, begin), block.edges[0]);
  for (int a = 0; a < n_atoms; a++) {
    // One atom ahead: what is stored in bits and pieces takes its time until it can be loaded.
    if (a + 1 < n_atoms)
      gather_edges(weights, task, centre_of(task, begin + a + 1), block.edges[a + 1]);
    Edges &own = block.edges[a];
    half += task.n_half[begin + a] =
        write_half_list(own, static_cast<int32_t>(centre_of(task, begin + a)), half);
    normalise(weights, task.length_scale, own);
    if (task.species)
      choose_tables(weights, task.species, own);
    sum_moments<W>(weights, own, block.moments, a);
  }
}

template <int W>
INLINE void add_forces_of_block(const PackedWeights &weights, ThreadTask &task, int64_t begin, int n_atoms,
                                const Block &block)
{
  const auto n_channels = static_cast<size_t>(weights.n_channels);
  Tile tile;
  for (int a = 0; a < n_atoms; a++) {
    const Edges &edges = block.edges[a];
    const float *const outputs = block.per_atom.outputs + static_cast<size_t>(a) * weights.n_outputs;
    gate_moments<W>(weights, block.moments, a, outputs, block.gated);
    for (int64_t start = 0; start < edges.n; start += TILE) {
      set_tile(edges, start, tile);
      alignas(ALIGNMENT) float w[TILE + EDGE_PADDING];
      edge_weights<W>(weights, tile, block.gated, w);
      add_forces(tile, w, centre_of(task, begin + a), task.sums);
    }
    const MobilityTerms terms = {block.moments.mixed[2] + static_cast<size_t>(a) * COUNT[2] * n_channels,
                                 outputs + N_DEGREES * n_channels, weights.n_channels};
    write_mobility<W>(terms, task.length_scale, task.mobilities + 9 * (begin + a));
  }
}

template <int W> void pair_forces_of_chunk(const PackedWeights &weights, ThreadTask &task)
{
  Block block = take_block(weights, task);
  int32_t *half = half_list_of(task);
  for (int64_t begin = task.begin; begin < task.end; begin += BLOCK_ATOMS) {
    const int64_t left = task.end - begin;
    const int n_atoms = static_cast<int>(left < BLOCK_ATOMS ? left : BLOCK_ATOMS);
    sum_moments_of_block<W>(weights, task, begin, n_atoms, block, half);
    mix_moments<W>(weights, block.moments);
    int32_t species[BLOCK_ATOMS] = {};
    for (int a = 0; a < n_atoms && task.species; a++)
      species[a] = task.species[centre_of(task, begin + a)];
    per_atom_network(weights, block.moments.invariants, task.species ? species : nullptr, block.per_atom);
    add_forces_of_block<W>(weights, task, begin, n_atoms, block);
  }
}

// Half the widest vector where the widest would hold zeros.
int width(int n_channels)
{
  constexpr int half = LANES > 4 ? LANES / 2 : LANES;
  return padded(n_channels, LANES) > padded(n_channels, half) ? half : LANES;
}

void pair_forces(const PackedWeights &weights, ThreadTask &task)
{
  if (weights.n_channels % LANES == 0)
    pair_forces_of_chunk<LANES>(weights, task);
  else
    pair_forces_of_chunk<(LANES > 4 ? LANES / 2 : LANES)>(weights, task);
}

}    // namespace

#endif
