// Calls the kernel's C interface with every kind of number, on each instruction set; compiled with sanitizers by
// test_sanitizers.py. Arguments: what to do, "numbers" or "threads". Exits with 1, and says why, where a result is wrong.

#include "heal_kernel.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace
{

constexpr double CUTOFF = 6.0;               // Å
constexpr double LATTICE_CONSTANT = 3.92;    // Å
constexpr double FLOOR = 2.08;               // Å
constexpr double INF = HUGE_VAL, NOT_A_NUMBER = NAN;
constexpr double EDGE = 1.0e-5;    // relative: nearer to a limit, either answer is right

#define EXPECT(condition)                                                                                    \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      std::fprintf(stderr, "line %d: %s does not hold (%s)\n", __LINE__, #condition, heal_last_error());     \
      std::exit(1);                                                                                          \
    }                                                                                                        \
  } while (false)

std::mt19937 random_bits(1);

double uniform(double low, double high)
{
  return std::uniform_real_distribution(low, high)(random_bits);
}

// The weights of a network that nobody trained.
struct Weights {
  std::vector<std::vector<float>> arrays;
  heal_weights all;

  const float *some(size_t n, double largest)
  {
    auto &array = arrays.emplace_back(n);
    std::generate(array.begin(), array.end(),
                  [&]() { return static_cast<float>(uniform(-largest, largest)); });
    return array.data();
  }

  Weights(int n, int n_hidden, int n_layers, int n_intervals, int n_species)
  {
    const size_t rows = 3 * static_cast<size_t>(n_intervals);
    all = {n, n_hidden, n_layers, n_intervals, n_species, CUTOFF};
    all.radial = some(rows * 8 * n, 0.1);
    all.messages = some(rows * 2 * n_layers, 0.02);
    all.mixing = some(4 * n * n, 0.3);
    all.species_factors = n_species > 1 ? some(2 * n * n_species, 1.0) : nullptr;
    all.species_bias = n_species > 1 ? some(n_hidden * n_species, 0.5) : nullptr;
    const size_t sizes[] = {4 * static_cast<size_t>(n), static_cast<size_t>(n_hidden),
                            static_cast<size_t>(n_hidden), 5 * static_cast<size_t>(n) + 1};
    for (int layer = 0; layer < 3; layer++) {
      all.weights[layer] = some(sizes[layer] * sizes[layer + 1], 0.1);
      all.biases[layer] = some(sizes[layer + 1], 0.1);
    }
  }
};

struct Free {
  void operator()(void *p) const
  {
    std::free(p);
  }
  void operator()(heal_kernel *p) const
  {
    heal_kernel_destroy(p);
  }
  void operator()(heal_workspace *p) const
  {
    heal_workspace_destroy(p);
  }
  void operator()(heal_list *p) const
  {
    heal_list_destroy(p);
  }
  void operator()(heal_floor *p) const
  {
    heal_floor_destroy(p);
  }
};
template <typename T> using Owned = std::unique_ptr<T, Free>;

// Of exactly so many bytes, so that what is written behind them is noticed.
Owned<double> vectors_of(size_t n_atoms, double value)
{
  void *made = nullptr;
  EXPECT(posix_memalign(&made, HEAL_ALIGNMENT, 4 * n_atoms * sizeof(double)) == 0);
  Owned<double> vectors(static_cast<double *>(made));
  std::fill_n(vectors.get(), 4 * n_atoms, value);
  return vectors;
}

// Of so many atoms, 0 and 1 in turns: models of two or three see it, those of one do not look.
std::vector<int32_t> species_of(size_t n_atoms)
{
  std::vector<int32_t> species(n_atoms);
  std::generate(species.begin(), species.end(), [k = 1]() mutable { return k = 1 - k; });
  return species;
}

