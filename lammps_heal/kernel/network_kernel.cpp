#include "network_kernel.h"

#include "threads.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <random>
#include <stdexcept>

using namespace lammps_heal;

// Å. Measured on the shipped model: quadratics of this length are as exact as float32, and faster than longer
// cubics; straight lines would need tables that leave the cache.
static constexpr double INTERVAL = 0.0125;

static float *zeros(Buffer<float> &buffer, size_t n)
{
  float *const numbers = buffer.room_for(n);
  std::fill_n(numbers, n, 0.0f);
  return numbers;
}

float *Kernel::keep(size_t n)
{
  owned.emplace_back();
  return zeros(owned.back(), n);
}

static int number_of_intervals(double cutoff)
{
  return std::max(1, static_cast<int>(std::ceil(cutoff / INTERVAL)));
}

// Chebyshev points of an interval, as places from -1/2 to 1/2.
static double sample_place(int k)
{
  return -0.5 * std::cos(M_PI * (2 * k + 1) / (2.0 * N_COEFFICIENTS));
}

std::vector<float> Kernel::sample_distances(double cutoff)
{
  std::vector<float> distances;
  const int n = number_of_intervals(cutoff);
  for (int i = 0; i < n; i++)
    for (int k = 0; k < N_COEFFICIENTS; k++)
      distances.push_back(static_cast<float>((i + 0.5 + sample_place(k)) * cutoff / n));
  return distances;
}

static std::vector<const KernelLoops *> usable_loops()
{
  std::vector<const KernelLoops *> usable;
#ifdef HEAL_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    usable.push_back(&avx512_loops);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    usable.push_back(&avx2_loops);
#endif
  usable.push_back(&portable_loops);
  return usable;
}

const KernelLoops &lammps_heal::loops_of(const std::string &instruction_set)
{
  for (const auto *loops : usable_loops())
    if (instruction_set.empty() || instruction_set == loops->name)
      return *loops;
  throw std::runtime_error("this machine has no instruction set \"" + instruction_set + "\"");
}

std::vector<std::string> Kernel::instruction_sets()
{
  std::vector<std::string> names;
  for (const auto *loops : usable_loops())
    names.emplace_back(loops->name);
  return names;
}

// Coefficients of powers of the place, of the polynomial through the values at the sample places.
static void fit_polynomial(const float *const *samples, size_t column, double *coefficients)
{
  std::fill_n(coefficients, N_COEFFICIENTS, 0.0);
  for (int k = 0; k < N_COEFFICIENTS; k++) {
    // Lagrange's polynomial of sample k.
    double product[N_COEFFICIENTS] = {1.0}, scale = 1.0;
    int degree = 0;
    for (int other = 0; other < N_COEFFICIENTS; other++) {
      if (other == k)
        continue;
      for (int power = ++degree; power >= 0; power--)
        product[power] = (power > 0 ? product[power - 1] : 0.0) - sample_place(other) * product[power];
      scale *= sample_place(k) - sample_place(other);
    }
    for (int power = 0; power < N_COEFFICIENTS; power++)
      coefficients[power] += product[power] / scale * static_cast<double>(samples[k][column]);
  }
}

static int padded(int n, int to)
{
  return (n + to - 1) / to * to;
}

// For the plugin, until it reads packed weights.
static std::vector<float> packed(const float *samples, int n_intervals, size_t n_columns)
{
  std::vector<float> all(n_intervals * N_COEFFICIENTS * n_columns);
  for (int i = 0; i < n_intervals; i++) {
    const float *rows[N_COEFFICIENTS];
    for (int k = 0; k < N_COEFFICIENTS; k++)
      rows[k] = samples + (static_cast<size_t>(i) * N_COEFFICIENTS + k) * n_columns;
    for (size_t column = 0; column < n_columns; column++) {
      double coefficients[N_COEFFICIENTS];
      fit_polynomial(rows, column, coefficients);
      for (int power = 0; power < N_COEFFICIENTS; power++)
        all[(static_cast<size_t>(i) * N_COEFFICIENTS + power) * n_columns + column] =
            static_cast<float>(coefficients[power]);
    }
  }
  return all;
}

