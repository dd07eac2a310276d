// heal_kernel.h: what callers give is checked, and exceptions become a status and a message.

#include "heal_kernel.h"

#include "argument_checks.h"
#include "cuda_kernel.h"
#include "dispatch.h"
#include "floor_sweeps.h"
#include "kernel.h"
#include "neighbour_list.h"
#include "status.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

using namespace lammps_heal;

struct heal_kernel {
  Kernel kernel;
  std::unique_ptr<CudaKernel> on_card;    // computes instead, where there is one
};
struct heal_workspace {
  Workspace workspace;
  std::unique_ptr<CudaWorkspace> on_card;
  const heal_kernel *kernel = nullptr;    // of the last pair forces; null where they failed
  bool has_mobilities = false;
};
struct heal_list {
  NeighbourList list;
  bool is_built = false;
};
struct heal_floor {
  FloorSweeps sweeps;
};

namespace
{

template <typename Object> Object *create() noexcept
{
  auto *made = new (std::nothrow) Object;
  if (!made)
    set_error("there is not enough memory");
  return made;
}

int64_t n_vectors(const heal_workspace &workspace)
{
  return workspace.on_card ? workspace.on_card->n_vectors() : workspace.workspace.n_vectors();
}

// On the card of the kernel or, where it has none, here.
void compute_pair_forces(const heal_kernel &kernel, heal_workspace &workspace, const heal_atoms &atoms,
                         double *vectors, int64_t *overlap)
{
  if (!kernel.on_card) {
    workspace.on_card.reset();
    kernel.kernel.pair_forces(atoms, workspace.workspace, vectors, overlap);
    return;
  }
  if (!workspace.on_card || workspace.on_card->card() != kernel.on_card->card())
    workspace.on_card = std::make_unique<CudaWorkspace>(kernel.on_card->card());
  kernel.on_card->pair_forces(atoms, *workspace.on_card, vectors, overlap);
}

}    // namespace

int32_t heal_abi_version()
{
  return HEAL_ABI_VERSION;
}

char *lammps_heal::error_text() noexcept
{
  thread_local char text[ERROR_LENGTH];
  return text;
}

const char *heal_last_error()
{
  return error_text();
}

int32_t heal_max_threads()
{
  return lammps_heal::max_threads();
}

const char *heal_instruction_sets()
{
  static char names[64];
  static const bool is_known = []() noexcept {
    return attempt([]() {
             std::string all;
             for (const auto *usable : usable_instruction_sets())
               all += (all.empty() ? "" : " ") + std::string(usable->name);
             std::snprintf(names, sizeof names, "%s", all.c_str());
             return HEAL_OK;
           }) == HEAL_OK;
  }();
  return is_known ? names : "";
}

heal_kernel *heal_kernel_create(const heal_weights *weights, const char *instruction_set)
{
  heal_kernel *made = nullptr;
  attempt([&]() {
    require(weights, "weights is null");
    check_weights(*weights);
    const int card = number_of_card(instruction_set);
    made = card < 0 ? new heal_kernel{Kernel(*weights, instruction_set), nullptr}
                    : new heal_kernel{Kernel(*weights, ""), std::make_unique<CudaKernel>(*weights, card)};
    return HEAL_OK;
  });
  return made;
}

void heal_kernel_destroy(heal_kernel *kernel)
{
  delete kernel;
}

const char *heal_kernel_instruction_set(const heal_kernel *kernel)
{
  if (!kernel)
    return "";
  return kernel->on_card ? kernel->on_card->name().c_str() : kernel->kernel.functions().name;
}

int32_t heal_kernel_finds_neighbours(const heal_kernel *kernel)
{
  return kernel && kernel->on_card;
}

double *heal_vectors_create(const heal_kernel *kernel, int64_t n_atoms)
{
  void *made = nullptr;
  attempt([&]() {
    require(n_atoms >= 0 && n_atoms <= INT32_MAX, "n_atoms is %lld, needed 0 to %d",
            static_cast<long long>(n_atoms), INT32_MAX);
    const size_t n_bytes = (4 * sizeof(double) * n_atoms + HEAL_ALIGNMENT) / HEAL_ALIGNMENT * HEAL_ALIGNMENT;
    made = kernel && kernel->on_card ? kernel->on_card->card()->allocate_on_host(n_bytes)
                                     : std::aligned_alloc(HEAL_ALIGNMENT, n_bytes);
    if (!made)
      throw std::bad_alloc();
    return HEAL_OK;
  });
  return static_cast<double *>(made);
}

void heal_vectors_destroy(const heal_kernel *kernel, double *vectors)
{
  if (kernel && kernel->on_card)
    kernel->on_card->card()->free_on_host(vectors);
  else
    std::free(vectors);
}

heal_workspace *heal_workspace_create()
{
  return create<heal_workspace>();
}

void heal_workspace_destroy(heal_workspace *workspace)
{
  delete workspace;
}

int64_t heal_workspace_bytes(const heal_workspace *workspace)
{
  if (!workspace)
    return 0;
  return static_cast<int64_t>(workspace->on_card ? workspace->on_card->n_bytes()
                                                 : workspace->workspace.n_bytes());
}