// Noisy fcc of n^3 cells, without periodic images.
std::vector<double> crystal(int n)
{
  constexpr double SITES[4][3] = {{0.0, 0.0, 0.0}, {0.0, 0.5, 0.5}, {0.5, 0.0, 0.5}, {0.5, 0.5, 0.0}};
  std::vector<double> positions;
  for (int cell = 0; cell < n * n * n; cell++)
    for (const auto &site : SITES) {
      const int corner[3] = {cell % n, cell / n % n, cell / n / n};
      for (int d = 0; d < 3; d++)
        positions.push_back(LATTICE_CONSTANT * (corner[d] + site[d]) + uniform(-0.2, 0.2));
    }
  return positions;
}

double distance(const std::vector<double> &positions, size_t i, size_t j)
{
  const double *const a = &positions[3 * i], *const b = &positions[3 * j];
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);    // NaN and infinity are not below any cutoff
}

bool is_finite(const std::vector<double> &positions)
{
  return std::all_of(positions.begin(), positions.end(), [](double x) { return std::isfinite(x); });
}

// Each atom's list has all that are nearer than the cutoff, none that are farther, no atom twice.
void check_list(const std::vector<double> &positions, const heal_list *list, size_t nlocal, double cutoff)
{
  const size_t n_atoms = positions.size() / 3;
  const int64_t *const first = heal_list_first(list);
  const int32_t *const neighbours = heal_list_neighbours(list);
  for (size_t i = 0; i < nlocal; i++) {
    std::vector<int> times(n_atoms);
    for (int64_t k = first[i]; k < first[i + 1]; k++)
      times[neighbours[k]]++;
    for (size_t j = 0; j < n_atoms; j++) {
      const double d = distance(positions, i, j);
      EXPECT(times[j] <= 1 && (times[j] == 1 || i == j || !(d < cutoff)));
      EXPECT(times[j] == 0 || (i != j && d < cutoff + 1.0e-4 + EDGE * cutoff));
    }
  }
}

struct Kernel {
  Owned<heal_kernel> kernel;
  Owned<heal_workspace> workspace;
  int n_layers;
  bool sees_species;
};

// All local atoms are centres.
heal_atoms atoms_of(const std::vector<double> &positions, const heal_list *list, int64_t nlocal,
                    const std::vector<int32_t> &species, int n_threads)
{
  heal_atoms atoms = {positions.data(), static_cast<int64_t>(species.size()), nlocal, heal_list_first(list)};
  atoms.neighbours = heal_list_neighbours(list);
  atoms.n_centres = nlocal;
  atoms.species = species.data();
  atoms.length_scale = 1.0;
  atoms.n_threads = n_threads;
  return atoms;
}

// Whatever the vectors, it ends; none of finite ones becomes longer than the longest allowed.
void soft_floor(const heal_atoms &atoms, double *vectors, double longest)
{
  const Owned<heal_floor> floor(heal_floor_create());
  EXPECT(floor && heal_floor_begin(floor.get(), FLOOR, longest) == HEAL_OK);
  EXPECT(heal_floor_take_back(floor.get(), vectors) == HEAL_FAILED);    // nothing was looked at
  for (int sweep = 0; sweep < 3; sweep++) {
    int32_t is_any = -1;
    EXPECT(heal_floor_look(floor.get(), &atoms, vectors, &is_any) == HEAL_OK && (is_any == 0 || is_any == 1));
    EXPECT(heal_floor_take_back(floor.get(), vectors) == HEAL_OK);
  }
  EXPECT(heal_floor_bytes(floor.get()) >= 0);
}

