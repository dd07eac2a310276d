// What the stages work on, and the table of their functions for one instruction set.
//
// Plain data only. What is compiled for AVX-512 must not share an inline function with the rest, since the
// linker keeps one copy of each, and it would run on machines that lack the instructions.

#ifndef HEAL_INSTRUCTION_SET_H
#define HEAL_INSTRUCTION_SET_H

#include "packed_weights.h"

#include <cstddef>
#include <cstdint>

namespace lammps_heal
{

constexpr int BLOCK_ATOMS = 24;                 // that share one pass through the per-atom network's weights
constexpr int CHUNK_ATOMS = 8 * BLOCK_ATOMS;    // a work chunk: what a thread takes, some 0.2 ms of work
constexpr int MOST_SORTED = 256;                // numbers in vector registers
constexpr size_t ALIGNMENT = 64;                // bytes; of the widest vector
constexpr int EDGE_PADDING = 16;                // edges; lanes of the widest vector

// What one thread works on. Positions and vectors are padded xyz, (n_atoms, 4).
struct ThreadTask {
  const double *positions;    // Å; aligned
  const int32_t *centres;     // atoms whose edges are computed, or null for 0, 1, 2, ...
  // The half neighbour list, written by pair forces and read by layers: of the edges of each centre those to
  // atoms of a higher number. n_half: of each centre. half: those of the centres of a work chunk follow each
  // other from half_begin[chunk] on.
  int32_t *half, *n_half;
  const int64_t *half_begin;
  int64_t n_centres;     // of all tasks
  int64_t begin, end;    // of this work chunk; begin is a multiple of CHUNK_ATOMS
  double length_scale;
  int64_t most_edges;    // of one atom in the list, padded
  int64_t overlap[2];    // atoms at one place, or -1
  float *scratch;        // of scratch_floats()
  double *sums;          // (n_atoms, 4) Å: forces or messages are added to them; aligned

  // Of pair forces alone.
  const int64_t
      *first;    // the neighbours of atom i are neighbours[first[i]] to neighbours[first[i + 1] - 1]
  const int32_t *neighbours;
  const int32_t *species;    // (n_atoms,); null where there is one
  float *mobilities;         // (n_centres, 3, 3)
  // Å², of the nearest of edges within the cutoff, of each lane.
  float nearest_squares[EDGE_PADDING];

  // Of message-passing layers alone.
  const float *v_in;    // (n_atoms, 4) Å; aligned
  int layer;
};

// Atoms sorted into cells, of which a stretch is searched.
struct Stretch {
  const float *x, *y, *z;    // (n + EDGE_PADDING,) Å
  const int32_t *numbers;    // (n + EDGE_PADDING,), what stands for each atom
  int64_t n;
};

// The functions of the stages, compiled for one instruction set.
struct InstructionSet {
  const char *name;
  int (*width)(int n_channels);    // lanes of the vectors that fit the number of channels
  size_t (*scratch_floats)(const PackedWeights &, int64_t most_edges);
  void (*pair_forces)(const PackedWeights &, ThreadTask &);
  void (*message_layer)(const PackedWeights &, ThreadTask &);
  // Writes the numbers of those atoms that are nearer to the point than the cutoff; returns how many.
  // found: (stretch.n + EDGE_PADDING,).
  int64_t (*find_near)(const Stretch &stretch, const float *point, float cutoff_square, int32_t *found);
  // Whether all of n numbers are 0 to last.
  bool (*are_within)(const int32_t *values, int64_t n, int32_t last);
  // Sorts up to MOST_SORTED numbers; what is behind them, up to there, is overwritten. It has no branch on
  // their order: in wide vectors a twentieth of std::sort's time.
  void (*sort_few)(int32_t *values, int64_t n);
};

extern const InstructionSet portable;
#ifdef HEAL_X86
extern const InstructionSet avx2, avx512;
#endif

}    // namespace lammps_heal

#endif