struct Packed {
  std::vector<float> radial, messages;
  heal_weights weights;
};

static Packed packed(const NetworkNumbers &network)
{
  const int n_intervals = number_of_intervals(network.cutoff);
  Packed all = {packed(network.radial_samples, n_intervals, size_t(2) * N_DEGREES * network.n_channels),
                packed(network.message_samples, n_intervals, size_t(2) * network.n_layers),
                {}};
  all.weights = {network.n_channels,
                 network.n_hidden,
                 network.n_layers,
                 n_intervals,
                 network.cutoff,
                 all.radial.data(),
                 all.messages.data(),
                 network.mixing,
                 {network.weights[0], network.weights[1], network.weights[2]},
                 {network.biases[0], network.biases[1], network.biases[2]}};
  return all;
}

Kernel::Kernel(const NetworkNumbers &network, const std::string &instruction_set) :
    Kernel(packed(network).weights, instruction_set)
{
}

Kernel::Kernel(const heal_weights &network, const std::string &instruction_set) :
    loops(&loops_of(instruction_set)), numbers()
{
  const int width = loops->width(network.n_channels);
  const int n = network.n_channels, n_padded = padded(n, width);
  const int n_hidden = padded(network.n_hidden, EDGE_PADDING);    // lanes of the widest vector
  const int n_inputs = N_DEGREES * n_padded;
  numbers.n_channels = n_padded;
  numbers.n_hidden = n_hidden;
  numbers.n_intervals = network.n_intervals;
  numbers.n_layers = network.n_layers;
  numbers.intervals_per_length = static_cast<float>(numbers.n_intervals / network.cutoff);
  numbers.cutoff = static_cast<float>(network.cutoff);

  const size_t row = static_cast<size_t>(N_DEGREES) * n_padded,
               n_rows = size_t(N_COEFFICIENTS) * numbers.n_intervals;
  float *tables[2] = {keep(row * n_rows), keep(row * n_rows)};
  numbers.inward = tables[0];
  numbers.outward = tables[1];
  const float *from = network.radial;
  for (size_t i = 0; i < n_rows; i++)
    for (float *table : tables)
      for (int l = 0; l < N_DEGREES; l++, from += n)
        std::copy_n(from, n, table + i * row + static_cast<size_t>(l) * n_padded);

  float *relays = keep(static_cast<size_t>(network.n_layers) * numbers.n_intervals * RELAY_ROW);
  numbers.relays = relays;
  from = network.messages;
  for (int i = 0; i < numbers.n_intervals; i++)
    for (int power = 0; power < N_COEFFICIENTS; power++)
      for (int layer = 0; layer < network.n_layers; layer++, from += 2)
        std::copy_n(from, 2,
                    relays + (static_cast<size_t>(layer) * numbers.n_intervals + i) * RELAY_ROW + 2 * power);

  float *mixing = keep(static_cast<size_t>(N_MIXED) * n_padded * n_padded);
  numbers.mixing = mixing;
  for (int l = 1; l < N_DEGREES; l++)
    for (int input = 0; input < n; input++)
      for (int to = 0; to < n; to++)
        mixing[(static_cast<size_t>(l - 1) * n_padded + input) * n_padded + to] =
            network.mixing[(static_cast<size_t>(l) * n + input) * n + to];

  // Invariants and gates, degree by degree, each padded; hidden units follow each other. Behind the gates are
  // those of the mobility: as many as channels, and one.
  numbers.n_gates = padded((N_DEGREES + 1) * n_padded + 1, EDGE_PADDING);
  auto place = [&](int index, bool is_hidden) {
    return is_hidden ? index : index / n * n_padded + index % n;
  };
  for (int layer = 0; layer < 3; layer++) {
    const int in = layer == 0 ? N_DEGREES * n : network.n_hidden,
              out = layer == 2 ? (N_DEGREES + 1) * n + 1 : network.n_hidden;
    const int in_padded = layer == 0 ? n_inputs : n_hidden,
              out_padded = layer == 2 ? numbers.n_gates : n_hidden;
    float *weights = keep(static_cast<size_t>(in_padded) * out_padded), *biases = keep(out_padded);
    numbers.weights[layer] = weights;
    numbers.biases[layer] = biases;
    for (int to = 0; to < out; to++) {
      const int column = place(to, layer != 2);
      // Of a mobility the network takes the mean over the channels.
      const bool is_of_mean = layer == 2 && to / n == N_DEGREES;
      const float scale = is_of_mean ? 1.0f / static_cast<float>(n) : 1.0f;
      biases[column] = scale * network.biases[layer][to];
      for (int input = 0; input < in; input++)
        weights[static_cast<size_t>(place(input, layer != 0)) * out_padded + column] =
            scale * network.weights[layer][static_cast<size_t>(to) * in + input];
    }
  }
}