// The pair that the vectors bring too near is kept apart; others are left alone.
void try_floor(const char *instruction_set)
{
  const std::vector<double> positions = {0.0, 0.0, 0.0, 2.7, 0.0, 0.0, 0.0, 5.0, 0.0};
  const std::vector<int64_t> ids = {0, 1, 2};
  const auto species = species_of(3);
  const Owned<heal_list> list(heal_list_create());
  EXPECT(heal_list_build(list.get(), positions.data(), ids.data(), 3, 3, CUTOFF, 1, instruction_set) ==
         HEAL_OK);
  const heal_atoms atoms = atoms_of(positions, list.get(), 3, species, 2);
  for (double approach : {1.0e-320, 1.0e-3, 0.3, 0.5, 0.9, 1.0e3, 1.0e160, 1.0e300}) {
    auto vectors = vectors_of(3, 0.0);
    vectors.get()[0] = approach;
    soft_floor(atoms, vectors.get(), std::max(1.0, approach));
    const double distance = 2.7 + vectors.get()[4] - vectors.get()[0];
    EXPECT(distance > (1.0 - 1.0e-3) * FLOOR || approach > 1.0e3);
    EXPECT(vectors.get()[8] == 0.0 && vectors.get()[9] == 0.0 && vectors.get()[10] == 0.0);
    EXPECT(2.7 - approach < FLOOR || vectors.get()[0] == approach);
  }
  for (double wrong : {INF, -INF, NOT_A_NUMBER, -1.0}) {
    const Owned<heal_floor> floor(heal_floor_create());
    EXPECT(heal_floor_begin(floor.get(), wrong, 1.0) == HEAL_FAILED);
    EXPECT(heal_floor_begin(floor.get(), FLOOR, wrong) == HEAL_FAILED);
  }
  const Owned<heal_floor> floor(heal_floor_create());
  const auto vectors = vectors_of(3, 0.0);
  int32_t is_any = 0;
  EXPECT(heal_floor_look(floor.get(), &atoms, vectors.get(), &is_any) == HEAL_FAILED);    // before it begins
  EXPECT(heal_floor_begin(floor.get(), FLOOR, 1.0) == HEAL_OK);
  EXPECT(heal_floor_look(floor.get(), &atoms, nullptr, &is_any) == HEAL_FAILED);
  EXPECT(heal_floor_look(floor.get(), nullptr, vectors.get(), &is_any) == HEAL_FAILED);
  EXPECT(heal_floor_look(floor.get(), &atoms, vectors.get(), nullptr) == HEAL_FAILED);
  EXPECT(heal_floor_look(floor.get(), &atoms, vectors.get(), &is_any) == HEAL_OK && is_any == 0);
  heal_atoms fewer = atoms;
  fewer.nlocal = 2;
  EXPECT(heal_floor_look(floor.get(), &fewer, vectors.get(), &is_any) == HEAL_FAILED);
}

// All of a step, with lists as they are built. Overlapping atoms must be found, and finite positions give finite forces.
void step(Kernel &own, const char *instruction_set, const std::vector<double> &positions, size_t nlocal,
          double v_in)
{
  const size_t n_atoms = positions.size() / 3;
  std::vector<int64_t> ids(n_atoms);
  std::iota(ids.begin(), ids.end(), 0);
  const int64_t period = n_atoms % 2 ? 7 : 1;    // some or all are images of each other
  for (int64_t &id : ids)
    id = id % period == 0 ? 0 : id;
  Owned<heal_list> list(heal_list_create());
  EXPECT(heal_list_build(list.get(), positions.data(), ids.data(), nlocal, n_atoms, CUTOFF, 2,
                         instruction_set) == HEAL_OK);
  check_list(positions, list.get(), nlocal, CUTOFF);
  double smallest = INF;
  for (size_t i = 0; i < nlocal; i++)
    for (size_t j = 0; j < n_atoms; j++)
      if (i != j && distance(positions, i, j) < smallest)
        smallest = distance(positions, i, j);
  auto vectors = vectors_of(n_atoms, NOT_A_NUMBER);
  const auto species = species_of(n_atoms);
  const heal_atoms atoms = atoms_of(positions, list.get(), nlocal, species, 2);
  int64_t overlap[2];
  const int status = heal_pair_forces(own.kernel.get(), own.workspace.get(), &atoms, vectors.get(), overlap);
  EXPECT(status == HEAL_OK || status == HEAL_OVERLAP);
  EXPECT(status == HEAL_OVERLAP || smallest > HEAL_SMALLEST_DISTANCE * (1.0 - EDGE));
  EXPECT(status == HEAL_OK || smallest < HEAL_SMALLEST_DISTANCE * (1.0 + EDGE));
  if (status == HEAL_OVERLAP) {
    EXPECT(distance(positions, overlap[0], overlap[1]) < HEAL_SMALLEST_DISTANCE * (1.0 + EDGE));
    EXPECT(heal_message_layer(own.kernel.get(), own.workspace.get(), 0, vectors.get()) == HEAL_FAILED);
    return;
  }
  if (is_finite(positions))
    for (size_t i = 0; i < n_atoms; i++)
      EXPECT(std::isfinite(vectors.get()[4 * i]) && std::isfinite(vectors.get()[4 * i + 2]));
  EXPECT(heal_apply_mobilities(own.workspace.get(), vectors.get()) == HEAL_OK);
  vectors.get()[4 * (n_atoms / 2)] = v_in;
  for (int layer = 0; layer < own.n_layers; layer++)
    EXPECT(heal_message_layer(own.kernel.get(), own.workspace.get(), layer, vectors.get()) == HEAL_OK);
  soft_floor(atoms, vectors.get(), std::isfinite(v_in) ? std::fabs(v_in) : 1.0);
}

