#include "crystal_shells.h"

#include "heal_analysis.h"
#include "soft_floor.h"

#include <cmath>
#include <stdexcept>

using namespace lammps_heal;

// bcc counts its first two shells, which lie close to each other.
static const CrystalShells SHELLS[] = {
    {"fcc", std::sqrt(0.5), (1.0 + std::sqrt(2.0)) / 2.0, 12, 6, 4, false, HEAL_FCC},
    {"hcp", 1.0, (1.0 + std::sqrt(2.0)) / 2.0, 12, 6, 4, false, HEAL_HCP},
    {"bcc", std::sqrt(0.75), (1.0 + std::sqrt(2.0)) / 2.0 / std::sqrt(0.75), 14, 8, 8, false, HEAL_BCC},
    {"diamond", std::sqrt(3.0) / 4.0, (1.0 + std::sqrt(8.0 / 3.0)) / 2.0, 4, 14, 0, true, HEAL_CUBIC_DIAMOND},
};

// Compounds on the sites of these, whose conventional cells are as long.
static const std::string SITES_OF[][2] = {
    {"L1_2", "fcc"}, {"L1_0", "fcc"}, {"B2", "bcc"}, {"zincblende", "diamond"}};

static const CrystalShells *found_shells(const std::string &structure)
{
  std::string sites = structure;
  for (const auto &[compound, of] : SITES_OF)
    if (structure == compound)
      sites = of;
  for (const auto &shells : SHELLS)
    if (sites == shells.structure)
      return &shells;
  return nullptr;
}

bool lammps_heal::has_shells(const std::string &structure)
{
  return found_shells(structure) != nullptr;
}

double lammps_heal::soft_floor_of(const std::string &structure, double lattice_constant)
{
  const auto *const shells = found_shells(structure);
  return shells ? SOFT_FLOOR * shells->nearest * lattice_constant : 0.0;
}

const CrystalShells &lammps_heal::shells_of(const std::string &structure)
{
  if (const auto *const found = found_shells(structure))
    return *found;
  std::string known;
  for (const auto &shells : SHELLS)
    known += (known.empty() ? "" : ", ") + std::string(shells.structure);
  throw std::runtime_error("labels know " + known + ", the model is of " + structure);
}
