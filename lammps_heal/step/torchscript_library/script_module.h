// The TorchScript of a model file: the only C++ that knows torch, beside heal_torchscript.cpp.

#ifndef HEAL_SCRIPT_MODULE_H
#define HEAL_SCRIPT_MODULE_H

#include "heal_kernel.h"

#include <torch/script.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lammps_heal
{

// Atoms handed to TorchScript at once, with their neighbours within the cutoff, as int64 on its device: those
// of centres[k] are neighbours[first[k]] to neighbours[first[k + 1] - 1].
struct Chunk {
  int64_t begin, end;    // of the centres in their order
  torch::Tensor centres, first, neighbours;
};

class ScriptModule
{
 public:
  // See heal_torchscript_create. Throws std::runtime_error that says what is wrong with the file.
  ScriptModule(const std::string &file, const std::string &weights_hash, const std::string &device,
               double length_scale);

  // See heal_torchscript.h. Returns whether two atoms overlap; throws std::exception where TorchScript fails.
  bool pair_forces(const heal_atoms &atoms, const int64_t *ids, double *vectors, int64_t *overlap);
  void apply_mobilities(double *vectors) const;
  void message_layer(int64_t layer, double *vectors);

 private:
  torch::jit::Module module;
  torch::Device device;
  double cutoff;        // Å, of this crystal
  int64_t n_species;    // that the network tells apart

  // of the last pair_forces
  int64_t n_atoms = 0;
  torch::Tensor positions;         // (n_atoms, 3) Å
  std::vector<int64_t> centres;    // in the order in which they are taken
  std::vector<Chunk> chunks;
  std::vector<double> mobilities;    // (n_centres, 3, 3)

  void order_centres(const heal_atoms &atoms, const int64_t *ids);
  torch::Tensor species_of(const heal_atoms &atoms) const;
  bool make_chunk(const heal_atoms &atoms, int64_t begin, int64_t end, int64_t *overlap);
  torch::Tensor on_device(const std::vector<int64_t> &rows) const;
  void call(const char *method, const Chunk &chunk, const std::vector<c10::IValue> &more,
            const std::vector<int64_t> &shape, double *result);
};

}    // namespace lammps_heal

#endif
