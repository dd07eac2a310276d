#include "heal_torchscript.h"

#include "script_module.h"

#include <ATen/Parallel.h>
#include <torch/cuda.h>

#include <dlfcn.h>

#include <cstring>
#include <exception>
#include <fstream>
#include <string>

using namespace lammps_heal;

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

#define BUILT_FOR "lammps-heal TorchScript library built for torch="
// lammps-heal reads this out of the file without loading it.
extern "C" __attribute__((used, visibility("default"))) const char lammps_heal_torchscript_built_for[] =
    BUILT_FOR TEXT(HEAL_TORCH_VERSION);

struct heal_torchscript {
  ScriptModule module;
};

static thread_local std::string last_error;

static std::string first_line(const std::string &text)
{
  return text.substr(0, text.find('\n'));
}

// What work throws becomes last_error, behind `before`; returns whether it threw nothing.
template <typename Work> static bool succeeds(const char *before, const char *behind, const Work &work)
{
  try {
    work();
    return true;
  } catch (const c10::Error &reason) {
    last_error = before + first_line(reason.what_without_backtrace()) + behind;
  } catch (const std::exception &reason) {
    last_error = before + first_line(reason.what()) + behind;
  } catch (...) {
    last_error = std::string(before) + "unknown reason" + behind;
  }
  return false;
}

// The version in torch/version.py beside the libraries that are loaded; empty where it cannot be found.
static std::string loaded_torch_version()
{
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(&at::set_num_threads), &info) || !info.dli_fname)
    return "";
  const std::string library = info.dli_fname;
  std::ifstream file(library.substr(0, library.rfind('/') + 1) + "../version.py");
  const std::string before = "__version__ = '";
  for (std::string line; std::getline(file, line);)
    if (line.rfind(before, 0) == 0)
      return line.substr(before.size(), line.find_first_of("+'", before.size()) - before.size());
  return "";
}

int32_t heal_torchscript_abi_version()
{
  return HEAL_TORCHSCRIPT_ABI_VERSION;
}

const char *heal_torchscript_last_error()
{
  return last_error.c_str();
}

const char *heal_torchscript_problem()
{
  static const std::string problem = []() {
    const std::string built_for = lammps_heal_torchscript_built_for + std::strlen(BUILT_FOR);
    const std::string loaded = loaded_torch_version();
    return loaded.empty() || loaded == built_for
               ? ""
               : "it was built for torch " + built_for + ", installed is " + loaded;
  }();
  return problem.empty() ? nullptr : problem.c_str();
}

int32_t heal_torchscript_n_cuda_devices()
{
  int32_t n_devices = 0;
  succeeds("", "", [&]() {
    if (torch::cuda::is_available())
      n_devices = static_cast<int32_t>(torch::cuda::device_count());
  });
  return n_devices;
}

void heal_torchscript_set_threads(int32_t n_threads)
{
  succeeds("", "", [&]() { at::set_num_threads(n_threads); });
}

heal_torchscript *heal_torchscript_create(const char *file, int64_t n_bytes, const char *weights_hash,
                                          const char *device, double length_scale)
{
  heal_torchscript *created = nullptr;
  succeeds("has a TorchScript that cannot be used (", "): export it anew with \"lammps-heal export\"", [&]() {
    created = new heal_torchscript{
        ScriptModule(std::string(file, static_cast<size_t>(n_bytes)), weights_hash, device, length_scale)};
  });
  return created;
}

void heal_torchscript_destroy(heal_torchscript *module)
{
  delete module;
}

int heal_torchscript_pair_forces(heal_torchscript *module, const heal_atoms *atoms, const int64_t *ids,
                                 double *vectors, int64_t *overlap)
{
  bool overlaps = false;
  if (!succeeds("TorchScript failed: ", "",
                [&]() { overlaps = module->module.pair_forces(*atoms, ids, vectors, overlap); }))
    return HEAL_FAILED;
  if (overlaps)
    last_error = "two atoms overlap";
  return overlaps ? HEAL_OVERLAP : HEAL_OK;
}

int heal_torchscript_apply_mobilities(heal_torchscript *module, double *vectors)
{
  return succeeds("TorchScript failed: ", "", [&]() { module->module.apply_mobilities(vectors); })
             ? HEAL_OK
             : HEAL_FAILED;
}

int heal_torchscript_message_layer(heal_torchscript *module, int32_t layer, double *vectors)
{
  return succeeds("TorchScript failed: ", "", [&]() { module->module.message_layer(layer, vectors); })
             ? HEAL_OK
             : HEAL_FAILED;
}
