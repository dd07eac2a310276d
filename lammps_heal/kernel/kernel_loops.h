// The kernel's inner loops: one source, compiled once for each instruction set.
//
// Plain data only. What is compiled for AVX-512 must not share an inline function with the rest, since the
// linker keeps one copy of each and it would run on machines that lack the instructions.

#ifndef HEAL_KERNEL_LOOPS_H
#define HEAL_KERNEL_LOOPS_H

#include <cstddef>
#include <cstdint>

namespace lammps_heal
{

constexpr int N_DEGREES = 4;                      // l = 0 .. 3
constexpr int N_HARMONICS = 16;                   // of all degrees together
constexpr int N_COEFFICIENTS = 3;                 // of the quadratic in each interval of the tables
constexpr int RELAY_ROW = 8;                      // floats of an interval: a_0, b_0, a_1, b_1, a_2, b_2, 0, 0
constexpr int N_MIXED = 3;                        // degrees with a mixing matrix: l = 1 .. 3
constexpr int ATOMS_AT_ONCE = 24;                 // that share one pass through the gate network's weights
constexpr int ATOMS_DEALT = 8 * ATOMS_AT_ONCE;    // that a thread takes; some 0.2 ms of work
constexpr double SMALLEST_DISTANCE = 1.0e-4;      // Å; nearer atoms are on one spot
constexpr int MOST_SORTED = 256;                  // numbers in vector registers
constexpr size_t ALIGNMENT = 64;                  // bytes; of the widest vector
constexpr int EDGE_PADDING = 16;                  // edges; lanes of the widest vector

// Numbers of the network, zero padded: channels to a multiple of the vector width, hidden units too.
struct KernelNumbers {
  int n_channels, n_hidden;    // padded
  int n_gates;                 // outputs of the gates' last layer, padded
  int n_intervals, n_layers;
  float intervals_per_length;    // 1/Å, for the unscaled model
  float cutoff;                  // Å, of the unscaled model
  // Quadratics of the radial functions, [n_intervals][N_COEFFICIENTS][N_DEGREES][n_channels].
  const float *inward, *outward;
  // Of a and b of each relay, [n_layers][n_intervals][RELAY_ROW].
  const float *relays;
  const float *mixing;        // [N_MIXED][n_channels][n_channels], row k', column k
  const float *weights[3];    // [inputs][outputs] of each layer of the gates
  const float *biases[3];
};

// What one thread works on, and its scratch.
struct KernelTask {
  const double *positions;    // (n_rows, 4) Å, and zero; aligned
  const int32_t *centres;     // rows, or null for 0, 1, 2, ...
  int32_t *near;              // (near_size,): written by forces, for relays; see kernel_loops.cpp
  const int64_t *chunks;      // where the near rows of each ATOMS_DEALT centres begin
  int64_t n_centres;          // of all tasks
  int64_t begin, end;         // of this one; begins with a multiple of ATOMS_DEALT
  double length_scale;
  int64_t most_edges;        // of one atom in the list, padded
  int64_t overlapping[2];    // rows of two atoms on one spot, or -1
  float *scratch;            // of scratch_floats()
  double *sums;              // (n_rows, 4) Å: forces, or what a relay adds, is added to them; aligned

  // Of forces alone.
  const int64_t *first;    // of each row of the list; see neighbour_list.h
  const int32_t *neighbours;
  float *mobilities;    // (n_centres, 3, 3)

  // Of relays alone.
  const float *told;    // (n_rows, 4) Å: answers before relay number `turn`; aligned
  int turn;
};

struct KernelLoops {
  const char *name;
  int (*width)(int n_channels);    // lanes of the vectors that fit the number of channels
  size_t (*scratch_floats)(const KernelNumbers &, int64_t most_edges);
  void (*forces)(const KernelNumbers &, KernelTask &);
  void (*message_layer)(const KernelNumbers &, KernelTask &);
  // Writes those of n rows that are nearer to the point than the cutoff; returns how many. x, y, z: (n,) Å;
  // found: (n + EDGE_PADDING,).
  int64_t (*find_near)(const float *x, const float *y, const float *z, const int32_t *rows, int64_t n,
                       const float *point, float cutoff_square, int32_t *found);
  // Sorts up to MOST_SORTED numbers; what is behind them, up to there, is overwritten. It has no branch on
  // their order: in wide vectors a twentieth of std::sort's time.
  void (*sort_few)(int32_t *values, int64_t n);
};

extern const KernelLoops portable_loops;
#ifdef HEAL_X86
extern const KernelLoops avx2_loops, avx512_loops;
#endif

}    // namespace lammps_heal

#endif
