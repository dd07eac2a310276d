#include "cuda_kernel.h"

#include "weights.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <string_view>

using namespace lammps_heal;

static constexpr int WIDTH = 4;                    // channels that a thread loads together
static constexpr double WIDER = 1.0 + 1.0e-6;      // cells than the cutoff: more than their numbers' rounding
static constexpr double ROUNDING = 1.0e-5;         // of distances in float32
static constexpr int64_t LEAST_BUCKETS = 64;       // so that cells side by side have buckets of their own
static constexpr uint64_t BUCKETS_PER_ATOM = 2;    // of which most are empty

CudaWorkspace::CudaWorkspace(std::shared_ptr<const Card> card) :
    own_card(card), positions(card), vectors(card), ids(card), buckets(card), sums(card), first(card),
    overlap(card), shortest(card), placed(card), species(card), centres(card), unordered(card),
    neighbours(card), edges(card), weights_of_edges(card), moments(card), mixed(card), invariants(card),
    hidden(card), more_hidden(card), outputs(card), tensors(card), v_in(card)
{
}

const float *CudaWorkspace::mobilities()
{
  tensors_here.resize(9 * task.nlocal);
  tensors.copy_to_host(tensors_here.data(), tensors_here.size());
  return tensors_here.data();
}

void CudaWorkspace::apply_mobilities(double *host_vectors)
{
  task.vectors = vectors.copy(host_vectors, 4 * task.nlocal);
  own_card->start("apply_mobilities", task, task.nlocal);
  vectors.copy_to_host(host_vectors, 4 * task.nlocal);
}

size_t CudaWorkspace::n_bytes() const
{
  size_t sum = 0;
  for (const auto *of_floats :
       {&weights_of_edges, &moments, &mixed, &invariants, &hidden, &more_hidden, &outputs, &tensors, &v_in})
    sum += of_floats->n_bytes();
  for (const auto *of_integers : {&ids, &buckets, &sums, &first, &overlap})
    sum += of_integers->n_bytes();
  for (const auto *of_integers : {&species, &centres, &unordered, &neighbours})
    sum += of_integers->n_bytes();
  return sum + shortest.n_bytes() + positions.n_bytes() + vectors.n_bytes() + placed.n_bytes() +
         edges.n_bytes() + tensors_here.capacity() * sizeof(float);
}

void CudaWorkspace::set(const heal_atoms &atoms, const PackedWeights &weights)
{
  task = {};
  task.weights = weights;
  task.n_atoms = atoms.n_atoms;
  task.nlocal = atoms.nlocal;
  task.length_scale = static_cast<float>(atoms.length_scale);
  task.cutoff = static_cast<float>(weights.cutoff * atoms.length_scale);
  task.intervals_per_length = weights.intervals_per_length * static_cast<float>(1.0 / atoms.length_scale);
  task.positions = positions.copy(atoms.positions, 3 * atoms.n_atoms);
  task.ids = atoms.ids ? ids.copy(atoms.ids, atoms.n_atoms) : nullptr;
  task.species = weights.n_species > 1 ? species.copy(atoms.species, atoms.n_atoms) : nullptr;
  task.cells_per_length = 1.0 / (WIDER * task.cutoff);
  auto is_finite = [&](int64_t i) {
    return std::all_of(atoms.positions + 3 * i, atoms.positions + 3 * i + 3,
                       [](double x) { return std::isfinite(x); });
  };
  for (int64_t i = 0; i < atoms.n_atoms; i++)
    if (is_finite(i)) {
      std::copy_n(atoms.positions + 3 * i, 3, task.origin);
      break;
    }
}

int64_t CudaWorkspace::number_at(const int64_t *on_card) const
{
  int64_t number;
  own_card->copy_from_card(&number, reinterpret_cast<uint64_t>(on_card), sizeof number);
  return number;
}

