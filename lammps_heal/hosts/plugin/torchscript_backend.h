// TorchScript as backend, through the library that links torch, which is opened only where TorchScript is
// asked for.

#ifndef HEAL_TORCHSCRIPT_BACKEND_H
#define HEAL_TORCHSCRIPT_BACKEND_H

#include "backend.h"
#include "heal_torchscript.h"
#include "model_archive.h"

#include <memory>
#include <string_view>

namespace lammps_heal
{

// The functions of the library, opened once and never closed: torch does not survive that.
struct TorchScriptLibrary {
  decltype(&heal_torchscript_abi_version) abi_version;
  decltype(&heal_torchscript_last_error) last_error;
  decltype(&heal_torchscript_problem) problem;
  decltype(&heal_torchscript_n_cuda_devices) n_cuda_devices;
  decltype(&heal_torchscript_set_threads) set_threads;
  decltype(&heal_torchscript_create) create;
  decltype(&heal_torchscript_destroy) destroy;
  decltype(&heal_torchscript_pair_forces) pair_forces;
  decltype(&heal_torchscript_apply_mobilities) apply_mobilities;
  decltype(&heal_torchscript_message_layer) message_layer;
};

// Throws std::runtime_error with one line that says why it cannot be opened and what to type.
const TorchScriptLibrary &torchscript_library();

class TorchScriptBackend : public Backend
{
 public:
  // file: the bytes of the model file. device: "cpu" or "cuda:0". length_scale: this crystal's lengths in
  // those of the model. n_threads: of torch in this process. Throws std::runtime_error that says what is
  // wrong with the file.
  TorchScriptBackend(const Model &model, std::string_view file, const char *device, double length_scale,
                     int n_threads);

  int n_layers() const override
  {
    return layers;
  }
  void pair_forces(const heal_atoms &atoms, const int64_t *ids, double *vectors) override;
  double nearest() const override
  {
    return 0.0;
  }
  void apply_mobilities(double *vectors) override;
  void message_layer(int layer, double *vectors) override;
  double n_bytes() const override
  {
    return 0.0;    // torch's own
  }

 private:
  struct Destroy {
    void operator()(heal_torchscript *module) const
    {
      torchscript_library().destroy(module);
    }
  };
  const TorchScriptLibrary &library;
  std::unique_ptr<heal_torchscript, Destroy> module;
  int layers;

  void require(int status) const;
};

}    // namespace lammps_heal

#endif
