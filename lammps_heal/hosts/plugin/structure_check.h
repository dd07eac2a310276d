// Is a crystal of another structure than the model that is to heal it? The criteria, and what is said of it, as in
// lammps_heal/analysis/other_structure.py. Knows nothing of LAMMPS; counts are sums over atoms, so ranks can add theirs.

#ifndef HEAL_STRUCTURE_CHECK_H
#define HEAL_STRUCTURE_CHECK_H

#include "crystal_shells.h"
#include "heal_analysis.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace lammps_heal
{

constexpr int LOOK_STEPS = 3;    // healing steps: enough to tell the structure, hot or not
constexpr int N_RATIOS = 100, N_LABELS = 8;

using Ratios = std::array<int64_t, N_RATIOS>;
using LabelCounts = std::array<int64_t, N_LABELS>;

// Atoms inside of a crystal by the mean distance of their 4 nearest atoms ÷ that of the 12 nearest, from 0 to 1. moves:
// (nlocal,) of those that are looked at, or null for all.
Ratios ratios_of(const heal_structure &structure, const char *moves);

// Atoms of each label. Throws std::runtime_error.
LabelCounts label_counts(const heal_structure &structure, const char *moves);

// What is to be said, or nothing; of the counts of all ranks. structures: of the model.
std::string distance_problem(const std::vector<std::string> &structures, const Ratios &ratios);
std::string label_problem(const std::vector<std::string> &structures, const LabelCounts &counts);

}    // namespace lammps_heal

#endif
