#include "heal_torchscript.h"

#include "script_module.h"

#include <ATen/Parallel.h>
#include <torch/cuda.h>

#include <dlfcn.h>

#include <cstring>
#include <exception>
#include <fstream>
#include <sstream>
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

static const char OUT_OF_MEMORY[] = "out of memory";    // in torch's message of a full card
static const char FREE_MEMORY[] = ": free memory of the device, use more devices, or \"device cpu\"";

// The line that says why: the first, or in a trace of the TorchScript interpreter the last of an error.
static std::string reason_in(const std::string &text)
{
  std::istringstream lines(text);
  std::string first, reason;
  for (std::string line; std::getline(lines, line);) {
    if (first.empty())
      first = line;
    const size_t colon = line.find("Error: ");
    if (colon != std::string::npos && line.find(' ') == colon + 6)
      reason = line.substr(colon + 7);
  }
  return reason.empty() ? first : reason;
}

// Whatever bytes a file brings into a message, it is UTF-8: others become question marks.
static std::string valid_utf8(const std::string &text)
{
  std::string valid;
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const size_t n_bytes = first < 0x80                    ? 1
                           : first >= 0xC2 && first < 0xE0 ? 2
                           : first >= 0xE0 && first < 0xF0 ? 3
                                                           : 0;
    size_t n_valid = first >= 0x20 && first != 0x7F && n_bytes > 0 ? 1 : 0;
    while (n_valid > 0 && n_valid < n_bytes && i + n_valid < text.size() &&
           (text[i + n_valid] & 0xC0) == 0x80)
      n_valid++;
    // Surrogates and longer forms than needed are no characters either.
    const auto second = static_cast<unsigned char>(n_valid > 1 ? text[i + 1] : 0);
    const bool is_valid = n_valid > 0 && n_valid == n_bytes && !(first == 0xE0 && second < 0xA0) &&
                          !(first == 0xED && second > 0x9F);
    valid += is_valid ? text.substr(i, n_bytes) : "?";
    i += is_valid ? n_bytes : 1;
  }
  return valid;
}

// Of one failure: before + reason + behind + advice.
struct Words {
  const char *before, *behind, *advice;
};

// What work throws becomes last_error; returns whether it threw nothing.
template <typename Work> static bool succeeds(const Words &words, const Work &work)
{
  std::string reason = "unknown reason";
  try {
    work();
    return true;
  } catch (const c10::Error &error) {
    reason = reason_in(error.what_without_backtrace());
  } catch (const std::exception &error) {
    reason = reason_in(error.what());
  } catch (...) {
  }
  const bool is_full = reason.find(OUT_OF_MEMORY) != std::string::npos;
  last_error = words.before + valid_utf8(reason) + words.behind + (is_full ? FREE_MEMORY : words.advice);
  return false;
}

static const Words SILENT = {"", "", ""}, FAILED_STEP = {"TorchScript failed: ", "", ""},
                   UNUSABLE = {"has a TorchScript that cannot be used (", ")",
                               ": export it anew with \"lammps-heal export\""};

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
  succeeds(SILENT, [&]() {
    if (torch::cuda::is_available())
      n_devices = static_cast<int32_t>(torch::cuda::device_count());
  });
  return n_devices;
}

void heal_torchscript_set_threads(int32_t n_threads)
{
  succeeds(SILENT, [&]() { at::set_num_threads(n_threads); });
}

heal_torchscript *heal_torchscript_create(const char *file, int64_t n_bytes, const char *weights_hash,
                                          const char *device, double length_scale)
{
  heal_torchscript *created = nullptr;
  succeeds(UNUSABLE, [&]() {
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
  if (!succeeds(FAILED_STEP, [&]() { overlaps = module->module.pair_forces(*atoms, ids, vectors, overlap); }))
    return HEAL_FAILED;
  if (overlaps)
    last_error = "two atoms overlap";
  return overlaps ? HEAL_OVERLAP : HEAL_OK;
}

int heal_torchscript_apply_mobilities(heal_torchscript *module, double *vectors)
{
  return succeeds(FAILED_STEP, [&]() { module->module.apply_mobilities(vectors); }) ? HEAL_OK : HEAL_FAILED;
}

int heal_torchscript_message_layer(heal_torchscript *module, int32_t layer, double *vectors)
{
  return succeeds(FAILED_STEP, [&]() { module->module.message_layer(layer, vectors); }) ? HEAL_OK
                                                                                        : HEAL_FAILED;
}
