// What lammps_heal/kernel.py calls through ctypes.

#include "heal_kernel.h"
#include "neighbour_list.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <string>

using namespace lammps_heal;

#define EXPORT extern "C" __attribute__((visibility("default")))

static thread_local std::string last_error;

EXPORT const char *heal_last_error()
{
  return last_error.c_str();
}

// Names of the usable instruction sets, fastest first, with spaces between.
EXPORT const char *heal_instruction_sets()
{
  static const std::string names = []() {
    std::string all;
    for (const auto &name : Kernel::instruction_sets())
      all += (all.empty() ? "" : " ") + name;
    return all;
  }();
  return names.c_str();
}

// Writes as many distances as fit, returns how many there are.
EXPORT int64_t heal_sample_distances(double cutoff, float *distances, int64_t n_fit)
{
  const auto all = Kernel::sample_distances(cutoff);
  std::copy_n(all.begin(), std::min<int64_t>(n_fit, static_cast<int64_t>(all.size())), distances);
  return static_cast<int64_t>(all.size());
}

EXPORT void *heal_kernel(int n_channels, int n_hidden, int n_layers, double cutoff,
                         const float *radial_samples, const float *message_samples, const float *mixing,
                         const float *weights0, const float *biases0, const float *weights1,
                         const float *biases1, const float *weights2, const float *biases2,
                         const char *instruction_set)
{
  try {
    return new Kernel({n_channels,
                       n_hidden,
                       n_layers,
                       cutoff,
                       radial_samples,
                       message_samples,
                       mixing,
                       {weights0, weights1, weights2},
                       {biases0, biases1, biases2}},
                      instruction_set);
  } catch (const std::exception &reason) {
    last_error = reason.what();
    return nullptr;
  }
}

EXPORT void heal_delete_kernel(void *kernel)
{
  delete static_cast<Kernel *>(kernel);
}

EXPORT const char *heal_instruction_set(void *kernel)
{
  return static_cast<Kernel *>(kernel)->instruction_set();
}

template <typename Work> static int attempt(const Work &work)
{
  try {
    work();
    return 0;
  } catch (const std::exception &reason) {
    last_error = reason.what();
    return 1;
  }
}

// What a step leaves, and room for its vectors in rows of four.
struct Step {
  KernelStep left;
  Buffer<double> vectors;
  int64_t n_rows = 0;
};

EXPORT void *heal_step()
{
  return new Step;
}

EXPORT void heal_delete_step(void *step)
{
  delete static_cast<Step *>(step);
}

// 0, or 1 with heal_last_error(). forces: (n_rows, 3) Å, mobilities: (n_centres, 3, 3), written.
EXPORT int heal_forces(void *kernel, const double *positions, int64_t n_rows, int64_t n_centres,
                       const int64_t *first, const int32_t *neighbours, double length_scale, int n_threads,
                       double *forces, double *mobilities, void *step, int64_t *overlapping)
{
  return attempt([&]() {
    auto &own = *static_cast<Step *>(step);
    own.n_rows = n_rows;
    double *const fours = own.vectors.room_for(4 * n_rows);
    static_cast<Kernel *>(kernel)->forces(positions, n_rows, nullptr, n_centres, first, neighbours,
                                          length_scale, n_threads, fours, own.left, overlapping);
    for (int64_t i = 0; i < n_rows; i++)
      std::copy_n(fours + 4 * i, 3, forces + 3 * i);
    std::copy_n(own.left.mobilities(), 9 * n_centres, mobilities);
  });
}

// The same of a relay. told: (n_rows, 3) Å, answers: (n_centres, 3) Å, written.
EXPORT int heal_message_layer(void *kernel, void *step, int turn, const double *told, int64_t n_centres,
                      double *answers)
{
  return attempt([&]() {
    auto &own = *static_cast<Step *>(step);
    double *const fours = own.vectors.get();
    for (int64_t i = 0; i < own.n_rows; i++)
      std::transform(told + 3 * i, told + 3 * i + 3, fours + 4 * i, on_grid);
    static_cast<Kernel *>(kernel)->message_layer(own.left, turn, fours);
    for (int64_t i = 0; i < n_centres; i++)
      std::copy_n(fours + 4 * i, 3, answers + 3 * i);
  });
}

EXPORT void *heal_neighbour_list(const double *positions, const int64_t *ids, int64_t n_owned, int64_t n_rows,
                                 double cutoff, int n_threads, const char *instruction_set, int64_t *n_edges)
{
  try {
    auto list = std::make_unique<NeighbourList>();
    find_neighbours(positions, ids, n_owned, n_rows, cutoff, n_threads, *list, instruction_set);
    *n_edges = list->first[n_owned];
    return list.release();
  } catch (const std::exception &reason) {
    last_error = reason.what();
    return nullptr;
  }
}

// Copies the list and deletes it.
EXPORT void heal_take_neighbour_list(void *list, int64_t *first, int32_t *neighbours)
{
  const std::unique_ptr<NeighbourList> taken(static_cast<NeighbourList *>(list));
  std::copy(taken->first.begin(), taken->first.end(), first);
  std::copy_n(taken->neighbours.get(), taken->first.back(), neighbours);
}

// Writes as many positions of the crystal for the self-check as fit; returns how many atoms there are.
EXPORT int64_t heal_check_crystal(double lattice_constant, double cutoff, double *positions, int64_t n_fit,
                                  int64_t *n_owned)
{
  const auto crystal = check_crystal(lattice_constant, cutoff);
  *n_owned = crystal.n_owned;
  const auto n_rows = static_cast<int64_t>(crystal.positions.size() / 3);
  std::copy_n(crystal.positions.begin(), 3 * std::min(n_fit, n_rows), positions);
  return n_rows;
}
