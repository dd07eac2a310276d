#include "heal_backend.h"

#include "all_ranks.h"
#include "kernel_backend.h"
#include "model_names.h"
#include "periodic_crystal.h"
#include "torchscript_backend.h"

#include "comm.h"
#include "error.h"
#include "fmt/format.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>

using namespace LAMMPS_NS;
using namespace lammps_heal;

static constexpr double AGREEMENT =
    1.0e-4;    // Å; a kernel that differs from TorchScript by more is not used

// Of the lengths of a model that sees species; LARGEST_STRETCH of lammps_heal/model/model_file.py.
static constexpr double LARGEST_STRETCH = 0.05;

HealModel LAMMPS_NS::read_heal_model(LAMMPS *lmp, const HealSettings &settings)
{
  HealModel read = {};
  auto problem = problem_of([&]() {
    if (lmp->comm->me == 0)
      read.file = read_model_file(find_model(settings.model), settings.model);
  });
  stop_if_any(lmp, problem);
  auto n_bytes = static_cast<int>(read.file.size());
  MPI_Bcast(&n_bytes, 1, MPI_INT, 0, lmp->world);
  on_all_ranks(lmp, [&]() { read.file.resize(n_bytes); });
  MPI_Bcast(read.file.data(), n_bytes, MPI_CHAR, 0, lmp->world);
  on_all_ranks(lmp, [&]() { read.model = read_model(read.file, settings.model); });
  read.length_scale = 1.0;
  return read;
}

void LAMMPS_NS::set_lattice(LAMMPS *lmp, double lattice, HealModel &model)
{
  const double own = model.model.lattice_constant;
  model.length_scale = lattice > 0.0 ? lattice / own : 1.0;
  if (model.model.n_species > 1 && !(std::fabs(model.length_scale - 1.0) <= LARGEST_STRETCH))
    lmp->error->all(
        FLERR,
        "fix heal: lattice {:.5g} Å is more than {:.0f} % from the model's, {:.5g} Å, which sees species: "
        "use a model of this crystal",
        lattice, 100.0 * LARGEST_STRETCH, own);
}

// Checked against the model's record once, then shared by all fixes of this process. Throws
// std::runtime_error. instruction_set: see heal_kernel_create.
static std::shared_ptr<const heal_kernel> checked_kernel(const Model &model,
                                                         const std::string &instruction_set)
{
  static std::mutex one_at_a_time;
  static std::map<std::string, std::weak_ptr<const heal_kernel>>
      kernels;    // by hash of the model and instruction set
  const std::lock_guard<std::mutex> guard(one_at_a_time);
  auto &known = kernels[model.file_hash + instruction_set];
  auto kernel = known.lock();
  if (kernel)
    return kernel;
  kernel = create_kernel(model, instruction_set);
  KernelBackend backend(kernel, model.n_layers);
  const double difference = difference_from_record(model, backend);
  if (!(difference <= AGREEMENT))
    throw std::runtime_error(
        fmt::format("the kernel differs from TorchScript by {:.2g} Å on a small crystal", difference));
  known = kernel;
  return kernel;
}

static int rank_on_node(LAMMPS *lmp)
{
  MPI_Comm node;
  int rank;
  MPI_Comm_split_type(lmp->world, MPI_COMM_TYPE_SHARED, lmp->comm->me, MPI_INFO_NULL, &node);
  MPI_Comm_rank(node, &rank);
  MPI_Comm_free(&node);
  return rank;
}

// Of this rank; devices are dealt out to the ranks of a node.
static std::string device_of_rank(LAMMPS *lmp, const std::string &device)
{
  if (device == "cpu")
    return device;
  const int rank = rank_on_node(lmp);
  int n_devices = 0;
  on_all_ranks(lmp, [&]() {
    n_devices = torchscript_library().n_cuda_devices();
    if (n_devices == 0)
      throw std::runtime_error(
          "device cuda needs a CUDA device and a torch with CUDA, got none: use \"device cpu\"");
  });
  return device + ":" + std::to_string(rank % n_devices);
}

static std::unique_ptr<Backend> make_torchscript(LAMMPS *lmp, const HealSettings &settings,
                                                 const HealModel &model, const std::string &why)
{
  std::unique_ptr<Backend> backend;
  const auto device = device_of_rank(lmp, settings.device);
  const auto problem = problem_of([&]() {
    backend = std::make_unique<TorchScriptBackend>(model.model, model.file, device.c_str(),
                                                   model.length_scale, lmp->comm->nthreads);
  });
  stop_if_any(lmp, problem.empty() || why.empty() ? problem : why + ", and " + problem);
  if (!why.empty() && lmp->comm->me == 0)
    lmp->error->warning(FLERR, "fix heal uses TorchScript, which is slower: {}", why);
  return backend;
}

// The kernel on a card has been seen in emulation only, so that it must be asked for.
static bool wants_cuda_kernel()
{
  const char *const wanted = std::getenv("LAMMPS_HEAL_CUDA");
  return wanted && std::string(wanted) == "kernel";
}

static std::unique_ptr<Backend> make_cuda_kernel(LAMMPS *lmp, const Model &model)
{
  std::unique_ptr<Backend> backend;
  const auto card = "cuda:" + std::to_string(rank_on_node(lmp));
  on_all_ranks(
      lmp, [&]() { backend = std::make_unique<KernelBackend>(checked_kernel(model, card), model.n_layers); });
  return backend;
}

std::unique_ptr<Backend> LAMMPS_NS::make_backend(LAMMPS *lmp, const HealSettings &settings,
                                                 const HealModel &model)
{
  if (settings.use_kernel && settings.device != "cpu" && wants_cuda_kernel())
    return make_cuda_kernel(lmp, model.model);
  if (!settings.use_kernel || settings.device != "cpu")
    return make_torchscript(lmp, settings, model, "");
  std::unique_ptr<Backend> kernel;
  auto problem = problem_of([&]() {
    kernel = std::make_unique<KernelBackend>(checked_kernel(model.model, ""), model.model.n_layers);
  });
  const bool is_usable_everywhere = largest_of_all(lmp, problem.empty() ? 0.0 : 1.0) == 0.0;
  if (is_usable_everywhere)
    return kernel;
  if (problem.empty())
    problem = "the kernel cannot be used on another rank";
  return make_torchscript(lmp, settings, model, problem);
}
