#include "heal_model.h"

#include "neighbour_list.h"
#include "sha256.h"

#include <ATen/Parallel.h>
#include <torch/cuda.h>
#include <torch/script.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <cmath>
#include <map>
#include <numeric>
#include <sstream>
#include <stdexcept>

using namespace lammps_heal;

// The contract; see lammps_heal/model_file.py.
static const char FORMAT[] = "lammps-heal";
static constexpr int64_t FORMAT_VERSION = 4;
// Å; a kernel that differs from TorchScript by more is not used.
static constexpr double AGREEMENT = 1.0e-4;

struct HealModel::Torch {
  torch::jit::Module module;
  torch::Device device = torch::kCPU;
  torch::Tensor positions, answers, forces;
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

HealModel::HealModel(const std::string &file, const std::string &name, const std::string &device,
                     double wanted_lattice_constant) : torch(std::make_unique<Torch>())
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
    lattice_constant = module.attr("lattice_constant").toDouble();
    length_scale = module.attr("length_scale").toDouble();
    n_layers = static_cast<int>(module.attr("n_layers").toInt());
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
  if (elements.empty() || masses.size() != elements.size() || !(cutoff > 0.0) || !(max_displacement > 0.0) ||
      !(lattice_constant > 0.0) || length_scale != 1.0 || n_layers < 0)
    throw std::runtime_error(model_file + " is damaged: elements, masses, lengths or n_layers make no sense; "
                                          "export it anew");
  if (wanted_lattice_constant > 0.0) {
    length_scale = wanted_lattice_constant / lattice_constant;
    for (double *length : {&cutoff, &max_displacement, &lattice_constant})
      *length *= length_scale;
    module.setattr("length_scale", length_scale);
    elements.clear();
    masses.clear();
  }
}

HealModel::~HealModel() = default;

void HealModel::set_positions(const double *positions, int64_t n_atoms)
{
  // Borrowed on the CPU, copied once a step to any other device.
  torch->positions =
      torch::from_blob(const_cast<double *>(positions), {n_atoms, 3}, torch::kFloat64).to(torch->device);
}

void HealModel::set_answers(const double *answers, int64_t n_atoms)
{
  torch->answers = torch::from_blob(const_cast<double *>(answers), {n_atoms, 3}, {4, 1}, torch::kFloat64)
                       .to(torch->device);
}

static torch::Tensor borrow(const std::vector<int64_t> &rows)
{
  return torch::from_blob(const_cast<int64_t *>(rows.data()), {static_cast<int64_t>(rows.size())},
                          torch::kInt64);
}

void HealModel::clear_forces()
{
  torch->forces = torch::zeros_like(torch->positions);
}

void HealModel::forces(const Neighbourhoods &neighbourhoods, double *mobilities)
{
  call("forward", neighbourhoods, {torch->forces}, {3, 3}, mobilities);
}

void HealModel::take_forces(double *forces)
{
  const auto all = torch->forces.to(torch::kCPU);
  for (int64_t i = 0; i < all.size(0); i++)
    std::copy_n(all.const_data_ptr<double>() + 3 * i, 3, forces + 4 * i);
}

void HealModel::message_layer(const Neighbourhoods &neighbourhoods, int turn, double *answers)
{
  call("message_layer", neighbourhoods, {torch->answers, turn}, {3}, answers);
}

// shape: of what the method says of each centre.
void HealModel::call(const char *method, const Neighbourhoods &neighbourhoods,
                     const std::vector<c10::IValue> &more, const std::vector<int64_t> &shape, double *result)
{
  // The profiling executor specialises on shapes, which differ in every chunk.
  torch::jit::GraphOptimizerEnabledGuard no_specialising(false);
  c10::InferenceMode no_gradients;
  try {
    std::vector<c10::IValue> inputs = {torch->positions, borrow(neighbourhoods.centres).to(torch->device),
                                       borrow(neighbourhoods.first).to(torch->device),
                                       borrow(neighbourhoods.neighbours).to(torch->device)};
    inputs.insert(inputs.end(), more.begin(), more.end());
    const auto said =
        torch->module.get_method(method)(inputs).toTensor().to(torch::kCPU, torch::kFloat64).contiguous();
    auto expected = shape;
    expected.insert(expected.begin(), static_cast<int64_t>(neighbourhoods.centres.size()));
    if (said.sizes() != expected)
      throw std::runtime_error("what it says has another shape");
    std::copy_n(said.const_data_ptr<double>(), said.numel(), result);
  } catch (const c10::Error &reason) {
    throw std::runtime_error("the model failed: " + first_line(reason.what_without_backtrace()));
  } catch (const std::exception &reason) {
    throw std::runtime_error("the model failed: " + first_line(reason.what()));
  }
}