// Each of n numbers becomes the sum of those before it. more: room for sums, a little more than n /
// (SUM_LENGTH - 1).
void CudaWorkspace::sum_before(int64_t *numbers, int64_t n, int64_t *more)
{
  const int64_t n_sums = (n + SUM_LENGTH - 1) / SUM_LENGTH;
  auto start = [&](const char *stage) {
    task.summed = numbers;
    task.n_summed = n;
    task.sums = more;
    own_card->start(stage, task, n_sums);
  };
  start("add_up");
  if (n_sums > 1)
    sum_before(more, n_sums, more + n_sums);
  else
    own_card->fill(reinterpret_cast<uint64_t>(more), 0, sizeof(int64_t));
  start("add_those_before");
}

void CudaWorkspace::find_edges()
{
  task.n_buckets = static_cast<int64_t>(std::bit_ceil(
      std::max<uint64_t>(LEAST_BUCKETS, BUCKETS_PER_ATOM * static_cast<uint64_t>(task.n_atoms))));
  int64_t *const room = sums.ensure_capacity(task.n_buckets / (SUM_LENGTH - 1) + SUM_LENGTH);
  task.buckets = buckets.zeros(task.n_buckets);
  own_card->start("count_buckets", task, task.n_atoms);
  sum_before(task.buckets, task.n_buckets, room);
  task.placed = placed.ensure_capacity(task.n_atoms);
  own_card->start("place_atoms", task, task.n_atoms);
  task.n_placed = number_at(task.buckets + task.n_buckets - 1);

  task.first = first.zeros(task.nlocal + 1);
  own_card->start("count_edges", task, task.n_placed);
  sum_before(task.first, task.nlocal + 1, room);
  task.n_edges = number_at(task.first + task.nlocal);
  task.centres = centres.ensure_capacity(task.n_edges);
  task.unordered = unordered.ensure_capacity(task.n_edges);
  own_card->start("find_edges", task, task.n_placed);

  task.neighbours = neighbours.ensure_capacity(task.n_edges);
  task.edges = edges.ensure_capacity(task.n_edges);
  task.overlap = overlap.copy(&NO_OVERLAP, 1);
  auto bits = std::bit_cast<unsigned>(task.cutoff);
  task.nearest = shortest.copy(&bits, 1);
  own_card->start("order_edges", task, task.n_edges);
  shortest.copy_to_host(&bits, 1);
  nearest_distance = (1.0 - ROUNDING) * static_cast<double>(std::bit_cast<float>(bits));
}

CudaKernel::CudaKernel(const heal_weights &given, int number) : own_card(std::make_shared<Card>(number))
{
  own_name = "cuda:" + std::to_string(own_card->number());
  const Weights here(given, WIDTH);
  weights = here.packed();
  const auto n = static_cast<size_t>(weights.n_channels), n_hidden = static_cast<size_t>(weights.n_hidden),
             n_outputs = static_cast<size_t>(weights.n_outputs),
             n_intervals = static_cast<size_t>(weights.n_intervals),
             n_species = static_cast<size_t>(weights.n_species);
  const size_t n_radial = n_species * n_intervals * N_COEFFICIENTS * N_DEGREES * n;
  weights.r = copy(weights.r, n_radial);
  weights.q = copy(weights.q, n_radial);
  weights.messages = copy(weights.messages, weights.n_layers * n_intervals * MESSAGE_ROW);
  weights.mixing = copy(weights.mixing, N_MIXED * n * n);
  const size_t sizes[] = {N_DEGREES * n, n_hidden, n_hidden, n_outputs};
  for (int k = 0; k < N_DENSE; k++) {
    weights.weights[k] = copy(weights.weights[k], sizes[k] * sizes[k + 1]);
    weights.biases[k] = copy(weights.biases[k], sizes[k + 1]);
  }
  if (n_species > 1)
    weights.species_bias = copy(weights.species_bias, n_species * n_hidden);
}