int heal_pair_forces(const heal_kernel *kernel, heal_workspace *workspace, const heal_atoms *atoms,
                     double *vectors, int64_t *overlap)
{
  return attempt([&]() {
    require(kernel && workspace && atoms, "kernel, workspace or atoms is null");
    workspace->kernel = nullptr;
    workspace->has_mobilities = false;
    check_atoms(*atoms, kernel->kernel, kernel->on_card != nullptr);
    check_vectors(vectors, atoms->n_atoms);
    int64_t found[2];
    compute_pair_forces(*kernel, *workspace, *atoms, vectors, found);
    if (overlap)
      std::copy_n(found, 2, overlap);
    if (found[0] >= 0) {
      std::snprintf(error_text(), ERROR_LENGTH,
                    "atoms %lld and %lld are at one place, nearer than %g Å: delete one",
                    static_cast<long long>(found[0]), static_cast<long long>(found[1]), SMALLEST_DISTANCE);
      return HEAL_OVERLAP;
    }
    workspace->kernel = kernel;
    workspace->has_mobilities = true;
    return HEAL_OK;
  });
}

const float *heal_mobilities(heal_workspace *workspace)
{
  if (!workspace || !workspace->has_mobilities)
    return nullptr;
  if (!workspace->on_card)
    return workspace->workspace.mobilities();
  const float *found = nullptr;
  attempt([&]() {
    found = workspace->on_card->mobilities();
    return HEAL_OK;
  });
  return found;
}

double heal_nearest(const heal_workspace *workspace)
{
  if (!workspace || !workspace->kernel)
    return 0.0;
  return workspace->on_card ? workspace->on_card->nearest() : workspace->workspace.nearest();
}

int heal_apply_mobilities(heal_workspace *workspace, double *vectors)
{
  return attempt([&]() {
    require(workspace && workspace->has_mobilities,
            "heal_apply_mobilities comes after heal_pair_forces, before any layer");
    check_vectors(vectors, n_vectors(*workspace));
    if (workspace->on_card)
      workspace->on_card->apply_mobilities(vectors);
    else
      workspace->workspace.apply_mobilities(vectors);
    return HEAL_OK;
  });
}

int heal_message_layer(const heal_kernel *kernel, heal_workspace *workspace, int32_t layer, double *vectors)
{
  return attempt([&]() {
    require(kernel && workspace, "kernel or workspace is null");
    require(workspace->kernel == kernel,
            "heal_message_layer comes after heal_pair_forces of the same kernel");
    require(layer >= 0 && layer < kernel->kernel.weights().packed().n_layers,
            "the model has no layer of this number");
    check_vectors(vectors, n_vectors(*workspace));
    workspace->has_mobilities = false;
    if (kernel->on_card)
      kernel->on_card->message_layer(*workspace->on_card, layer, vectors);
    else
      kernel->kernel.message_layer(workspace->workspace, layer, vectors);
    return HEAL_OK;
  });
}

heal_list *heal_list_create()
{
  return create<heal_list>();
}

void heal_list_destroy(heal_list *list)
{
  delete list;
}

int heal_list_build(heal_list *list, const double *positions, const int64_t *ids, int64_t nlocal,
                    int64_t n_atoms, double cutoff, int32_t n_threads, const char *instruction_set)
{
  return attempt([&]() {
    require(list, "list is null");
    list->is_built = false;
    check_listed_atoms(positions, ids, nlocal, n_atoms);
    check_cutoff(cutoff);
    check_threads(n_threads);
    find_neighbours({positions, ids, nlocal, n_atoms}, cutoff, n_threads, instruction_set, list->list);
    list->is_built = true;
    return HEAL_OK;
  });
}

const int64_t *heal_list_first(const heal_list *list)
{
  return list && list->is_built ? list->list.first.data() : nullptr;
}

const int32_t *heal_list_neighbours(const heal_list *list)
{
  return list && list->is_built ? list->list.neighbours.get() : nullptr;
}

int64_t heal_list_bytes(const heal_list *list)
{
  return list ? list->list.n_bytes() : 0;
}

heal_floor *heal_floor_create()
{
  return create<heal_floor>();
}

void heal_floor_destroy(heal_floor *floor)
{
  delete floor;
}

int64_t heal_floor_bytes(const heal_floor *floor)
{
  return floor ? floor->sweeps.n_bytes() : 0;
}

int heal_floor_begin(heal_floor *floor, double distance, double max_displacement)
{
  return attempt([&]() {
    require(floor, "floor is null");
    require(distance > 0.0 && std::isfinite(distance), "distance is not above 0 Å, or not finite");
    require(max_displacement >= 0.0 && std::isfinite(max_displacement),
            "max_displacement is below 0 Å, or not finite");
    floor->sweeps.begin(distance, max_displacement);
    return HEAL_OK;
  });
}

int heal_floor_look(heal_floor *floor, const heal_atoms *atoms, const double *vectors, int32_t *is_any)
{
  return attempt([&]() {
    require(floor && atoms && is_any, "floor, atoms or is_any is null");
    check_listed_pairs(*atoms);
    require(vectors || atoms->n_atoms == 0, "vectors is null");
    *is_any = floor->sweeps.look(*atoms, vectors);
    return HEAL_OK;
  });
}

int heal_floor_take_back(heal_floor *floor, double *vectors)
{
  return attempt([&]() {
    require(floor, "floor is null");
    floor->sweeps.take_back(vectors);
    return HEAL_OK;
  });
}
