// The kernel in C++: pair forces and message-passing layers, divided among threads.

#ifndef HEAL_CPP_KERNEL_H
#define HEAL_CPP_KERNEL_H

#include "weights.h"

namespace lammps_heal
{

// Leaves no bits below 2^-40 Å in what is smaller than 2^11 Å: what layers add is then exact in any order,
// since that has no such bits either.
inline double round_to_fixed_point(double value)
{
  constexpr double SHIFT = 6144.0;    // 1.5 * 2^12
  return value + SHIFT - SHIFT;
}

// What pair forces leave for mobilities and layers.
class Workspace
{
 public:
  // (n_centres, 3, 3), of the last pair_forces, until the next message_layer.
  const float *mobilities() const
  {
    return task.mobilities;
  }
  // See heal_apply_mobilities.
  void apply_mobilities(double *vectors) const;
  // See heal_nearest.
  double nearest() const
  {
    return nearest_distance;
  }
  int64_t n_vectors() const
  {
    return n_atoms;
  }
  size_t n_bytes() const;

 private:
  friend class Kernel;
  int64_t n_atoms = 0;
  int n_threads = 1;
  double nearest_distance = 0.0;
  ThreadTask task = {};    // of all centres, without scratch and sums
  Buffer<double> positions;
  Buffer<int32_t> centres;
  Buffer<int32_t> half, n_half;
  Buffer<int64_t> half_begin;
  Buffer<float> shared;    // mobilities, then v_in
  Buffer<double> sums;     // of all threads but the first

  void set(const heal_atoms &atoms, int n_species);
  int64_t set_lists(const heal_atoms &atoms);
};

// Arguments are not checked: c_interface.cpp does that. Throws std::bad_alloc.
class Kernel
{
 public:
  // instruction_set: see find_instruction_set.
  Kernel(const heal_weights &weights, const char *instruction_set);

  const InstructionSet &functions() const
  {
    return *own_functions;
  }
  const Weights &weights() const
  {
    return own_weights;
  }

  // See heal_pair_forces. overlap: set to the numbers of two atoms at one place, or to -1, -1.
  void pair_forces(const heal_atoms &atoms, Workspace &workspace, double *vectors, int64_t *overlap) const;
  // See heal_message_layer.
  void message_layer(Workspace &workspace, int layer, double *vectors) const;

 private:
  const InstructionSet *own_functions;
  Weights own_weights;

  float run(void (*stage)(const PackedWeights &, ThreadTask &), Workspace &workspace, double *vectors,
            int64_t *overlap) const;
};

}    // namespace lammps_heal

#endif
