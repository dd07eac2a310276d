#include "heal_model.h"

#include "sha256.h"

#include <ATen/Parallel.h>
#include <torch/cuda.h>
#include <torch/script.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <map>
#include <sstream>
#include <stdexcept>

using namespace lammps_heal;

// The contract; see lammps_heal/model_file.py.
static const char FORMAT[] = "lammps-heal";
static constexpr int64_t FORMAT_VERSION = 1;

struct HealModel::Torch {
  torch::jit::Module module;
  torch::Device device = torch::kCPU;
  torch::Tensor positions;
};

// By default glibc returns a chunk's tensors of some MB to the system and fetches them anew, page by page,
// for the next chunk: measured, that doubles the time of a step.
static void keep_freed_memory()
{
#ifdef __GLIBC__
  constexpr int MB = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 32 * MB);
  mallopt(M_TRIM_THRESHOLD, 128 * MB);
#endif
}

static std::string first_line(const std::string &text)
{
  return text.substr(0, text.find('\n'));
}

static std::string weights_hash(const torch::jit::Module &network)
{
  std::map<std::string, torch::Tensor> weights;
  for (const auto &weight : network.named_parameters())
    weights[weight.name] = weight.value;
  Sha256 digest;
  for (const auto &[name, weight] : weights) {
    const auto values = weight.detach().cpu().to(torch::kFloat).contiguous();
    digest.update(name.data(), name.size());
    digest.update(values.data_ptr(), values.nbytes());
  }
  return digest.hexdigest();
}

template <typename T> static std::vector<T> list_of(const c10::IValue &value)
{
  return value.to<std::vector<T>>();
}

HealModel::HealModel(const std::string &file, const std::string &name, const std::string &device) :
    torch(std::make_unique<Torch>())
{
  const std::string model_file = "model file \"" + name + "\"";
  const std::string advice = ": name a file written by \"lammps-heal export\"";
  torch->device = torch::Device(device);
  keep_freed_memory();
  auto &module = torch->module;
  try {
    std::istringstream stream(file);
    module = torch::jit::load(stream, torch->device);
  } catch (const c10::Error &reason) {
    throw std::runtime_error(model_file + " is damaged or no TorchScript file (" +
                             first_line(reason.what_without_backtrace()) + ")" + advice);
  } catch (const std::exception &reason) {
    throw std::runtime_error(model_file + " is damaged or no TorchScript file (" + first_line(reason.what()) +
                             ")" + advice);
  }
  if (!module.hasattr("format") || !module.attr("format").isString() ||
      module.attr("format").toStringRef() != FORMAT)
    throw std::runtime_error(model_file + " is TorchScript but no lammps-heal model" + advice);
  if (!module.hasattr("format_version") || !module.attr("format_version").isInt() ||
      module.attr("format_version").toInt() != FORMAT_VERSION) {
    std::ostringstream got;
    got << (module.hasattr("format_version") ? module.attr("format_version") : c10::IValue());
    throw std::runtime_error(model_file + " has format version " + got.str() + ", needed " +
                             std::to_string(FORMAT_VERSION) +
                             ": export it anew with this version of lammps-heal (\"lammps-heal export\")");
  }
  std::string hash;
  try {
    module.eval();
    cutoff = module.attr("cutoff").toDouble();
    max_displacement = module.attr("max_displacement").toDouble();
    elements = list_of<std::string>(module.attr("elements"));
    masses = list_of<double>(module.attr("masses"));
    hash = module.attr("weights_hash").toStringRef();
    if (hash == weights_hash(module.attr("network").toModule()))
      hash.clear();
  } catch (const std::exception &reason) {
    throw std::runtime_error(model_file + " is damaged (" + first_line(reason.what()) + ")" + advice);
  }
  if (!hash.empty())
    throw std::runtime_error(model_file +
                             " is damaged: its weights do not have the hash it records; export it anew");
  if (elements.empty() || masses.size() != elements.size() || !(cutoff > 0.0) || !(max_displacement > 0.0))
    throw std::runtime_error(model_file +
                             " is damaged: elements, masses, cutoff or max_displacement make no sense; "
                             "export it anew");
}

HealModel::~HealModel() = default;

void HealModel::set_positions(const double *positions, int64_t n_atoms)
{
  // Borrowed on the CPU, copied once a step to any other device.
  torch->positions =
      torch::from_blob(const_cast<double *>(positions), {n_atoms, 3}, torch::kFloat64).to(torch->device);
}

static torch::Tensor borrow(const std::vector<int64_t> &rows)
{
  return torch::from_blob(const_cast<int64_t *>(rows.data()), {static_cast<int64_t>(rows.size())},
                          torch::kInt64);
}

void HealModel::displacement(const Neighbourhoods &neighbourhoods, double *displacements)
{
  // The profiling executor specialises on shapes, which differ in every chunk.
  torch::jit::GraphOptimizerEnabledGuard no_specialising(false);
  c10::InferenceMode no_gradients;
  try {
    const auto answer = torch->module
                            .forward({torch->positions, borrow(neighbourhoods.centres).to(torch->device),
                                      borrow(neighbourhoods.first).to(torch->device),
                                      borrow(neighbourhoods.neighbours).to(torch->device)})
                            .toTensor()
                            .to(torch::kCPU, torch::kFloat64)
                            .contiguous();
    const auto n_centres = static_cast<int64_t>(neighbourhoods.centres.size());
    if (answer.dim() != 2 || answer.size(0) != n_centres || answer.size(1) != 3)
      throw std::runtime_error("its answer must be (n_centres, 3)");
    std::copy_n(answer.const_data_ptr<double>(), 3 * n_centres, displacements);
  } catch (const c10::Error &reason) {
    throw std::runtime_error("the model failed: " + first_line(reason.what_without_backtrace()));
  } catch (const std::exception &reason) {
    throw std::runtime_error("the model failed: " + first_line(reason.what()));
  }
}

int lammps_heal::cuda_device_count()
{
  return torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0;
}

void lammps_heal::set_threads(int n_threads)
{
  at::set_num_threads(n_threads);
}
