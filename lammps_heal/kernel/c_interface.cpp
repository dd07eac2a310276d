// heal_kernel.h: arguments are checked here, and exceptions become a status and a message.

#include "heal_kernel.h"

#include "neighbour_list.h"
#include "network_kernel.h"
#include "status.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include <unistd.h>

using namespace lammps_heal;

struct heal_kernel {
  Kernel kernel;
};
struct heal_workspace {
  KernelStep step;
  const heal_kernel *kernel = nullptr;    // of the last pair forces; null where they failed
  bool has_mobilities = false;
};
struct heal_list {
  NeighbourList list;
  bool is_built = false;
};

namespace
{

constexpr int64_t MOST_ATOMS = INT32_MAX - ATOMS_DEALT;    // their numbers are int32
constexpr int64_t MOST_EDGES = INT32_MAX - ATOMS_DEALT;    // of one atom
// Sizes beyond what anyone trains, at which products of sizes still fit 64 bits.
constexpr int MOST_CHANNELS = 1 << 10, MOST_HIDDEN = 1 << 14, MOST_LAYERS = 1 << 10, MOST_INTERVALS = 1 << 20;
constexpr int THREADS_PER_PROCESSOR = 4;
// Å: cutoffs whose square, and that of what is within them, is an ordinary float.
constexpr double SHORTEST_CUTOFF = 1.0e-3, LONGEST_CUTOFF = 1.0e9;

int max_threads()
{
  const long n = sysconf(_SC_NPROCESSORS_ONLN);
  return THREADS_PER_PROCESSOR * static_cast<int>(std::clamp(n, 1L, 1L << 16));
}

void require_size(const char *name, int n, int least, int most)
{
  require(n >= least && n <= most, "%s is %d, needed %d to %d: the model file is damaged", name, n, least,
          most);
}

void require_finite(const char *name, const float *values, size_t n)
{
  require(values != nullptr || n == 0, "%s is null", name);
  const bool is_finite = std::all_of(values, values + n, [](float value) { return std::isfinite(value); });
  require(is_finite, "%s has a number that is not finite: the model file is damaged", name);
}

void require_threads(int n_threads)
{
  require(n_threads >= 1 && n_threads <= max_threads(),
          "threads must be 1 to %d, four times this machine's processors, got %d", max_threads(), n_threads);
}

void require_cutoff(double cutoff)
{
  require(cutoff >= SHORTEST_CUTOFF && cutoff <= LONGEST_CUTOFF,
          "the cutoff is %g Å, needed %g to %g Å: give the lattice constant in Å", cutoff, SHORTEST_CUTOFF,
          LONGEST_CUTOFF);
}

void check(const heal_weights &weights)
{
  require_size("n_channels", weights.n_channels, 1, MOST_CHANNELS);
  require_size("n_hidden", weights.n_hidden, 1, MOST_HIDDEN);
  require_size("n_layers", weights.n_layers, 0, MOST_LAYERS);
  require_size("n_intervals", weights.n_intervals, 1, MOST_INTERVALS);
  require_cutoff(weights.cutoff);
  const size_t n = weights.n_channels, n_hidden = weights.n_hidden, n_layers = weights.n_layers;
  const size_t n_rows = size_t(N_COEFFICIENTS) * weights.n_intervals;
  require_finite("radial", weights.radial, n_rows * 2 * N_DEGREES * n);
  require_finite("messages", weights.messages, n_rows * 2 * n_layers);
  require_finite("mixing", weights.mixing, N_DEGREES * n * n);
  const size_t sizes[] = {N_DEGREES * n, n_hidden, n_hidden, (N_DEGREES + 1) * n + 1};
  for (int layer = 0; layer < 3; layer++) {
    require_finite("weights", weights.weights[layer], sizes[layer] * sizes[layer + 1]);
    require_finite("biases", weights.biases[layer], sizes[layer + 1]);
  }
}

void check_sizes(int64_t nlocal, int64_t n_atoms, const double *positions)
{
  require(n_atoms >= 0 && n_atoms <= MOST_ATOMS, "n_atoms is %lld, needed 0 to %lld: use more ranks",
          static_cast<long long>(n_atoms), static_cast<long long>(MOST_ATOMS));
  require(nlocal >= 0 && nlocal <= n_atoms, "nlocal is %lld, needed 0 to n_atoms, %lld",
          static_cast<long long>(nlocal), static_cast<long long>(n_atoms));
  require(positions != nullptr || n_atoms == 0, "positions is null");
}

void check_list(const heal_atoms &atoms)
{
  require(atoms.first != nullptr || atoms.nlocal == 0, "first is null");
  if (atoms.nlocal == 0)
    return;
  require(atoms.first[0] >= 0, "first[0] is negative");
  for (int64_t i = 0; i < atoms.nlocal; i++) {
    // Not as a difference, which may overflow.
    const bool is_right =
        atoms.first[i + 1] >= atoms.first[i] && atoms.first[i + 1] - MOST_EDGES <= atoms.first[i];
    require(is_right, "first decreases, or an atom has too many neighbours, at atom %lld",
            static_cast<long long>(i));
  }
  const int64_t begin = atoms.first[0], end = atoms.first[atoms.nlocal];
  require(atoms.neighbours != nullptr || begin == end, "neighbours is null");
  uint32_t largest = 0;    // a negative one is larger than all
  for (int64_t k = begin; k < end; k++)
    largest = std::max(largest, static_cast<uint32_t>(atoms.neighbours[k]));
  require(begin == end || largest < atoms.n_atoms, "a neighbour is %d, needed 0 to n_atoms - 1, %lld",
          static_cast<int32_t>(largest), static_cast<long long>(atoms.n_atoms - 1));
}

void check_centres(const heal_atoms &atoms)
{
  require(atoms.n_centres >= 0 && atoms.n_centres <= atoms.nlocal,
          "n_centres is %lld, needed 0 to nlocal, %lld", static_cast<long long>(atoms.n_centres),
          static_cast<long long>(atoms.nlocal));
  if (!atoms.centres)
    return;
  int64_t last = -1;
  for (int64_t k = 0; k < atoms.n_centres; last = atoms.centres[k++])
    require(atoms.centres[k] > last && atoms.centres[k] < atoms.nlocal,
            "centre %lld is %d, needed more than the one before, and less than nlocal",
            static_cast<long long>(k), atoms.centres[k]);
}

void check_vectors(const double *vectors, int64_t n_atoms)
{
  require(vectors != nullptr || n_atoms == 0, "vectors is null");
  require(reinterpret_cast<uintptr_t>(vectors) % HEAL_ALIGNMENT == 0, "vectors are not aligned to %d bytes",
          HEAL_ALIGNMENT);
}

std::string name_of(const char *instruction_set)
{
  return instruction_set ? instruction_set : "";
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
  return max_threads();
}

const char *heal_instruction_sets()
{
  static char names[64];
  static const bool is_known = []() {
    std::string all;
    for (const auto &name : Kernel::instruction_sets())
      all += (all.empty() ? "" : " ") + name;
    std::snprintf(names, sizeof names, "%s", all.c_str());
    return true;
  }();
  return is_known ? names : "";
}

heal_kernel *heal_kernel_create(const heal_weights *weights, const char *instruction_set)
{
  heal_kernel *made = nullptr;
  attempt([&]() {
    require(weights != nullptr, "weights is null");
    check(*weights);
    made = new heal_kernel{Kernel(*weights, name_of(instruction_set))};
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
  return kernel ? kernel->kernel.instruction_set() : "";
}

heal_workspace *heal_workspace_create()
{
  auto *made = new (std::nothrow) heal_workspace;
  if (!made)
    set_error("there is not enough memory");
  return made;
}

void heal_workspace_destroy(heal_workspace *workspace)
{
  delete workspace;
}

int64_t heal_workspace_bytes(const heal_workspace *workspace)
{
  return workspace ? static_cast<int64_t>(workspace->step.n_bytes()) : 0;
}

int heal_pair_forces(const heal_kernel *kernel, heal_workspace *workspace, const heal_atoms *atoms,
                     double *vectors, int64_t *overlap)
{
  return attempt([&]() {
    require(kernel && workspace && atoms, "kernel, workspace or atoms is null");
    workspace->kernel = nullptr;
    workspace->has_mobilities = false;
    check_sizes(atoms->nlocal, atoms->n_atoms, atoms->positions);
    check_list(*atoms);
    check_centres(*atoms);
    check_vectors(vectors, atoms->n_atoms);
    require_threads(atoms->n_threads);
    require(atoms->length_scale > 0.0 && std::isfinite(atoms->length_scale),
            "length_scale is %g, needed more than 0", atoms->length_scale);
    require_cutoff(kernel->kernel.cutoff() * atoms->length_scale);
    int64_t found[2];
    kernel->kernel.forces(atoms->positions, atoms->n_atoms, atoms->centres, atoms->n_centres, atoms->first,
                          atoms->neighbours, atoms->length_scale, atoms->n_threads, vectors, workspace->step,
                          found);
    if (overlap)
      std::copy_n(found, 2, overlap);
    if (found[0] >= 0) {
      std::snprintf(
          error_text(), ERROR_LENGTH, "atoms %lld and %lld are at one place, nearer than %g Å: delete one",
          static_cast<long long>(found[0]), static_cast<long long>(found[1]), HEAL_SMALLEST_DISTANCE);
      return static_cast<int>(HEAL_OVERLAP);
    }
    workspace->kernel = kernel;
    workspace->has_mobilities = true;
    return static_cast<int>(HEAL_OK);
  });
}

const float *heal_mobilities(const heal_workspace *workspace)
{
  return workspace && workspace->has_mobilities ? workspace->step.mobilities() : nullptr;
}

int heal_apply_mobilities(heal_workspace *workspace, double *vectors)
{
  return attempt([&]() {
    require(workspace && workspace->has_mobilities,
            "mobilities are there after heal_pair_forces, before layers alone");
    const KernelTask &task = workspace->step.task();
    check_vectors(vectors, task.n_centres);
    const float *b = task.mobilities;
    for (int64_t k = 0; k < task.n_centres; k++) {
      double *const vector = vectors + 4 * (task.centres ? task.centres[k] : k);
      const double force[3] = {vector[0], vector[1], vector[2]};
      for (int d = 0; d < 3; d++, b += 3)
        vector[d] = on_grid(b[0] * force[0] + b[1] * force[1] + b[2] * force[2]);
    }
    return HEAL_OK;
  });
}

int heal_message_layer(const heal_kernel *kernel, heal_workspace *workspace, int32_t layer, double *vectors)
{
  return attempt([&]() {
    require(kernel && workspace, "kernel or workspace is null");
    require(workspace->kernel == kernel,
            "heal_message_layer comes after heal_pair_forces of the same kernel");
    require(layer >= 0 && layer < kernel->kernel.n_layers(), "layer is %d, the model has %d", layer,
            kernel->kernel.n_layers());
    check_vectors(vectors, 1);
    workspace->has_mobilities = false;
    kernel->kernel.message_layer(workspace->step, layer, vectors);
    return HEAL_OK;
  });
}

heal_list *heal_list_create()
{
  auto *made = new (std::nothrow) heal_list;
  if (!made)
    set_error("there is not enough memory");
  return made;
}

void heal_list_destroy(heal_list *list)
{
  delete list;
}

int heal_list_build(heal_list *list, const double *positions, const int64_t *ids, int64_t nlocal,
                    int64_t n_atoms, double cutoff, int32_t n_threads, const char *instruction_set)
{
  return attempt([&]() {
    require(list != nullptr, "list is null");
    list->is_built = false;
    check_sizes(nlocal, n_atoms, positions);
    require(ids != nullptr || n_atoms == 0, "ids is null");
    for (int64_t i = 0; i < n_atoms; i++)
      require(ids[i] >= 0, "the id of atom %lld is %lld, needed 0 or more", static_cast<long long>(i),
              static_cast<long long>(ids[i]));
    require_cutoff(cutoff);
    require_threads(n_threads);
    find_neighbours(positions, ids, nlocal, n_atoms, cutoff, n_threads, list->list, name_of(instruction_set));
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
  if (!list)
    return 0;
  return static_cast<int64_t>(list->list.first.capacity() * sizeof(int64_t)) +
         list->list.capacity * static_cast<int64_t>(sizeof(int32_t));
}
