#include "kernel.h"

#include "dispatch.h"
#include "threads.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <iterator>

using namespace lammps_heal;

static constexpr double ROUNDING = 1.0e-5;    // of distances in float32

void Workspace::apply_mobilities(double *vectors) const
{
  const float *b = task.mobilities;
  for (int64_t k = 0; k < task.n_centres; k++) {
    double *const vector = vectors + 4 * (task.centres ? task.centres[k] : k);
    const double force[3] = {vector[0], vector[1], vector[2]};
    for (int d = 0; d < 3; d++, b += 3)
      vector[d] = round_to_fixed_point(b[0] * force[0] + b[1] * force[1] + b[2] * force[2]);
  }
}

size_t Workspace::n_bytes() const
{
  return positions.n_bytes() + centres.n_bytes() + half.n_bytes() + n_half.n_bytes() + half_begin.n_bytes() +
         shared.n_bytes() + sums.n_bytes();
}

void Workspace::set(const heal_atoms &atoms, int n_species)
{
  task = {};
  n_atoms = atoms.n_atoms;
  n_threads = atoms.n_threads;
  double *const padded = positions.ensure_capacity(4 * n_atoms);
  for (int64_t i = 0; i < n_atoms; i++) {
    std::copy_n(atoms.positions + 3 * i, 3, padded + 4 * i);
    padded[4 * i + 3] = 0.0;
  }
  task.positions = padded;
  task.n_centres = atoms.n_centres;
  if (atoms.centres) {
    int32_t *const kept = centres.ensure_capacity(atoms.n_centres);
    std::copy_n(atoms.centres, atoms.n_centres, kept);
    task.centres = kept;
  }
  task.first = atoms.first;
  task.neighbours = atoms.neighbours;
  task.species = n_species > 1 ? atoms.species : nullptr;
  task.length_scale = atoms.length_scale;
  task.overlap[0] = task.overlap[1] = -1;
  task.mobilities = shared.ensure_capacity(9 * atoms.n_centres);
  // Less than half of it is written, and most of the rest never touched.
  task.half = half.ensure_capacity(set_lists(atoms));
}

// Returns how long all half neighbour lists may be.
int64_t Workspace::set_lists(const heal_atoms &atoms)
{
  int64_t *const begin = half_begin.ensure_capacity(atoms.n_centres / CHUNK_ATOMS + 1);
  int64_t n = 0, most_edges = 1;
  for (int64_t k = 0; k < atoms.n_centres; k++) {
    if (k % CHUNK_ATOMS == 0) {
      begin[k / CHUNK_ATOMS] = n;
      n += EDGE_PADDING;
    }
    const int64_t centre = atoms.centres ? atoms.centres[k] : k;
    const int64_t n_edges = atoms.first[centre + 1] - atoms.first[centre];
    n += n_edges;
    most_edges = std::max(most_edges, n_edges);
  }
  task.half_begin = begin;
  task.n_half = n_half.ensure_capacity(atoms.n_centres);
  task.most_edges = (most_edges + EDGE_PADDING - 1) / EDGE_PADDING * EDGE_PADDING;
  return n;
}

Kernel::Kernel(const heal_weights &weights, const char *instruction_set) :
    own_functions(&find_instruction_set(instruction_set)),
    own_weights(weights, own_functions->width(weights.n_channels))
{
}

void Kernel::pair_forces(const heal_atoms &atoms, Workspace &workspace, double *vectors,
                         int64_t *overlap) const
{
  workspace.set(atoms, own_weights.packed().n_species);
  std::fill_n(vectors, 4 * atoms.n_atoms, 0.0);
  std::fill_n(workspace.task.nearest_squares, EDGE_PADDING,
              static_cast<float>(std::pow(own_weights.cutoff() * atoms.length_scale, 2)));
  const float square = run(own_functions->pair_forces, workspace, vectors, overlap);
  workspace.nearest_distance = (1.0 - ROUNDING) * std::sqrt(static_cast<double>(square));
}

void Kernel::message_layer(Workspace &workspace, int layer, double *vectors) const
{
  const int64_t n_values = 4 * workspace.n_atoms;
  float *const v_in = workspace.shared.ensure_capacity(n_values);
  for (int64_t i = 0; i < n_values; i++) {
    vectors[i] = round_to_fixed_point(vectors[i]);
    v_in[i] = static_cast<float>(vectors[i]);
  }
  workspace.task.layer = layer;
  workspace.task.v_in = v_in;
  int64_t overlap[2];
  run(own_functions->message_layer, workspace, vectors, overlap);
}

// Each thread adds to an array of its own, since its centres' neighbours may be another's centres; the first
// adds to the vectors. Work chunks are taken one at a time, since a processor may be shared; no atom's
// numbers depend on what else is in its chunk.
float Kernel::run(void (*stage)(const PackedWeights &, ThreadTask &), Workspace &workspace, double *vectors,
                  int64_t *overlap) const
{
  const int64_t n_values = 4 * workspace.n_atoms, n_centres = workspace.task.n_centres;
  const int64_t n_chunks = (n_centres + CHUNK_ATOMS - 1) / CHUNK_ATOMS;
  const auto n_tasks = std::clamp<int64_t>(workspace.n_threads, 1, std::max<int64_t>(n_chunks, 1));
  std::vector<ThreadTask> tasks(n_tasks, workspace.task);
  std::vector<Buffer<float>> scratches(n_tasks);
  double *const others = workspace.sums.zeros((n_tasks - 1) * n_values);
  for (int64_t k = 0; k < n_tasks; k++) {
    tasks[k].sums = k == 0 ? vectors : others + (k - 1) * n_values;
    tasks[k].scratch =
        scratches[k].zeros(own_functions->scratch_floats(own_weights.packed(), tasks[k].most_edges));
  }
  std::atomic<int64_t> next = 0;
  in_threads(static_cast<int>(n_tasks), [&](int k) {
    ThreadTask &task = tasks[k];
    while ((task.begin = next.fetch_add(CHUNK_ATOMS)) < n_centres) {
      task.end = std::min<int64_t>(task.begin + CHUNK_ATOMS, n_centres);
      stage(own_weights.packed(), task);
    }
  });
  std::copy_n(tasks[0].overlap, 2, overlap);
  float nearest_square = workspace.task.nearest_squares[0];
  for (const auto &task : tasks)
    nearest_square = std::min(
        nearest_square, *std::min_element(std::begin(task.nearest_squares), std::end(task.nearest_squares)));
  for (int64_t k = 1; k < n_tasks; k++) {
    std::transform(tasks[k].sums, tasks[k].sums + n_values, vectors, vectors, std::plus());
    if (tasks[k].overlap[0] >= 0 && (overlap[0] < 0 || tasks[k].overlap[0] < overlap[0]))
      std::copy_n(tasks[k].overlap, 2, overlap);
  }
  return nearest_square;
}
