// The network's displacement without torch: one pass over each atom's neighbours. Knows neither torch nor
// LAMMPS.

#ifndef HEAL_KERNEL_H
#define HEAL_KERNEL_H

#include "kernel_loops.h"

#include <memory>
#include <string>
#include <vector>

namespace lammps_heal
{

// As the model file holds them; see lammps_heal/network.py. Matrices are dense, rows first.
struct NetworkNumbers {
  int n_channels, n_hidden, n_relays;
  double cutoff;                  // Å
  const float *radial_samples;    // (n, 8 * n_channels): radial_functions() at Kernel::sample_distances()
  const float *relay_samples;     // (n, 2 * n_relays): relay_functions() there
  const float *mixing;            // (4, n_channels, n_channels)
  const float *weights[3];        // (outputs, inputs) of each layer; the last has 5 * n_channels + 1 outputs
  const float *biases[3];
};

// Of one of Kernel::instruction_sets(), or of the fastest where the name is empty. Throws std::runtime_error
// for another.
const KernelLoops &loops_of(const std::string &instruction_set = "");

class Kernel
{
 public:
  // Å: where the kernel wants to know the radial functions.
  static std::vector<float> sample_distances(double cutoff);
  // Names of what this machine can run, fastest first: "avx512", "avx2", "portable".
  static std::vector<std::string> instruction_sets();

  // instruction_set: see loops_of.
  explicit Kernel(const NetworkNumbers &network, const std::string &instruction_set = "");
  ~Kernel();

  const char *instruction_set() const
  {
    return loops->name;
  }

  // What the edges of the centres do to all rows, added to forces, (n_rows, 3) Å, in lengths that the model
  // knows, and the centres' mobilities, (n_centres, 3, 3), written, which take forces to this crystal's
  // lengths. positions: (n_rows, 3) Å, owned atoms, then ghosts.
  // centres: (n_centres,) rows, or null for the first ones. first: (n_owned + 1,), neighbours: those of row i
  // are neighbours[first[i]] to neighbours[first[i + 1] - 1]; pairs beyond the cutoff are ignored.
  // length_scale: this crystal's lengths in those that the model knows.
  // The same bits for any number of threads. overlapping: set to the rows of two atoms on one spot, or to -1,
  // -1.
  // near: written, for relays of the same positions and list: a bit for each neighbour that is nearer than
  // the cutoff and behind the centre in the order of rows, 16 to a number, those of row i from number
  // first[i] / 16 + i on; near_size of them.
  void forces(const double *positions, int64_t n_rows, const int32_t *centres, int64_t n_centres,
              const int64_t *first, const int32_t *neighbours, double length_scale, int n_threads,
              double *forces, double *mobilities, uint16_t *near, int64_t *overlapping) const;
  static size_t near_size(int64_t n_owned, int64_t n_edges)
  {
    return static_cast<size_t>(n_edges / 16 + n_owned + 1);
  }

  // Relay number `turn`, from 0, of the answers told, (n_rows, 3) Å; the last gives the displacements, to be
  // added, not yet capped. Owned rows that are no centres must be told nothing but zeros.
  // answers: (n_centres, 3) Å, written. The same bits for any number of threads. scratch: overwritten; it
  // grows to some 6 n_rows, and to keep it saves the time that new memory takes.
  void relay(const double *positions, int64_t n_rows, const int32_t *centres, int64_t n_centres,
             const int64_t *first, const int32_t *neighbours, const uint16_t *near, const double *told,
             int turn, double length_scale, int n_threads, std::vector<double> &scratch,
             double *answers) const;

 private:
  const KernelLoops *loops;
  KernelNumbers numbers;
  struct Free {
    void operator()(float *p) const;
  };
  using Floats = std::unique_ptr<float[], Free>;
  std::vector<Floats> owned;

  static Floats allocate(size_t n);
  static std::vector<KernelTask> divided(KernelTask whole, int n_threads);
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
