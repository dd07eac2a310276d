#include "argument_checks.h"

#include "kernel.h"
#include "status.h"

#include <algorithm>
#include <cmath>

#include <unistd.h>

using namespace lammps_heal;

namespace
{

constexpr int64_t MOST_ATOMS = INT32_MAX - CHUNK_ATOMS;    // their numbers are int32
constexpr int64_t MOST_EDGES = INT32_MAX - CHUNK_ATOMS;    // of one atom
// Sizes beyond what anyone trains, at which products of sizes still fit 64 bits.
constexpr int MOST_CHANNELS = 1 << 10, MOST_HIDDEN = 1 << 14, MOST_LAYERS = 1 << 10, MOST_INTERVALS = 1 << 20;
constexpr int MOST_SPECIES = 1 << 8;    // times intervals, an int32
constexpr int THREADS_PER_PROCESSOR = 4;
constexpr long MOST_PROCESSORS = 1L << 16;
// Å: of cutoffs whose square, and that of what is within them, is an ordinary float.
constexpr double SHORTEST_CUTOFF = 1.0e-3, LONGEST_CUTOFF = 1.0e9;

void require_range(const char *name, int64_t got, int64_t least, int64_t most, const char *remedy)
{
  require(got >= least && got <= most, "%s is %lld, needed %lld to %lld%s", name, static_cast<long long>(got),
          static_cast<long long>(least), static_cast<long long>(most), remedy);
}

void require_numbers(const char *name, const float *values, size_t n)
{
  require(values || n == 0, "%s is null", name);
  require(std::all_of(values, values + n, [](float value) { return std::isfinite(value); }),
          "%s holds a number that is not finite: export the model anew", name);
}

void check_sizes(const double *positions, int64_t nlocal, int64_t n_atoms)
{
  require_range("n_atoms", n_atoms, 0, MOST_ATOMS, ": use more ranks");
  require_range("nlocal", nlocal, 0, n_atoms, ", which is n_atoms");
  require(positions || n_atoms == 0, "positions is null");
}

void check_first(const heal_atoms &atoms)
{
  if (atoms.nlocal == 0)
    return;
  require(atoms.first, "first is null");
  require(atoms.first[0] >= 0, "first[0] is negative");
  for (int64_t i = 0; i < atoms.nlocal; i++) {
    const int64_t begin = atoms.first[i], end = atoms.first[i + 1];
    if (end < begin || end - begin > MOST_EDGES)
      require(false, "first decreases, or an atom has too many neighbours, at atom %lld",
              static_cast<long long>(i));
  }
  require(atoms.neighbours || atoms.first[0] == atoms.first[atoms.nlocal], "neighbours is null");
}

void check_list(const heal_atoms &atoms, const InstructionSet &functions)
{
  check_first(atoms);
  if (atoms.nlocal == 0)
    return;
  const int64_t begin = atoms.first[0], end = atoms.first[atoms.nlocal];
  const auto last = static_cast<int32_t>(atoms.n_atoms - 1);
  require(functions.are_within(atoms.neighbours + begin, end - begin, last), "a neighbour is not 0 to %d",
          last);
}

void check_centres(const heal_atoms &atoms)
{
  require_range("n_centres", atoms.n_centres, 0, atoms.nlocal, ", which is nlocal");
  if (!atoms.centres)
    return;
  for (int64_t k = 0, least = 0; k < atoms.n_centres; least = atoms.centres[k++] + int64_t(1))
    require_range("a centre", atoms.centres[k], least, atoms.nlocal - 1, ": local atoms in ascending order");
}

void check_species(const heal_atoms &atoms, const Kernel &kernel)
{
  const int n_species = kernel.weights().packed().n_species;
  if (n_species == 1 || atoms.n_atoms == 0)
    return;
  require(atoms.species, "species is null: the model sees %d species, give that of each atom", n_species);
  require(kernel.functions().are_within(atoms.species, atoms.n_atoms, n_species - 1),
          "a species is not 0 to %d", n_species - 1);
}

}    // namespace

int lammps_heal::max_threads()
{
  return THREADS_PER_PROCESSOR *
         static_cast<int>(std::clamp(sysconf(_SC_NPROCESSORS_ONLN), 1L, MOST_PROCESSORS));
}

