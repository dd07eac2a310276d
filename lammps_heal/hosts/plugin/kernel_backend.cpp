#include "kernel_backend.h"

#include <new>
#include <stdexcept>

using namespace lammps_heal;

static void require(int status)
{
  if (status != HEAL_OK)
    throw std::runtime_error(heal_last_error());
}

std::shared_ptr<const heal_kernel> lammps_heal::create_kernel(const Model &model,
                                                              const std::string &instruction_set)
{
  heal_weights weights = {};
  weights.n_channels = model.n_channels;
  weights.n_hidden = model.n_hidden;
  weights.n_layers = model.n_layers;
  weights.n_intervals = model.n_intervals;
  weights.n_species = model.n_species;
  weights.cutoff = model.cutoff;
  weights.radial = model.radial.data();
  weights.messages = model.messages.data();
  weights.mixing = model.mixing.data();
  for (int k = 0; k < 3; k++) {
    weights.weights[k] = model.weights[k].data();
    weights.biases[k] = model.biases[k].data();
  }
  weights.species_factors = model.species_factors.data();
  weights.species_bias = model.species_bias.data();
  heal_kernel *const kernel = heal_kernel_create(&weights, instruction_set.c_str());
  if (!kernel)
    throw std::runtime_error(heal_last_error());
  return {kernel, [](const heal_kernel *unused) { heal_kernel_destroy(const_cast<heal_kernel *>(unused)); }};
}

KernelBackend::KernelBackend(std::shared_ptr<const heal_kernel> kernel, int n_layers) :
    kernel(std::move(kernel)), workspace(heal_workspace_create()), layers(n_layers)
{
  if (!workspace)
    throw std::bad_alloc();
}

void KernelBackend::pair_forces(const heal_atoms &atoms, const int64_t *ids, double *vectors)
{
  auto atoms_and_ids = atoms;
  atoms_and_ids.ids = ids;
  int64_t overlap[2];
  const int status = heal_pair_forces(kernel.get(), workspace.get(), &atoms_and_ids, vectors, overlap);
  if (status == HEAL_OVERLAP)
    throw OverlapError(overlap[0], overlap[1]);
  require(status);
}

void KernelBackend::apply_mobilities(double *vectors)
{
  require(heal_apply_mobilities(workspace.get(), vectors));
}

void KernelBackend::message_layer(int layer, double *vectors)
{
  require(heal_message_layer(kernel.get(), workspace.get(), layer, vectors));
}

double KernelBackend::n_bytes() const
{
  return static_cast<double>(heal_workspace_bytes(workspace.get()));
}

NeighbourList::NeighbourList() : list(heal_list_create())
{
  if (!list)
    throw std::bad_alloc();
}

void NeighbourList::build(const double *positions, const int64_t *ids, int64_t nlocal, int64_t n_atoms,
                          double cutoff, int n_threads)
{
  require(heal_list_build(list.get(), positions, ids, nlocal, n_atoms, cutoff, n_threads, ""));
}

void Vectors::resize(int64_t n)
{
  if (n <= capacity)
    return;
  numbers.reset();
  capacity = 0;
  numbers.reset(heal_vectors_create(numbers.get_deleter().kernel, n));
  if (!numbers)
    throw std::bad_alloc();
  capacity = n;
}
