#include "structure_check.h"

#include "heal_kernel.h"
#include "nearest_neighbours.h"

#include "fmt/format.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <stdexcept>

using namespace lammps_heal;

static constexpr int FEW = 4, NEAREST = 12;    // atoms around one
// Of the mean distance of NEAREST, that of the FEW nearest: 1 in fcc and hcp, 0.95 in bcc, with noise of a quarter of
// the nearest-neighbour distance 0.76; 0.70 in diamond.
static constexpr double OPEN_STRUCTURE = 0.75;
// In metals 0.90 to 0.93 at 0.9 to 1.0 of the melting point, 0.86 with noise of 0.11 of the nearest-neighbour
// distance, in their melts 0.86; in silicon 0.73 at its melting point, 0.77 with noise, 0.80 as a glass and 0.83 as
// a liquid.
static constexpr double CLOSE_PACKED = 0.84;
// Mean of the directions to NEAREST atoms: 0.2 at a (111) surface, 0.05 in a hot crystal.
static constexpr double LOPSIDED = 0.15;
static constexpr int64_t FEWEST = 10;    // atoms inside of a crystal
// Of the atoms; so many of another structure, and more than of the model's, are said.
static constexpr double COMMON = 0.3;

struct NamedLabel {
  int label;
  const char *structure;
};
static constexpr NamedLabel LABELS[] = {
    {HEAL_FCC, "fcc"}, {HEAL_HCP, "hcp"}, {HEAL_BCC, "bcc"}, {HEAL_CUBIC_DIAMOND, "diamond"}};

// Whether a model of this structure destroys an open one; else it destroys a close-packed one.
static bool is_close_packed(const std::string &structure)
{
  return shells_of(structure).coordination > shells_of("diamond").coordination;
}

namespace
{

// Of atom i; negative where it has fewer neighbours, or they lie to one side.
double ratio_of(const heal_structure &s, int64_t i)
{
  std::array<Neighbour, NEAREST> near;
  if (!find_nearest({s.positions, s.nlocal, s.first, s.neighbours}, i, NEAREST, near))
    return -1.0;
  double few = 0.0, all = 0.0;
  for (int k = 0; k < NEAREST; k++) {
    const double distance = std::sqrt(near[k].square);
    all += distance / NEAREST;
    few += k < FEW ? distance / FEW : 0.0;
  }
  return lopsidedness(near, NEAREST) < LOPSIDED ? few / all : -1.0;
}

}    // namespace

Ratios lammps_heal::ratios_of(const heal_structure &structure, const char *moves)
{
  Ratios ratios = {};
  for (int64_t i = 0; i < structure.nlocal; i++) {
    if (moves && !moves[i])
      continue;
    const double ratio = ratio_of(structure, i);
    if (ratio >= 0.0)
      ratios[std::min(static_cast<int>(N_RATIOS * ratio), N_RATIOS - 1)]++;
  }
  return ratios;
}

LabelCounts lammps_heal::label_counts(const heal_structure &structure, const char *moves)
{
  std::vector<int32_t> coordination(structure.nlocal), labels(structure.nlocal);
  if (heal_local_structure(&structure, coordination.data(), labels.data()) != HEAL_OK)
    throw std::runtime_error(heal_last_error());
  LabelCounts counts = {};
  for (int64_t i = 0; i < structure.nlocal; i++)
    counts[labels[i]] += !moves || moves[i];
  return counts;
}

static std::string joined(const std::vector<std::string> &words, const char *between)
{
  std::string all;
  for (const auto &word : words)
    all += (all.empty() ? "" : between) + word;
  return all;
}

std::string lammps_heal::distance_problem(const std::vector<std::string> &structures, const Ratios &ratios)
{
  const int64_t n_atoms = std::accumulate(ratios.begin(), ratios.end(), int64_t{0});
  if (n_atoms < FEWEST || !std::all_of(structures.begin(), structures.end(), has_shells))
    return "";
  int middle = 0;
  for (int64_t before = ratios[0]; 2 * before < n_atoms; before += ratios[++middle]) {
  }
  const double median = (middle + 0.5) / N_RATIOS;
  const auto n_close_packed = std::count_if(structures.begin(), structures.end(), is_close_packed);
  const char *found = nullptr;
  if (n_close_packed == std::ssize(structures) && median < OPEN_STRUCTURE)
    found = "diamond or in no crystal at all";
  else if (n_close_packed == 0 && median > CLOSE_PACKED)
    found = "a close-packed crystal or its melt";
  if (!found)
    return "";
  return fmt::format(
      "the crystal is no {} one: neighbours are as in {} (the {} nearest at {:.2f} of the mean distance of "
      "the {} nearest), and this model would destroy it: use a model of its structure",
      joined(structures, ", "), found, FEW, median, NEAREST);
}

std::string lammps_heal::label_problem(const std::vector<std::string> &structures, const LabelCounts &counts)
{
  const int64_t n_atoms = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  if (n_atoms == 0)
    return "";
  std::set<int> own;
  for (const auto &structure : structures) {
    if (!has_shells(structure))
      return "";
    own.insert(shells_of(structure).label);
  }
  NamedLabel most = LABELS[0];
  int64_t n_own = 0;
  std::vector<std::string> named;
  for (const auto &label : LABELS) {
    if (counts[label.label] > counts[most.label])
      most = label;
    if (own.count(label.label)) {
      n_own += counts[label.label];
      named.emplace_back(label.structure);
    }
  }
  const auto part = [n_atoms](int64_t n) { return static_cast<double>(n) / static_cast<double>(n_atoms); };
  if (own.count(most.label) || !(part(counts[most.label]) > std::max(COMMON, part(n_own))))
    return "";
  return fmt::format(
      "{:.0f}% of the atoms have neighbours as in {}, {:.0f}% as in {}, which the model is of: "
      "defects will not rest; use a model of {}",
      100.0 * part(counts[most.label]), most.structure, 100.0 * part(n_own), joined(named, " or "),
      most.structure);
}
