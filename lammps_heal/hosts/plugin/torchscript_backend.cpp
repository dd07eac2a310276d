#include "torchscript_backend.h"

#include "model_names.h"

#include <filesystem>
#include <stdexcept>
#include <string>

#include <dlfcn.h>

// Compiled in for a plugin that does not lie beside the library.
#ifndef HEAL_TORCHSCRIPT_LIBRARY
#define HEAL_TORCHSCRIPT_LIBRARY ""
#endif

using namespace lammps_heal;

static const char FILE_NAME[] = "libhealtorch.so";
static const char REMEDY[] = ": type \"pip install 'lammps-heal[torch]'\", then \"lammps-heal build-plugin\"";

static std::runtime_error cannot_be_opened(const std::string &why)
{
  return std::runtime_error("TorchScript cannot be opened (" + why + ")" + REMEDY);
}

static std::string library_path()
{
  const auto folder = plugin_folder();
  const std::string in_package = folder + "../../step/torchscript_library/" + FILE_NAME;
  for (const auto &path : {folder + FILE_NAME, in_package, std::string(HEAL_TORCHSCRIPT_LIBRARY)}) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored))
      return path;
  }
  throw cannot_be_opened(std::string(FILE_NAME) + " is not built");
}

// The dynamic linker's own words for the two usual reasons are hard to understand.
static std::string reason_of(const std::string &linker)
{
  if (linker.find("cannot open shared object file") != std::string::npos)
    return "torch is not installed; " + linker;
  if (linker.find("undefined symbol") != std::string::npos || linker.find("version `") != std::string::npos)
    return "another version of torch is installed; " + linker.substr(0, linker.find(": undefined symbol"));
  return linker;
}

template <typename Function> static void find(void *handle, const char *name, Function &function)
{
  function = reinterpret_cast<Function>(dlsym(handle, name));
  if (!function)
    throw cannot_be_opened(std::string(FILE_NAME) + " has no " + name);
}

static TorchScriptLibrary open_library()
{
  void *const handle = dlopen(library_path().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    throw cannot_be_opened(reason_of(dlerror()));
  TorchScriptLibrary library = {};
  find(handle, "heal_torchscript_abi_version", library.abi_version);
  if (library.abi_version() != HEAL_TORCHSCRIPT_ABI_VERSION)
    throw cannot_be_opened(std::string(FILE_NAME) + " has version " + std::to_string(library.abi_version()) +
                           ", needed " + std::to_string(HEAL_TORCHSCRIPT_ABI_VERSION));
  find(handle, "heal_torchscript_last_error", library.last_error);
  find(handle, "heal_torchscript_problem", library.problem);
  find(handle, "heal_torchscript_n_cuda_devices", library.n_cuda_devices);
  find(handle, "heal_torchscript_set_threads", library.set_threads);
  find(handle, "heal_torchscript_create", library.create);
  find(handle, "heal_torchscript_destroy", library.destroy);
  find(handle, "heal_torchscript_pair_forces", library.pair_forces);
  find(handle, "heal_torchscript_apply_mobilities", library.apply_mobilities);
  find(handle, "heal_torchscript_message_layer", library.message_layer);
  if (const char *const problem = library.problem())
    throw cannot_be_opened(problem);
  return library;
}

const TorchScriptLibrary &lammps_heal::torchscript_library()
{
  static const TorchScriptLibrary library = open_library();
  return library;
}

TorchScriptBackend::TorchScriptBackend(const Model &model, std::string_view file, const char *device,
                                       double length_scale, int n_threads) :
    library(torchscript_library()), layers(model.n_layers)
{
  library.set_threads(n_threads);
  module.reset(library.create(file.data(), static_cast<int64_t>(file.size()), model.weights_hash.c_str(),
                              device, length_scale));
  if (!module)
    throw std::runtime_error("model file \"" + model.name + "\" " + library.last_error());
}

void TorchScriptBackend::require(int status) const
{
  if (status != HEAL_OK)
    throw std::runtime_error(library.last_error());
}

void TorchScriptBackend::pair_forces(const heal_atoms &atoms, const int64_t *ids, double *vectors)
{
  int64_t overlap[2];
  const int status = library.pair_forces(module.get(), &atoms, ids, vectors, overlap);
  if (status == HEAL_OVERLAP)
    throw OverlapError(overlap[0], overlap[1]);
  require(status);
}

void TorchScriptBackend::apply_mobilities(double *vectors)
{
  require(library.apply_mobilities(module.get(), vectors));
}

void TorchScriptBackend::message_layer(int layer, double *vectors)
{
  require(library.message_layer(module.get(), layer, vectors));
}
