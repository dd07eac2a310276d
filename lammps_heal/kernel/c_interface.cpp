// heal_kernel.h: what callers give is checked, and exceptions become a status and a message.

#include "heal_kernel.h"

#include "argument_checks.h"
#include "close_pairs.h"
#include "dispatch.h"
#include "kernel.h"
#include "neighbour_list.h"
#include "status.h"

#include <algorithm>
#include <cstdio>
#include <new>
#include <string>

using namespace lammps_heal;

struct heal_kernel {
  Kernel kernel;
};
struct heal_workspace {
  Workspace workspace;
  const heal_kernel *kernel = nullptr;    // of the last pair forces; null where they failed
  bool has_mobilities = false;
};
struct heal_list {
  NeighbourList list;
  bool is_built = false;
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
    made = new heal_kernel{Kernel(*weights, instruction_set)};
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
  return kernel ? kernel->kernel.functions().name : "";
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
  return workspace ? static_cast<int64_t>(workspace->workspace.n_bytes()) : 0;
}

int heal_pair_forces(const heal_kernel *kernel, heal_workspace *workspace, const heal_atoms *atoms,
                     double *vectors, int64_t *overlap)
{
  return attempt([&]() {
    require(kernel && workspace && atoms, "kernel, workspace or atoms is null");
    workspace->kernel = nullptr;
    workspace->has_mobilities = false;
    check_atoms(*atoms, kernel->kernel);
    check_vectors(vectors, atoms->n_atoms);
    int64_t found[2];
    kernel->kernel.pair_forces(*atoms, workspace->workspace, vectors, found);
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

const float *heal_mobilities(const heal_workspace *workspace)
{
  return workspace && workspace->has_mobilities ? workspace->workspace.mobilities() : nullptr;
}

double heal_nearest(const heal_workspace *workspace)
{
  return workspace && workspace->kernel ? workspace->workspace.nearest() : 0.0;
}

int heal_apply_mobilities(heal_workspace *workspace, double *vectors)
{
  return attempt([&]() {
    require(workspace && workspace->has_mobilities,
            "heal_apply_mobilities comes after heal_pair_forces, before any layer");
    check_vectors(vectors, workspace->workspace.n_vectors());
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
    check_vectors(vectors, workspace->workspace.n_vectors());
    workspace->has_mobilities = false;
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

int heal_is_any_too_near(const heal_atoms *atoms, const double *vectors, const heal_floor *floor,
                         int32_t *is_any)
{
  return attempt([&]() {
    require(atoms && floor && is_any, "atoms, floor or is_any is null");
    check_listed_pairs(*atoms);
    require(vectors || atoms->n_atoms == 0, "vectors is null");
    *is_any = is_any_too_near(*atoms, vectors, *floor);
    return HEAL_OK;
  });
}

int heal_close_pairs(const heal_atoms *atoms, double reach, int64_t capacity, int32_t *pairs,
                     int64_t *n_pairs)
{
  return attempt([&]() {
    require(atoms && n_pairs, "atoms or n_pairs is null");
    check_listed_pairs(*atoms);
    require(capacity >= 0 && (pairs || capacity == 0), "capacity is negative, or pairs is null");
    *n_pairs = find_close_pairs(*atoms, reach, capacity, pairs);
    return HEAL_OK;
  });
}
