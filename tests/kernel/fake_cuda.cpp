// A CUDA driver and NVRTC in one library, for machines without a card: memory is the host's, and a stage is a
// loop over its threads, compiled by g++ from the very source that a card gets.
//
// Of the environment: FAKE_CUDA_BYTES, the memory of the card (default: any); FAKE_CUDA_BACKWARD, threads run
// last first.

#include "cuda_task.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

using Stage = void (*)(const lammps_heal::CudaTask &, int64_t thread);

static std::map<std::string, Stage> &stages()
{
  static std::map<std::string, Stage> all;
  return all;
}

#define DEVICE inline
#define STAGE(name)                                                                                          \
  static void name(const CudaTask &, int64_t);                                                               \
  static const bool has_##name = stages().emplace(#name, name).second;                                       \
  static void name(const CudaTask &task, [[maybe_unused]] int64_t thread)

template <typename Number> static Number atomicAdd(Number *to, Number number)
{
  const Number before = *to;
  *to += number;
  return before;
}

static unsigned __float_as_uint(float number)
{
  return std::bit_cast<unsigned>(number);
}

template <typename Number> static void atomicMin(Number *to, Number number)
{
  *to = number < *to ? number : *to;
}

#include "stages.cu"

static constexpr int OUT_OF_MEMORY = 2, NOT_FOUND = 500, INVALID = 1;
static std::map<uint64_t, size_t> blocks;

extern "C" {

int cuInit(unsigned)
{
  return 0;
}

int cuGetErrorString(int status, const char **text)
{
  *text = status == OUT_OF_MEMORY ? "out of memory" : "invalid";
  return 0;
}

int cuDeviceGetCount(int *n)
{
  *n = 2;
  return 0;
}

int cuDeviceGet(int *device, int number)
{
  *device = number;
  return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int)
{
  *value = attribute == 75 ? 9 : 0;
  return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int)
{
  *context = &blocks;
  return 0;
}

int cuDevicePrimaryCtxRelease_v2(int)
{
  return 0;
}

int cuCtxPushCurrent_v2(void *context)
{
  return context == &blocks ? 0 : INVALID;
}

int cuCtxPopCurrent_v2(void **)
{
  return 0;
}

int cuModuleLoadData(void **module, const void *)
{
  *module = &stages();
  return 0;
}

int cuModuleUnload(void *)
{
  return 0;
}

int cuModuleGetFunction(void **function, void *, const char *name)
{
  const auto found = stages().find(name);
  if (found == stages().end())
    return NOT_FOUND;
  *function = reinterpret_cast<void *>(found->second);
  return 0;
}

// It holds what no stage may read before it has written it: NaN.
int cuMemAlloc_v2(uint64_t *address, size_t n_bytes)
{
  const char *const limit = std::getenv("FAKE_CUDA_BYTES");
  size_t used = n_bytes;
  for (const auto &block : blocks)
    used += block.second;
  if (limit && used > std::strtoull(limit, nullptr, 10))
    return OUT_OF_MEMORY;
  void *const memory = std::aligned_alloc(64, (n_bytes + 63) / 64 * 64);
  std::memset(memory, 0xff, n_bytes);
  *address = reinterpret_cast<uint64_t>(memory);
  blocks[*address] = n_bytes;
  return 0;
}

int cuMemFree_v2(uint64_t address)
{
  if (blocks.erase(address) == 0)
    return INVALID;
  std::free(reinterpret_cast<void *>(address));
  return 0;
}

int cuMemsetD8_v2(uint64_t address, unsigned char byte, size_t n_bytes)
{
  std::memset(reinterpret_cast<void *>(address), byte, n_bytes);
  return 0;
}

int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t n_bytes)
{
  std::memcpy(reinterpret_cast<void *>(to), from, n_bytes);
  return 0;
}

int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t n_bytes)
{
  std::memcpy(to, reinterpret_cast<const void *>(from), n_bytes);
  return 0;
}

int cuMemAllocHost_v2(void **memory, size_t n_bytes)
{
  *memory = std::aligned_alloc(64, (n_bytes + 63) / 64 * 64);
  return 0;
}

int cuMemFreeHost(void *memory)
{
  std::free(memory);
  return 0;
}

int cuLaunchKernel(void *function, unsigned grid, unsigned, unsigned, unsigned block, unsigned, unsigned,
                   unsigned, void *, void **arguments, void **)
{
  const auto &task = *static_cast<const lammps_heal::CudaTask *>(arguments[0]);
  const int64_t n = *static_cast<const int64_t *>(arguments[1]);
  if (static_cast<int64_t>(grid) * block < n || static_cast<int64_t>(grid - 1) * block >= n)
    return INVALID;
  const bool is_backward = std::getenv("FAKE_CUDA_BACKWARD") != nullptr;
  for (int64_t thread = 0; thread < n; thread++)
    reinterpret_cast<Stage>(function)(task, is_backward ? n - 1 - thread : thread);
  return 0;
}

const char *nvrtcGetErrorString(int)
{
  return "invalid";
}

int nvrtcCreateProgram(void **program, const char *, const char *, int, const char *const *,
                       const char *const *)
{
  *program = &blocks;
  return 0;
}

int nvrtcCompileProgram(void *, int, const char *const *)
{
  return 0;
}

int nvrtcGetProgramLogSize(void *, size_t *n_bytes)
{
  *n_bytes = 0;
  return 0;
}

int nvrtcGetProgramLog(void *, char *)
{
  return 0;
}

int nvrtcGetCUBINSize(void *, size_t *n_bytes)
{
  *n_bytes = 1;
  return 0;
}

int nvrtcGetCUBIN(void *, char *image)
{
  *image = 0;
  return 0;
}

int nvrtcDestroyProgram(void **)
{
  return 0;
}
}