// An atom more, so far from another of a crystal that itself lies so far out.
void try_distances(Kernel &kernel, const char *instruction_set)
{
  std::vector<double> distances = {
      0.0,     5.0e-324, 1.0e-310, 1.0e-200, 1.0e-160, 1.0e-45, 1.0e-40, 1.0e-30, 1.0e-23,     1.0e-19,
      1.0e-12, 9.9e-5,   1.0e-4,   1.01e-4,  1.0e-3,   0.1,     1.0,     1.0e3,   1.0e6,       1.0e9,
      1.0e16,  1.0e19,   1.0e39,   1.0e154,  1.0e155,  1.0e300, 1.7e308, INF,     NOT_A_NUMBER};
  for (int k = -2; k <= 2; k++)
    distances.push_back(CUTOFF * (1.0 + k * std::numeric_limits<float>::epsilon()));
  const auto base = crystal(2);
  for (double origin : {0.0, -1.0e3, 1.0e9, 1.0e16, -1.0e39, 1.0e300})
    for (double d : distances) {
      auto positions = base;
      for (double &x : positions)
        x += origin;
      const double angle = uniform(0.0, 6.28);
      const size_t other = random_bits() % (base.size() / 3);
      const double vector[3] = {d * std::cos(angle), d * std::sin(angle), 0.0};
      for (int c = 0; c < 3; c++)
        positions.push_back(positions[3 * other + c] + vector[c]);
      const size_t n_atoms = positions.size() / 3;
      step(kernel, instruction_set, positions, random_bits() % 2 ? n_atoms : n_atoms - 1, d);
    }
}

// Any coordinates at all.
void try_coordinates(Kernel &kernel, const char *instruction_set)
{
  for (int trial = 0; trial < 40; trial++) {
    std::vector<double> positions(3 * (1 + random_bits() % 60));
    for (double &x : positions)
      x = std::copysign(std::pow(10.0, uniform(-320.0, trial % 2 ? 308.0 : 2.0)), uniform(-1.0, 1.0));
    for (size_t k = 0; k < positions.size() && trial % 3 == 0; k += 2)
      positions[random_bits() % positions.size()] = k % 4 ? NOT_A_NUMBER : uniform(-1.0, 1.0) * INF;
    step(kernel, instruction_set, positions, random_bits() % (positions.size() / 3 + 1),
         uniform(-1.0e300, 1.0e300));
  }
}

// A crystal and its list, as heal_pair_forces wants them.
struct Crystal {
  std::vector<double> positions;
  std::vector<int32_t> species;
  Owned<heal_list> list{heal_list_create()};
  heal_atoms atoms;