const float *CudaKernel::copy(const float *from, size_t n)
{
  owned.push_back(std::make_unique<CardBuffer<float>>(own_card));
  return owned.back()->copy(from, n);
}

void CudaKernel::run_per_atom_network(CudaWorkspace &workspace) const
{
  auto &task = workspace.task;
  const int sizes[] = {N_DEGREES * weights.n_channels, weights.n_hidden, weights.n_hidden, weights.n_outputs};
  float *const outs[] = {workspace.hidden.ensure_capacity(task.nlocal * sizes[1]),
                         workspace.more_hidden.ensure_capacity(task.nlocal * sizes[2]),
                         workspace.outputs.ensure_capacity(task.nlocal * sizes[3])};
  task.in = task.invariants;
  const int64_t n_rows = (task.nlocal + ROW_ATOMS - 1) / ROW_ATOMS;
  for (int k = 0; k < N_DENSE; k++) {
    task.dense = k;
    task.n_in = sizes[k];
    task.n_out = sizes[k + 1];
    task.out = outs[k];
    own_card->start("dense_layer", task, n_rows * task.n_out);
    task.in = outs[k];
  }
  task.outputs = outs[N_DENSE - 1];
}

void CudaKernel::pair_forces(const heal_atoms &atoms, CudaWorkspace &workspace, double *vectors,
                             int64_t *overlap) const
{
  auto &task = workspace.task;
  workspace.set(atoms, weights);
  workspace.find_edges();
  const int64_t found = workspace.number_at(task.overlap);
  overlap[0] = found == NO_OVERLAP ? -1 : found >> 32;
  overlap[1] = found == NO_OVERLAP ? -1 : found & INT32_MAX;
  if (found != NO_OVERLAP)
    return;
  const int64_t n_channels = weights.n_channels, n_of_channels = task.nlocal * n_channels;
  task.moments = workspace.moments.ensure_capacity(N_HARMONICS * n_of_channels);
  task.mixed = workspace.mixed.ensure_capacity(N_HARMONICS * n_of_channels);
  task.invariants = workspace.invariants.ensure_capacity(N_DEGREES * n_of_channels);
  own_card->start("sum_moments", task, n_of_channels);
  own_card->start("mix_moments", task, n_of_channels);
  run_per_atom_network(workspace);
  task.mobilities = workspace.tensors.ensure_capacity(9 * task.nlocal);
  own_card->start("write_mobilities", task, task.nlocal);
  own_card->start("gate_moments", task, n_of_channels);
  task.edge_weights = workspace.weights_of_edges.ensure_capacity(task.n_edges);
  own_card->start("weigh_edges", task, task.n_edges);
  task.vectors = workspace.vectors.zeros(4 * task.n_atoms);
  own_card->start("add_forces", task, task.nlocal * PARTS);
  workspace.vectors.copy_to_host(vectors, 4 * task.n_atoms);
}

void CudaKernel::message_layer(CudaWorkspace &workspace, int layer, double *vectors) const
{
  auto &task = workspace.task;
  task.layer = layer;
  task.vectors = workspace.vectors.copy(vectors, 4 * task.n_atoms);
  task.v_in = workspace.v_in.ensure_capacity(4 * task.n_atoms);
  own_card->start("round_vectors", task, task.n_atoms);
  own_card->start("add_messages", task, task.nlocal * PARTS);
  workspace.vectors.copy_to_host(vectors, 4 * task.nlocal);
}

int lammps_heal::number_of_card(const char *instruction_set)
{
  constexpr std::string_view prefix = "cuda";
  const std::string_view name = instruction_set ? instruction_set : "";
  if (!name.starts_with(prefix))
    return -1;
  if (name == prefix)
    return 0;
  int number = -1;
  const char *const end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + prefix.size() + 1, end, number);
  return name[prefix.size()] == ':' && read.ec == std::errc() && read.ptr == end ? number : -1;
}
