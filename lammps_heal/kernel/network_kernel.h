// The network's displacement without torch: one pass over each atom's neighbours. Knows neither torch nor
// LAMMPS.

#ifndef HEAL_NETWORK_KERNEL_H
#define HEAL_NETWORK_KERNEL_H

#include "buffer.h"
#include "heal_kernel.h"
#include "kernel_loops.h"

#include <string>
#include <vector>

namespace lammps_heal
{

// For the plugin, until it reads packed weights: tables as samples. Otherwise as heal_weights.
struct NetworkNumbers {
  int n_channels, n_hidden, n_layers;
  double cutoff;                   // Å
  const float *radial_samples;     // (n, 8 * n_channels): radial_functions() at Kernel::sample_distances()
  const float *message_samples;    // (n, 2 * n_layers): message_functions() there
  const float *mixing;             // (4, n_channels, n_channels)
  const float *weights[3];         // (outputs, inputs) of each layer; the last has 5 * n_channels + 1 outputs
  const float *biases[3];
};

// Of one of Kernel::instruction_sets(), or of the fastest where the name is empty. Throws std::runtime_error
// for another.
const KernelLoops &loops_of(const std::string &instruction_set = "");

// What forces leave for the relays that follow.
class KernelStep
{
 public:
  // (n_centres, 3, 3), of the last forces(); gone with a relay. They take forces to the crystal's lengths.
  const float *mobilities() const
  {
    return whole.mobilities;
  }
  size_t n_bytes() const
  {
    return positions.n_bytes() + rows.n_bytes() + chunks.n_bytes() + near.n_bytes() + shared.n_bytes() +
           others.n_bytes();
  }
  const KernelTask &task() const
  {
    return whole;
  }

 private:
  friend class Kernel;
  int64_t n_rows = 0;
  int n_threads = 1;
  KernelTask whole = {};
  Buffer<double> positions;
  Buffer<int32_t> rows;      // of the centres, where they are not the first ones
  Buffer<int64_t> chunks;    // where the near rows of each begin
  Buffer<int32_t> near;
  Buffer<float> shared;     // mobilities, then what is told
  Buffer<double> others;    // sums of all threads but the first
};

// Leaves no bits below 2^-40 Å in what is smaller than 2^11 Å: what relays add is then exact in any order,
// since that has no such bits either.
inline double on_grid(double answer)
{
  constexpr double TO_GRID = 6144.0;    // 1.5 * 2^12
  return answer + TO_GRID - TO_GRID;
}

// Vectors are rows of four here, the fourth of no use, aligned to ALIGNMENT.
class Kernel
{
 public:
  // Å: where the kernel wants to know the radial functions.
  static std::vector<float> sample_distances(double cutoff);
  // Names of what this machine can run, fastest first: "avx512", "avx2", "portable".
  static std::vector<std::string> instruction_sets();

  // instruction_set: see loops_of.
  explicit Kernel(const heal_weights &weights, const std::string &instruction_set = "");
  explicit Kernel(const NetworkNumbers &network, const std::string &instruction_set = "");
  ~Kernel();

  const char *instruction_set() const
  {
    return loops->name;
  }
  double cutoff() const    // Å, of the model as trained
  {
    return numbers.cutoff;
  }
  int n_layers() const
  {
    return numbers.n_layers;
  }

  // What the edges of the centres do to all rows: forces, (n_rows, 4) Å, written, in lengths that the model
  // knows; mobilities and what relays need go to `step`. positions: (n_rows, 3) Å, owned atoms, then ghosts.
  // centres: (n_centres,) rows, or null for the first ones. first: (n_owned + 1,), neighbours: those of row i
  // are neighbours[first[i]] to neighbours[first[i + 1] - 1]; pairs beyond the cutoff are ignored.
  // length_scale: this crystal's lengths in those that the model knows. Arguments are not checked; all arrays
  // may go afterwards.
  // The same bits for any number of threads. overlapping: set to the rows of two atoms on one spot, or to -1,
  // -1.
  void forces(const double *positions, int64_t n_rows, const int32_t *centres, int64_t n_centres,
              const int64_t *first, const int32_t *neighbours, double length_scale, int n_threads,
              double *forces, KernelStep &step, int64_t *overlapping) const;

  // Relay number `turn`, from 0, of the answers of all rows, (n_rows, 4) Å, on_grid: it adds to those of the
  // centres, and to others' what is of no use; after the last they are the displacements, to be added, not
  // yet capped. Answers of owned rows that are no centres must be zeros. step: of forces(). The same bits for
  // any number of threads.
  void message_layer(KernelStep &step, int turn, double *answers) const;

 private:
  const KernelLoops *loops;
  KernelNumbers numbers;
  std::vector<Buffer<float>> owned;

  static std::vector<KernelTask> divided(const KernelStep &step);
  static void give_sums(KernelStep &step, std::vector<KernelTask> &tasks, double *result);
  static void add_sums(const KernelStep &step, const std::vector<KernelTask> &tasks);
  float *keep(size_t n);
  void run(void (*work)(const KernelNumbers &, KernelTask &), std::vector<KernelTask> &tasks) const;
};

// A small noisy crystal with a vacancy, owned atoms and the periodic ghosts within the cutoff, on which a
// host compares the kernel with TorchScript.
struct CheckCrystal {
  std::vector<double> positions;    // (n_rows, 3) Å
  int64_t n_owned;
};
CheckCrystal check_crystal(double lattice_constant, double cutoff);

}    // namespace lammps_heal

#endif
