// The functions of the CUDA driver and of NVRTC, by the names that their manuals have.

#ifndef HEAL_CUDA_DRIVER_H
#define HEAL_CUDA_DRIVER_H

#include <cstddef>
#include <cstdint>

namespace lammps_heal
{

constexpr int CUDA_OK = 0, CUDA_OUT_OF_MEMORY = 2;
constexpr int CUDA_MAJOR = 75, CUDA_MINOR = 76;    // attributes of a device: its compute capability

struct CudaDriver {
  int (*cuInit)(unsigned flags);
  int (*cuGetErrorString)(int status, const char **text);
  int (*cuDeviceGetCount)(int *n);
  int (*cuDeviceGet)(int *device, int number);
  int (*cuDeviceGetAttribute)(int *value, int attribute, int device);
  int (*cuDevicePrimaryCtxRetain)(void **context, int device);
  int (*cuDevicePrimaryCtxRelease)(int device);
  int (*cuCtxPushCurrent)(void *context);
  int (*cuCtxPopCurrent)(void **context);
  int (*cuModuleLoadData)(void **module, const void *image);
  int (*cuModuleUnload)(void *module);
  int (*cuModuleGetFunction)(void **function, void *module, const char *name);
  int (*cuMemAlloc)(uint64_t *address, size_t n_bytes);
  int (*cuMemFree)(uint64_t address);
  int (*cuMemsetD8)(uint64_t address, unsigned char byte, size_t n_bytes);
  int (*cuMemcpyHtoD)(uint64_t to, const void *from, size_t n_bytes);
  int (*cuMemcpyDtoH)(void *to, uint64_t from, size_t n_bytes);
  int (*cuMemAllocHost)(void **memory, size_t n_bytes);
  int (*cuMemFreeHost)(void *memory);
  int (*cuLaunchKernel)(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                        unsigned block_y, unsigned block_z, unsigned shared_bytes, void *stream,
                        void **arguments, void **extra);

  const char *(*nvrtcGetErrorString)(int status);
  int (*nvrtcCreateProgram)(void **program, const char *source, const char *name, int n_headers,
                            const char *const *headers, const char *const *names);
  int (*nvrtcCompileProgram)(void *program, int n_options, const char *const *options);
  int (*nvrtcGetProgramLogSize)(void *program, size_t *n_bytes);
  int (*nvrtcGetProgramLog)(void *program, char *log);
  int (*nvrtcGetCUBINSize)(void *program, size_t *n_bytes);
  int (*nvrtcGetCUBIN)(void *program, char *image);
  int (*nvrtcDestroyProgram)(void **program);
};

// Opened once and never closed. Throws std::runtime_error with one line that says what is missing and what to
// type.
const CudaDriver &cuda_driver();

}    // namespace lammps_heal

#endif