Kernel::~Kernel() = default;

void Kernel::forces(const double *positions, int64_t n_rows, const int32_t *centres, int64_t n_centres,
                    const int64_t *first, const int32_t *neighbours, double length_scale, int n_threads,
                    double *forces, KernelStep &step, int64_t *overlapping) const
{
  step.n_rows = n_rows;
  step.n_threads = n_threads;
  auto &whole = step.whole = {};
  double *const fours = step.positions.room_for(4 * n_rows);    // no row in two lines of the cache
  for (int64_t i = 0; i < n_rows; i++) {
    std::copy_n(positions + 3 * i, 3, fours + 4 * i);
    fours[4 * i + 3] = 0.0;
  }
  if (centres)
    whole.centres = std::copy_n(centres, n_centres, step.rows.room_for(n_centres)) - n_centres;
  int64_t *const chunks = step.chunks.room_for(n_centres / ATOMS_DEALT + 1);
  int64_t n_near = n_centres, most_edges = 1;    // how many near rows each has stands before them all
  for (int64_t k = 0; k < n_centres; k++) {
    if (k % ATOMS_DEALT == 0) {
      chunks[k / ATOMS_DEALT] = n_near;
      n_near += EDGE_PADDING;
    }
    const int64_t row = centres ? centres[k] : k, n = first[row + 1] - first[row];
    n_near += n;
    most_edges = std::max(most_edges, n);
  }
  whole.positions = fours;
  whole.first = first;
  whole.chunks = chunks;
  // Less than half of it is written, and most of the rest never touched.
  whole.near = step.near.room_for(n_near);
  whole.n_centres = n_centres;
  whole.length_scale = length_scale;
  whole.most_edges = (most_edges + EDGE_PADDING - 1) / EDGE_PADDING * EDGE_PADDING;
  whole.overlapping[0] = whole.overlapping[1] = -1;
  whole.neighbours = neighbours;
  whole.mobilities = step.shared.room_for(9 * n_centres);
  std::fill_n(forces, 4 * n_rows, 0.0);
  auto tasks = divided(step);
  give_sums(step, tasks, forces);
  run(loops->forces, tasks);
  add_sums(step, tasks);
  overlapping[0] = overlapping[1] = -1;
  for (const auto &task : tasks)
    if (task.overlapping[0] >= 0 && (overlapping[0] < 0 || task.overlapping[0] < overlapping[0]))
      std::copy_n(task.overlapping, 2, overlapping);
}

void Kernel::message_layer(KernelStep &step, int turn, double *answers) const
{
  step.whole.turn = turn;
  const int64_t n_values = 4 * step.n_rows;
  float *const told = step.shared.room_for(n_values);
  for (int64_t i = 0; i < n_values; i++) {
    answers[i] = on_grid(answers[i]);
    told[i] = static_cast<float>(answers[i]);
  }
  step.whole.told = told;
  auto tasks = divided(step);
  give_sums(step, tasks, answers);
  run(loops->message_layer, tasks);
  add_sums(step, tasks);
}

// Each thread adds to an array of its own: its centres' neighbours may be another's centres. The first adds
// to the result.
void Kernel::give_sums(KernelStep &step, std::vector<KernelTask> &tasks, double *result)
{
  const int64_t n_values = 4 * step.n_rows, n_others = static_cast<int64_t>(tasks.size()) - 1;
  double *const others = step.others.room_for(n_others * n_values);
  std::fill_n(others, n_others * n_values, 0.0);
  tasks[0].sums = result;
  for (int64_t k = 0; k < n_others; k++)
    tasks[k + 1].sums = others + k * n_values;
}

