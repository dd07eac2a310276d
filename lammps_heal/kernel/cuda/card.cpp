#include "card.h"

#include "cuda_driver.h"

#include <stdexcept>
#include <vector>

using namespace lammps_heal;

// The sources for the card, each ended by a zero, from the folder that the build names; the build in a LAMMPS
// source tree names none, and has no CUDA kernel.
#ifdef HEAL_CUDA_SOURCES
#define EMBED(name, path)                                                                                    \
  __asm__(".section .rodata\n.globl " #name "\n.hidden " #name "\n" #name                                    \
          ":\n.incbin \"" HEAL_CUDA_SOURCES path "\"\n.byte 0\n.previous\n");                                \
  extern "C" __attribute__((visibility("hidden"))) const char name[]
#else
#define EMBED(name, path) static const char name[] = ""
#endif
EMBED(heal_stages_cu, "/cuda/stages.cu");
EMBED(heal_cuda_task_h, "/cuda/cuda_task.h");
EMBED(heal_packed_weights_h, "/packed_weights.h");

static constexpr int BLOCK_THREADS = 256;    // __launch_bounds__ in stages.cu
static constexpr char FULL[] = "free memory of the device, use more devices, or \"device cpu\"";

// Names of stages, as they stand in the source: STAGE(name).
static std::vector<std::string> stage_names()
{
  const std::string source = heal_stages_cu, before = "\nSTAGE(";
  std::vector<std::string> names;
  for (size_t at = 0; (at = source.find(before, at)) != std::string::npos;) {
    at += before.size();
    names.push_back(source.substr(at, source.find(')', at) - at));
  }
  return names;
}

// Machine code for devices of this architecture, as "sm_90".
static std::vector<char> compile(const CudaDriver &driver, const std::string &architecture)
{
  void *program = nullptr;
  const char *const headers[] = {heal_cuda_task_h, heal_packed_weights_h}, *const names[] = {
                                                                               "cuda_task.h",
                                                                               "packed_weights.h"};
  auto require = [&](int status, const std::string &said) {
    if (status == CUDA_OK)
      return;
    const std::string why = said.empty() ? driver.nvrtcGetErrorString(status) : said;
    driver.nvrtcDestroyProgram(&program);
    throw std::runtime_error("the CUDA kernel is not compiled for " + architecture + " (" +
                             why.substr(0, why.find('\n')) + "): install an NVRTC of the card's time");
  };
  require(driver.nvrtcCreateProgram(&program, heal_stages_cu, "stages.cu", 2, headers, names), "");
  const std::string target = "--gpu-architecture=" + architecture;
  const char *const options[] = {target.c_str(), "--std=c++17"};
  const int status = driver.nvrtcCompileProgram(program, 2, options);
  size_t n_bytes = 0;
  std::string log;
  if (status != CUDA_OK && driver.nvrtcGetProgramLogSize(program, &n_bytes) == CUDA_OK) {
    log.resize(n_bytes);
    driver.nvrtcGetProgramLog(program, log.data());
  }
  require(status, log.substr(0, log.find('\0')));
  require(driver.nvrtcGetCUBINSize(program, &n_bytes), "");
  std::vector<char> image(n_bytes);
  require(driver.nvrtcGetCUBIN(program, image.data()), "");
  driver.nvrtcDestroyProgram(&program);
  return image;
}

// Other parts of the process, torch among them, have current contexts of their own.
class Card::Use
{
 public:
  explicit Use(const Card &card) : driver(card.driver)
  {
    card.require(driver.cuCtxPushCurrent(card.context), "the device cannot be used");
  }
  ~Use()
  {
    void *unused;
    driver.cuCtxPopCurrent(&unused);
  }
  Use(const Use &) = delete;
  Use &operator=(const Use &) = delete;

 private:
  const CudaDriver &driver;
};

void Card::require(int status, const std::string &what) const
{
  if (status == CUDA_OK)
    return;
  const char *text = nullptr;
  driver.cuGetErrorString(status, &text);
  throw std::runtime_error("CUDA device " + std::to_string(own_number) + ": " + what + " (" +
                           (text ? text : "error " + std::to_string(status)) + ")" +
                           (status == CUDA_OUT_OF_MEMORY ? std::string(": ") + FULL : ""));
}