  Crystal(int n_cells, int n_threads, const char *instruction_set) :
      positions(crystal(n_cells)), species(species_of(positions.size() / 3))
  {
    const auto n = static_cast<int64_t>(positions.size() / 3);
    std::vector<int64_t> ids(n);
    std::iota(ids.rbegin(), ids.rend(), 0);
    EXPECT(heal_list_build(list.get(), positions.data(), ids.data(), n, n, CUTOFF, n_threads,
                           instruction_set) == HEAL_OK);
    atoms = atoms_of(positions, list.get(), n, species, n_threads);
  }
};

// Cutoffs and scales: served where their squares are ordinary floats, else refused.
void try_lengths(const Kernel &own, const Weights &weights, const char *instruction_set)
{
  const Crystal right(2, 1, instruction_set);
  const int64_t n = right.atoms.n_atoms;
  const std::vector<int64_t> ids(n, 0);
  auto vectors = vectors_of(n, 0.0);
  auto is_usable = [](double cutoff) { return cutoff >= 1.0e-3 && cutoff <= 1.0e9; };
  for (double value :
       {0.0, 5.0e-324, 1.0e-40, 1.0e-9, 0.001, 1.0, 1.0e3, 1.0e8, 1.0e30, 1.0e300, INF, -1.0, NOT_A_NUMBER}) {
    Owned<heal_list> list(heal_list_create());
    const int built =
        heal_list_build(list.get(), right.positions.data(), ids.data(), n, n, value, 1, instruction_set);
    EXPECT((built == HEAL_OK) == is_usable(value));
    heal_atoms atoms = right.atoms;
    atoms.length_scale = value;
    const int status =
        heal_pair_forces(own.kernel.get(), own.workspace.get(), &atoms, vectors.get(), nullptr);
    EXPECT((status == HEAL_OK) == is_usable(CUTOFF * value));
    heal_weights other = weights.all;
    other.cutoff = value;
    const Owned<heal_kernel> made(heal_kernel_create(&other, instruction_set));
    EXPECT(bool(made) == is_usable(value));
  }
}

// Each refused with a message, and the workspace serves again afterwards.
void try_wrong_arguments(const Kernel &own, const char *instruction_set)
{
  const Crystal right(2, 1, instruction_set);
  auto vectors = vectors_of(right.atoms.n_atoms, 0.0);
  auto status = [&](const heal_atoms &atoms) {
    return heal_pair_forces(own.kernel.get(), own.workspace.get(), &atoms, vectors.get(), nullptr);
  };
  auto is_refused = [&](heal_atoms wrong, auto member, auto value) {
    wrong.*member = value;
    return status(wrong) == HEAL_FAILED && std::strlen(heal_last_error()) > 0;
  };
  for (int64_t value : {int64_t(-1), INT64_MAX, INT64_MIN})
    for (auto member : {&heal_atoms::n_atoms, &heal_atoms::nlocal, &heal_atoms::n_centres})
      EXPECT(is_refused(right.atoms, member, value));
  EXPECT(is_refused(right.atoms, &heal_atoms::positions, nullptr));
  EXPECT(is_refused(right.atoms, &heal_atoms::first, nullptr));
  EXPECT(is_refused(right.atoms, &heal_atoms::neighbours, nullptr));
  for (int32_t n_threads : {0, INT32_MAX, INT32_MIN})
    EXPECT(is_refused(right.atoms, &heal_atoms::n_threads, n_threads));
  const int64_t pair[] = {0, 2}, falling[] = {5, 4}, jumping[] = {0, INT64_MAX}, below[] = {-1, 1};
  const auto n = static_cast<int32_t>(right.atoms.n_atoms);
  const int32_t outside[] = {0, n}, negative[] = {-1, 1}, repeated[] = {1, 1}, first_and_third[] = {0, 2};
  heal_atoms one = right.atoms;
  one.nlocal = one.n_centres = 1;
  for (const int64_t *first : {falling, jumping, below})
    EXPECT(is_refused(one, &heal_atoms::first, first));
  one.first = pair;
  for (const int32_t *neighbours : {outside, negative})
    EXPECT(is_refused(one, &heal_atoms::neighbours, neighbours));
  heal_atoms two = right.atoms;
  two.n_centres = 2;
  for (const int32_t *centres : {outside, negative, repeated})
    EXPECT(is_refused(two, &heal_atoms::centres, centres));
  EXPECT(heal_message_layer(own.kernel.get(), own.workspace.get(), 0, vectors.get()) == HEAL_FAILED);
  EXPECT(heal_apply_mobilities(own.workspace.get(), vectors.get()) == HEAL_FAILED);
  std::vector<int32_t> strange(right.species);
  for (int32_t number : {-1, 3, INT32_MIN, INT32_MAX}) {
    strange.back() = number;
    EXPECT(own.sees_species == is_refused(right.atoms, &heal_atoms::species, strange.data()));
  }
  EXPECT(is_refused(right.atoms, &heal_atoms::species, nullptr) == own.sees_species);
  two.centres = first_and_third;
  EXPECT(status(two) == HEAL_OK);
  for (int layer : {-1, own.n_layers, INT32_MAX})
    EXPECT(heal_message_layer(own.kernel.get(), own.workspace.get(), layer, vectors.get()) == HEAL_FAILED);
  EXPECT(heal_message_layer(own.kernel.get(), own.workspace.get(), 0, vectors.get() + 1) == HEAL_FAILED);
  EXPECT(heal_message_layer(own.kernel.get(), own.workspace.get(), 0, vectors.get()) == HEAL_OK);
}