void Kernel::add_sums(const KernelStep &step, const std::vector<KernelTask> &tasks)
{
  for (size_t k = 1; k < tasks.size(); k++)
    for (int64_t i = 0; i < 4 * step.n_rows; i++)
      tasks[0].sums[i] += tasks[k].sums[i];
}

// As many tasks as there are threads with work, each for all centres, without scratch.
std::vector<KernelTask> Kernel::divided(const KernelStep &step)
{
  const int64_t n_deals = (step.whole.n_centres + ATOMS_DEALT - 1) / ATOMS_DEALT;
  const int64_t n_tasks = std::clamp<int64_t>(step.n_threads, 1, std::max<int64_t>(n_deals, 1));
  return std::vector<KernelTask>(n_tasks, step.whole);
}

void Kernel::run(void (*work)(const KernelNumbers &, KernelTask &), std::vector<KernelTask> &tasks) const
{
  // Centres are dealt out a few at a time, since a processor may be shared; no atom's numbers depend on who
  // else is in its deal.
  const int64_t n_centres = tasks[0].n_centres;
  std::atomic<int64_t> next = 0;
  auto work_on = [&](KernelTask &task) {
    for (int64_t begin; (begin = next.fetch_add(ATOMS_DEALT)) < n_centres;) {
      task.begin = begin;
      task.end = std::min<int64_t>(begin + ATOMS_DEALT, n_centres);
      work(numbers, task);
    }
  };
  std::vector<Buffer<float>> scratches(tasks.size());
  for (size_t k = 0; k < tasks.size(); k++)
    tasks[k].scratch = zeros(scratches[k], loops->scratch_floats(numbers, tasks[k].most_edges));
  in_threads(static_cast<int>(tasks.size()), [&](int k) { work_on(tasks[k]); });
}

CheckCrystal lammps_heal::check_crystal(double lattice_constant, double cutoff)
{
  constexpr int N_CELLS = 3;
  constexpr double SIGMA = 0.1 / 3.92;    // of the lattice constant
  constexpr double SITES[4][3] = {{0.0, 0.0, 0.0}, {0.0, 0.5, 0.5}, {0.5, 0.0, 0.5}, {0.5, 0.5, 0.0}};
  std::mt19937 random(1);    // the same numbers everywhere, unlike the library's distributions
  auto noise = [&random]() {
    double sum = -6.0;
    for (int k = 0; k < 12; k++)
      sum += random() / 4294967296.0;
    return SIGMA * sum;
  };
  std::vector<double> owned;
  for (int cell = 0; cell < N_CELLS * N_CELLS * N_CELLS; cell++)
    for (const auto &site : SITES) {
      const int corner[3] = {cell % N_CELLS, cell / N_CELLS % N_CELLS, cell / N_CELLS / N_CELLS};
      for (int d = 0; d < 3; d++)
        owned.push_back(lattice_constant * (corner[d] + site[d] + noise()));
    }
  owned.resize(owned.size() - 3);    // the vacancy

  const double side = N_CELLS * lattice_constant, reach = cutoff + lattice_constant;
  const int n_images = static_cast<int>(std::ceil(reach / side));
  CheckCrystal crystal = {owned, static_cast<int64_t>(owned.size() / 3)};
  for (int x = -n_images; x <= n_images; x++)
    for (int y = -n_images; y <= n_images; y++)
      for (int z = -n_images; z <= n_images; z++)
        for (size_t i = 0; i < owned.size() && (x || y || z); i += 3) {
          const double image[3] = {owned[i] + x * side, owned[i + 1] + y * side, owned[i + 2] + z * side};
          bool is_near = true;
          for (double component : image)
            is_near &= component > -reach && component < side + reach;
          if (is_near)
            crystal.positions.insert(crystal.positions.end(), image, image + 3);
        }
  return crystal;
}