std::string HealModel::make_kernel()
{
  if (compiled || !kernel_problem.empty())
    return kernel_problem;
  c10::InferenceMode no_gradients;
  try {
    const auto network = torch->module.attr("network").toModule();
    std::vector<torch::Tensor> tensors;    // must live until the kernel has copied them
    auto floats = [&tensors](const torch::Tensor &tensor) {
      tensors.push_back(tensor.detach().to(torch::kCPU, torch::kFloat).contiguous());
      return tensors.back().const_data_ptr<float>();
    };
    NetworkNumbers numbers = {};
    numbers.cutoff = network.attr("cutoff").toDouble();
    auto distances = Kernel::sample_distances(numbers.cutoff);
    const auto d =
        torch::from_blob(distances.data(), {static_cast<int64_t>(distances.size())}, torch::kFloat32);
    numbers.radial_samples = floats(network.get_method("radial_functions")({d}).toTensor());
    numbers.message_samples = floats(network.get_method("message_functions")({d}).toTensor());
    numbers.n_layers = n_layers;
    numbers.mixing = floats(network.attr("mixing").toTensor());
    numbers.n_channels = static_cast<int>(tensors.back().size(1));
    // A sequence of Linear, SiLU, Linear, SiLU, Linear.
    const auto gates = network.attr("gates").toModule();
    for (int layer = 0; layer < 3; layer++) {
      const auto linear = gates.attr(std::to_string(2 * layer)).toModule();
      numbers.weights[layer] = floats(linear.attr("weight").toTensor());
      if (layer == 0)
        numbers.n_hidden = static_cast<int>(tensors.back().size(0));
      numbers.biases[layer] = floats(linear.attr("bias").toTensor());
    }
    compiled = std::make_unique<Kernel>(numbers);
    const double difference = difference_of_kernel();
    if (!(difference <= AGREEMENT)) {
      std::ostringstream problem;
      problem.precision(2);
      problem << "the kernel differs from TorchScript by " << difference << " Å on a small crystal";
      kernel_problem = problem.str();
    }
  } catch (const c10::Error &reason) {
    kernel_problem =
        "there is no kernel for this model (" + first_line(reason.what_without_backtrace()) + ")";
  } catch (const std::exception &reason) {
    kernel_problem = "there is no kernel for this model (" + first_line(reason.what()) + ")";
  }
  if (!kernel_problem.empty())
    compiled.reset();
  return kernel_problem;
}

// Å, the largest of a component on a small crystal; not a number where an answer is none.
double HealModel::difference_of_kernel()
{
  const auto crystal = check_crystal(lattice_constant, cutoff);
  const auto n_rows = static_cast<int64_t>(crystal.positions.size() / 3);
  NeighbourList list;
  std::vector<int64_t> ids(n_rows);
  std::iota(ids.begin(), ids.end(), 0);
  find_neighbours(crystal.positions.data(), ids.data(), crystal.n_owned, n_rows, cutoff, 1, list);
  Neighbourhoods neighbourhoods = {std::vector<int64_t>(crystal.n_owned),
                                   list.first,
                                   {list.neighbours.get(), list.neighbours.get() + list.first.back()}};
  std::iota(neighbourhoods.centres.begin(), neighbourhoods.centres.end(), 0);
  double largest = 0.0;
  auto compare = [&](const std::vector<double> &one, const std::vector<double> &other) {
    for (size_t i = 0; i < one.size() && !std::isnan(largest); i++) {
      const double difference = std::fabs(one[i] - other[i]);
      if (!(difference <= largest))
        largest = difference;
    }
  };
  Buffer<double> rows;
  double *const forces = rows.room_for(4 * n_rows);
  std::vector<double> mobilities(9 * crystal.n_owned);
  // Forces on ghosts are not folded but answered, by the mobility of any owned atom: so they are compared
  // too.
  auto answers_of = [&]() {
    std::vector<double> answers(4 * n_rows);
    for (int64_t i = 0; i < n_rows; i++)
      for (int d = 0; d < 3; d++)
        for (int k = 0; k < 3; k++)
          answers[4 * i + d] += mobilities[9 * (i % crystal.n_owned) + 3 * d + k] * forces[4 * i + k];
    return answers;
  };
  set_positions(crystal.positions.data(), n_rows);
  clear_forces();
  this->forces(neighbourhoods, mobilities.data());
  take_forces(forces);
  const auto told = answers_of();
  int64_t overlapping[2];
  KernelStep step;
  compiled->forces(crystal.positions.data(), n_rows, nullptr, crystal.n_owned, list.first.data(),
                   list.neighbours.get(), length_scale, 1, forces, step, overlapping);
  std::copy_n(step.mobilities(), mobilities.size(), mobilities.begin());
  compare(told, answers_of());
  set_answers(told.data(), n_rows);
  std::vector<double> by_torch(3 * crystal.n_owned);
  for (int turn = 0; turn < n_layers; turn++) {
    message_layer(neighbourhoods, turn, by_torch.data());
    double *const answers = rows.room_for(4 * n_rows);
    std::transform(told.begin(), told.end(), answers, on_grid);
    compiled->message_layer(step, turn, answers);
    std::vector<double> by_kernel(3 * crystal.n_owned);
    for (int64_t i = 0; i < crystal.n_owned; i++)
      std::copy_n(answers + 4 * i, 3, &by_kernel[3 * i]);
    compare(by_torch, by_kernel);
  }
  return largest;
}

int lammps_heal::cuda_device_count()
{
  return torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0;
}

void lammps_heal::set_threads(int n_threads)
{
  at::set_num_threads(n_threads);
}