// The same bits for any number of threads.
void try_threads(const Kernel &own, const char *instruction_set)
{
  std::vector<double> alone;
  for (int n_threads : {1, 2, 3, 4}) {
    random_bits.seed(7);
    const Crystal whole(5, n_threads, instruction_set);
    const int64_t n = whole.atoms.n_atoms;
    auto vectors = vectors_of(n, 0.0);
    EXPECT(heal_pair_forces(own.kernel.get(), own.workspace.get(), &whole.atoms, vectors.get(), nullptr) ==
           HEAL_OK);
    EXPECT(heal_apply_mobilities(own.workspace.get(), vectors.get()) == HEAL_OK);
    for (int layer = 0; layer < own.n_layers; layer++)
      EXPECT(heal_message_layer(own.kernel.get(), own.workspace.get(), layer, vectors.get()) == HEAL_OK);
    std::vector<double> found;
    for (int64_t i = 0; i < n; i++)
      found.insert(found.end(), vectors.get() + 4 * i, vectors.get() + 4 * i + 3);
    if (n_threads == 1)
      alone = found;
    EXPECT(std::memcmp(found.data(), alone.data(), sizeof(double) * found.size()) == 0);
  }
}

constexpr struct {
  int n_channels, n_hidden, n_layers, n_species;
} SIZES[] = {{8, 16, 2, 1}, {8, 5, 1, 2}, {3, 5, 1, 1}, {16, 7, 1, 3}};

}    // namespace

int main(int, char **arguments)
{
  const std::string what = arguments[1];
  std::istringstream names(heal_instruction_sets());
  for (std::string name; names >> name;)
    for (const auto &size : SIZES) {
      const Weights weights(size.n_channels, size.n_hidden, size.n_layers, 37, size.n_species);
      Kernel kernel = {{}, {}, size.n_layers, size.n_species > 1};
      kernel.kernel.reset(heal_kernel_create(&weights.all, name.c_str()));
      kernel.workspace.reset(heal_workspace_create());
      EXPECT(kernel.kernel && kernel.workspace);
      if (what == "numbers") {
        try_distances(kernel, name.c_str());
        try_coordinates(kernel, name.c_str());
        try_lengths(kernel, weights, name.c_str());
        try_wrong_arguments(kernel, name.c_str());
        try_floor(name.c_str());
      }
      try_threads(kernel, name.c_str());
    }
  std::printf("%s on %s\n", what.c_str(), heal_instruction_sets());
  return 0;
}