Card::Card(int number) : driver(cuda_driver())
{
  int n_devices = 0, major = 0, minor = 0;
  if (heal_stages_cu[0] == '\0')
    throw std::runtime_error(
        "this build has no CUDA kernel: use the plugin that \"pip install lammps-heal\" compiles");
  const int status = driver.cuInit(0);
  if (status != CUDA_OK || driver.cuDeviceGetCount(&n_devices) != CUDA_OK || n_devices == 0)
    throw std::runtime_error("device cuda needs a CUDA device, got none: use \"device cpu\"");
  own_number = number % n_devices;
  require(driver.cuDeviceGet(&device, own_number), "it is not there");
  require(driver.cuDeviceGetAttribute(&major, CUDA_MAJOR, device), "it does not say what it is");
  require(driver.cuDeviceGetAttribute(&minor, CUDA_MINOR, device), "it does not say what it is");
  const auto image = compile(driver, "sm_" + std::to_string(10 * major + minor));
  require(driver.cuDevicePrimaryCtxRetain(&context, device), "it cannot be used");
  try {
    const Use use(*this);
    require(driver.cuModuleLoadData(&module, image.data()), "it does not take the kernel");
    for (const auto &name : stage_names())
      require(driver.cuModuleGetFunction(&stages[name], module, name.c_str()), "the kernel has no " + name);
  } catch (...) {
    driver.cuDevicePrimaryCtxRelease(device);
    throw;
  }
}

Card::~Card()
{
  if (driver.cuCtxPushCurrent(context) == CUDA_OK) {
    driver.cuModuleUnload(module);
    void *unused;
    driver.cuCtxPopCurrent(&unused);
  }
  driver.cuDevicePrimaryCtxRelease(device);
}

void Card::start(const char *stage, const CudaTask &task, int64_t n_threads) const
{
  if (n_threads == 0)
    return;
  const Use use(*this);
  const auto n_blocks = static_cast<unsigned>((n_threads + BLOCK_THREADS - 1) / BLOCK_THREADS);
  void *arguments[] = {const_cast<CudaTask *>(&task), &n_threads};
  require(driver.cuLaunchKernel(stages.at(stage), n_blocks, 1, 1, BLOCK_THREADS, 1, 1, 0, nullptr, arguments,
                                nullptr),
          std::string(stage) + " does not start");
}

uint64_t Card::allocate(size_t n_bytes) const
{
  const Use use(*this);
  uint64_t address = 0;
  require(driver.cuMemAlloc(&address, n_bytes),
          "no room for " + std::to_string((n_bytes >> 20) + 1) + " MiB");
  return address;
}

void Card::free(uint64_t address) const noexcept
{
  if (!address || driver.cuCtxPushCurrent(context) != CUDA_OK)
    return;
  driver.cuMemFree(address);
  void *unused;
  driver.cuCtxPopCurrent(&unused);
}

void Card::fill(uint64_t address, int byte, size_t n_bytes) const
{
  const Use use(*this);
  if (n_bytes > 0)
    require(driver.cuMemsetD8(address, static_cast<unsigned char>(byte), n_bytes),
            "its memory is not written");
}

void Card::copy_to_card(uint64_t to, const void *from, size_t n_bytes) const
{
  const Use use(*this);
  if (n_bytes > 0)
    require(driver.cuMemcpyHtoD(to, from, n_bytes), "nothing can be copied to it");
}

void Card::copy_from_card(void *to, uint64_t from, size_t n_bytes) const
{
  const Use use(*this);
  if (n_bytes > 0)
    require(driver.cuMemcpyDtoH(to, from, n_bytes), "a stage failed");
}

void *Card::allocate_on_host(size_t n_bytes) const noexcept
{
  void *memory = nullptr, *unused;
  if (driver.cuCtxPushCurrent(context) != CUDA_OK)
    return nullptr;
  if (driver.cuMemAllocHost(&memory, n_bytes) != CUDA_OK)
    memory = nullptr;
  driver.cuCtxPopCurrent(&unused);
  return memory;
}

void Card::free_on_host(void *memory) const noexcept
{
  void *unused;
  if (!memory || driver.cuCtxPushCurrent(context) != CUDA_OK)
    return;
  driver.cuMemFreeHost(memory);
  driver.cuCtxPopCurrent(&unused);
}
