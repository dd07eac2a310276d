// The weights of a model as the stages want them: zero padded to whole vectors, transposed.

#ifndef HEAL_WEIGHTS_H
#define HEAL_WEIGHTS_H

#include "buffer.h"
#include "heal_kernel.h"

#include <vector>

namespace lammps_heal
{

class Weights
{
 public:
  // width: lanes of the vectors that channels fill. Throws std::bad_alloc. Arguments are not checked.
  Weights(const heal_weights &weights, int width);

  const PackedWeights &packed() const
  {
    return numbers;
  }
  double cutoff() const    // Å, of the model as trained
  {
    return full_cutoff;
  }

 private:
  PackedWeights numbers;
  double full_cutoff;
  std::vector<Buffer<float>> owned;

  float *zeros(size_t n);
  void pack_radial(const heal_weights &weights);
  void pack_messages(const heal_weights &weights);
  void pack_mixing(const heal_weights &weights);
  void pack_per_atom_network(const heal_weights &weights);
  void pack_species_bias(const heal_weights &weights);
};

}    // namespace lammps_heal

#endif
