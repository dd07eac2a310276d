// What the stages on a card work on: the same plain data for the host (cuda_kernel.cpp) and the card
// (stages.cu).

#ifndef HEAL_CUDA_TASK_H
#define HEAL_CUDA_TASK_H

#include "packed_weights.h"

#ifdef __CUDACC_RTC__    // which has no standard library
typedef int int32_t;
typedef long long int64_t;
#else
#include <cstdint>
#endif

namespace lammps_heal
{

constexpr int PARTS = 8;          // threads that share the edges of an atom, one edge each by turns
constexpr int ROW_ATOMS = 8;      // that a thread takes through a dense layer together
constexpr int SUM_LENGTH = 32;    // numbers that a thread adds up
constexpr int64_t NO_OVERLAP = int64_t(1) << 62;

// An atom with finite coordinates, beside those of its bucket.
struct alignas(16) PlacedAtom {
  double x, y, z;    // Å
  int64_t atom;
};

// From a local atom to a neighbour within the cutoff: the unit vector, and the length in intervals of the
// tables.
struct alignas(16) CudaEdge {
  float x, y, z, intervals;
};

// All pointers are the card's. Vectors are padded xyz, (n_atoms, 4) Å, as in heal_kernel.h.
struct CudaTask {
  PackedWeights weights;
  int64_t n_atoms, nlocal;
  float length_scale, cutoff, intervals_per_length;    // cutoff: Å, of this crystal; so are the intervals

  const double *positions;    // (n_atoms, 3) Å
  const int64_t *ids;         // (n_atoms,), or null: the atoms' numbers
  const int32_t *species;     // (n_atoms,), or null where there is one

  // Cells with the cutoff's side, each in one bucket of many; n_buckets is a power of two. buckets:
  // (n_buckets,), how many atoms each has, then where it begins, then where it ends.
  double origin[3], cells_per_length;
  int64_t n_buckets;
  int64_t *buckets;
  int64_t n_placed;
  PlacedAtom *placed;    // (n_atoms,), of which n_placed are there

  // Numbers that become the sums of those before them, and the sums of SUM_LENGTH of them each.
  int64_t n_summed;
  int64_t *summed, *sums;

  // The edges of local atom i are first[i] to first[i + 1] - 1, in order of atom id, images of one atom in
  // order of x, y and z.
  int64_t n_edges;
  int64_t *first;         // (nlocal + 1,)
  int32_t *centres;       // (n_edges,)
  int32_t *unordered;     // (n_edges,), neighbours as they are found
  int32_t *neighbours;    // (n_edges,)
  CudaEdge *edges;        // (n_edges,)
  float *edge_weights;    // (n_edges,), w_ij
  unsigned *nearest;      // bits of the shortest edge's length, Å; in their order
  int64_t *overlap;       // centre << 32 | neighbour of the first two at one place, or NO_OVERLAP

  // Of local atoms: A_klm, and M_klm that becomes g_kl M_klm, (nlocal, N_HARMONICS, n_channels).
  float *moments, *mixed;
  float *invariants;    // (nlocal, N_DEGREES, n_channels)
  // The dense layer: (nlocal, n_in), (nlocal, n_out).
  int dense, n_in, n_out;
  const float *in;
  float *out;
  const float *outputs;    // (nlocal, n_outputs) of the last one
  float *mobilities;       // (nlocal, 3, 3)

  int layer;
  double *vectors;    // forces, then v
  float *v_in;        // (n_atoms, 4)
};

}    // namespace lammps_heal

#endif