void lammps_heal::check_threads(int n_threads)
{
  require_range("threads", n_threads, 1, max_threads(), ", four times this machine's processors");
}

void lammps_heal::check_cutoff(double cutoff)
{
  require(cutoff >= SHORTEST_CUTOFF && cutoff <= LONGEST_CUTOFF,
          "the cutoff is %g Å, needed %g to %g Å: give the lattice constant in Å", cutoff, SHORTEST_CUTOFF,
          LONGEST_CUTOFF);
}

void lammps_heal::check_weights(const heal_weights &weights)
{
  constexpr char REMEDY[] = ": export the model anew";
  require_range("n_channels", weights.n_channels, 1, MOST_CHANNELS, REMEDY);
  require_range("n_hidden", weights.n_hidden, 1, MOST_HIDDEN, REMEDY);
  require_range("n_layers", weights.n_layers, 0, MOST_LAYERS, REMEDY);
  require_range("n_intervals", weights.n_intervals, 1, MOST_INTERVALS, REMEDY);
  require_range("n_species", weights.n_species, 1, MOST_SPECIES, REMEDY);
  check_cutoff(weights.cutoff);
  const size_t n = weights.n_channels, n_hidden = weights.n_hidden;
  const size_t n_rows = static_cast<size_t>(N_COEFFICIENTS) * weights.n_intervals;
  require_numbers("radial", weights.radial, n_rows * 2 * N_DEGREES * n);
  require_numbers("messages", weights.messages, n_rows * 2 * weights.n_layers);
  require_numbers("mixing", weights.mixing, N_DEGREES * n * n);
  const size_t sizes[] = {N_DEGREES * n, n_hidden, n_hidden, (N_DEGREES + 1) * n + 1};
  for (int layer = 0; layer < N_DENSE; layer++) {
    require_numbers("weights", weights.weights[layer], sizes[layer] * sizes[layer + 1]);
    require_numbers("biases", weights.biases[layer], sizes[layer + 1]);
  }
  if (weights.n_species > 1) {
    require_numbers("species_factors", weights.species_factors, 2 * n * weights.n_species);
    require_numbers("species_bias", weights.species_bias, n_hidden * weights.n_species);
  }
}

void lammps_heal::check_atoms(const heal_atoms &atoms, const Kernel &kernel, bool on_card)
{
  check_sizes(atoms.positions, atoms.nlocal, atoms.n_atoms);
  if (on_card)
    require(!atoms.centres && atoms.n_centres == atoms.nlocal,
            "on a card all local atoms are centres: give null and nlocal");
  else {
    check_list(atoms, kernel.functions());
    check_centres(atoms);
  }
  check_species(atoms, kernel);
  check_threads(atoms.n_threads);
  require(atoms.length_scale > 0.0 && std::isfinite(atoms.length_scale),
          "length_scale is %g, needed a number above 0", atoms.length_scale);
  check_cutoff(kernel.weights().cutoff() * atoms.length_scale);
}

void lammps_heal::check_listed_pairs(const heal_atoms &atoms)
{
  check_sizes(atoms.positions, atoms.nlocal, atoms.n_atoms);
  check_first(atoms);
  check_threads(atoms.n_threads);
}

void lammps_heal::check_vectors(const double *vectors, int64_t n_atoms)
{
  require(vectors || n_atoms == 0, "vectors is null");
  require(reinterpret_cast<uintptr_t>(vectors) % HEAL_ALIGNMENT == 0,
          "vectors are not aligned to HEAL_ALIGNMENT bytes");
}

void lammps_heal::check_listed_atoms(const double *positions, const int64_t *ids, int64_t nlocal,
                                     int64_t n_atoms)
{
  check_sizes(positions, nlocal, n_atoms);
  require(ids || n_atoms == 0, "ids is null");
  for (int64_t i = 0; i < n_atoms; i++)
    if (ids[i] < 0)
      require(false, "the id of atom %lld is %lld, needed 0 or more", static_cast<long long>(i),
              static_cast<long long>(ids[i]));
}
