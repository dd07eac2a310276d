// The kernel on a card: what kernel.h has for the CPU, in the order of the stages in stages.cu.
//
// It finds neighbours itself, for all local atoms, so that no list is carried to the card.

#ifndef HEAL_CUDA_KERNEL_H
#define HEAL_CUDA_KERNEL_H

#include "card.h"
#include "heal_kernel.h"

#include <memory>
#include <string>
#include <vector>

namespace lammps_heal
{

// What pair forces leave on the card for mobilities and layers.
class CudaWorkspace
{
 public:
  explicit CudaWorkspace(std::shared_ptr<const Card> card);

  const std::shared_ptr<const Card> &card() const
  {
    return own_card;
  }
  // (nlocal, 3, 3), of the last pair_forces, copied from the card.
  const float *mobilities();
  // See heal_nearest.
  double nearest() const
  {
    return nearest_distance;
  }
  // See heal_apply_mobilities.
  void apply_mobilities(double *vectors);
  int64_t n_vectors() const
  {
    return task.n_atoms;
  }
  size_t n_bytes() const;

 private:
  friend class CudaKernel;
  std::shared_ptr<const Card> own_card;
  CudaTask task = {};
  CardBuffer<double> positions, vectors;
  CardBuffer<int64_t> ids, buckets, sums, first, overlap;
  CardBuffer<unsigned> shortest;
  CardBuffer<PlacedAtom> placed;
  CardBuffer<int32_t> species, centres, unordered, neighbours;
  CardBuffer<CudaEdge> edges;
  CardBuffer<float> weights_of_edges, moments, mixed, invariants, hidden, more_hidden, outputs, tensors, v_in;
  std::vector<float> tensors_here;
  double nearest_distance = 0.0;    // Å

  void set(const heal_atoms &atoms, const PackedWeights &weights);
  void find_edges();
  void sum_before(int64_t *numbers, int64_t n, int64_t *sums);
  int64_t number_at(const int64_t *on_card) const;
};

// Arguments are not checked: c_interface.cpp does that. Throws std::runtime_error, as Card.
class CudaKernel
{
 public:
  CudaKernel(const heal_weights &weights, int number);

  const std::string &name() const    // cuda:0, ...
  {
    return own_name;
  }
  const std::shared_ptr<const Card> &card() const
  {
    return own_card;
  }
  // See heal_pair_forces. overlap: set to the numbers of two atoms at one place, or to -1, -1.
  void pair_forces(const heal_atoms &atoms, CudaWorkspace &workspace, double *vectors,
                   int64_t *overlap) const;
  // See heal_message_layer.
  void message_layer(CudaWorkspace &workspace, int layer, double *vectors) const;

 private:
  std::shared_ptr<const Card> own_card;
  std::string own_name;
  PackedWeights weights;    // its pointers are the card's
  std::vector<std::unique_ptr<CardBuffer<float>>> owned;

  const float *copy(const float *from, size_t n);
  void run_per_atom_network(CudaWorkspace &workspace) const;
};

// The number of the card that an instruction set names, as "cuda" or "cuda:1"; -1 where it names none.
int number_of_card(const char *instruction_set);

}    // namespace lammps_heal

#endif
