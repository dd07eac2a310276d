#include "cuda_driver.h"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <dlfcn.h>

// Compiled in, as compiling.py finds it beside torch.
#ifndef HEAL_NVRTC
#define HEAL_NVRTC ""
#endif

using namespace lammps_heal;

namespace
{

struct Library {
  void *handle;
  std::string path;
};

// The first of these that there is; name: for the message. variable: of the environment, where the user says
// which.
Library open_library(const char *name, const char *variable, std::vector<std::string> paths,
                     const std::string &remedy)
{
  if (const char *const named = std::getenv(variable))
    paths = {named};
  std::string why;
  for (const auto &path : paths) {
    if (path.empty())
      continue;
    if (void *const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))
      return {handle, path};
    why = dlerror();
  }
  throw std::runtime_error(std::string("the CUDA kernel needs ") + name + ", which does not open (" + why +
                           "): " + remedy);
}

// suffix: the version of a function that the driver keeps beside older ones.
template <typename Function>
void find(const Library &library, const char *name, const char *suffix, Function &function)
{
  function = reinterpret_cast<Function>(dlsym(library.handle, (std::string(name) + suffix).c_str()));
  if (!function)
    throw std::runtime_error(library.path + " has no " + name +
                             ", which the CUDA kernel needs: install a newer one");
}

CudaDriver open_driver()
{
  CudaDriver found = {};
  const auto driver = open_library("libcuda", "LAMMPS_HEAL_LIBCUDA", {"libcuda.so.1"},
                                   "install the driver of an NVIDIA card, or use \"device cpu\"");
#define FIND(name, suffix) find(driver, #name, suffix, found.name)
  FIND(cuInit, "");
  FIND(cuGetErrorString, "");
  FIND(cuDeviceGetCount, "");
  FIND(cuDeviceGet, "");
  FIND(cuDeviceGetAttribute, "");
  FIND(cuDevicePrimaryCtxRetain, "");
  FIND(cuDevicePrimaryCtxRelease, "_v2");
  FIND(cuCtxPushCurrent, "_v2");
  FIND(cuCtxPopCurrent, "_v2");
  FIND(cuModuleLoadData, "");
  FIND(cuModuleUnload, "");
  FIND(cuModuleGetFunction, "");
  FIND(cuMemAlloc, "_v2");
  FIND(cuMemFree, "_v2");
  FIND(cuMemsetD8, "_v2");
  FIND(cuMemcpyHtoD, "_v2");
  FIND(cuMemcpyDtoH, "_v2");
  FIND(cuMemAllocHost, "_v2");
  FIND(cuMemFreeHost, "");
  FIND(cuLaunchKernel, "");
#undef FIND
  // Torch's first: the driver is new enough for it.
  const auto nvrtc = open_library(
      "libnvrtc", "LAMMPS_HEAL_NVRTC", {HEAL_NVRTC, "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"},
      "type \"pip install nvidia-cuda-nvrtc\", then \"lammps-heal build-plugin\"");
#define FIND(name) find(nvrtc, #name, "", found.name)
  FIND(nvrtcGetErrorString);
  FIND(nvrtcCreateProgram);
  FIND(nvrtcCompileProgram);
  FIND(nvrtcGetProgramLogSize);
  FIND(nvrtcGetProgramLog);
  FIND(nvrtcGetCUBINSize);
  FIND(nvrtcGetCUBIN);
  FIND(nvrtcDestroyProgram);
#undef FIND
  return found;
}

}    // namespace

const CudaDriver &lammps_heal::cuda_driver()
{
  static const CudaDriver driver = open_driver();
  return driver;
}
