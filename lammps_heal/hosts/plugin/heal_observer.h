// What "fix heal ... observe K" shows: labels, coordination and counts of defects, seen on a healed copy of
// LAMMPS's atoms.

#ifndef LMP_HEAL_OBSERVER_H
#define LMP_HEAL_OBSERVER_H

#include "crystal_shells.h"
#include "heal_analysis.h"
#include "heal_backend.h"
#include "heal_settings.h"
#include "healed_copy.h"

#include "lammps.h"

#include <array>
#include <cstdint>
#include <vector>

namespace LAMMPS_NS
{

class HealObserver
{
 public:
  static constexpr int N_COLUMNS = 7;    // of the per-atom array; see fix_heal.h
  static constexpr int N_VALUES = 12;    // of the vector

  // Collective. Raises LAMMPS's error where the model's structure has no labels.
  HealObserver(LAMMPS *lmp, const HealSettings &settings, const HealModel &model,
               lammps_heal::Backend &backend, double cutoff, double max_displacement);

  // Collective. species_of_type: from 1; null where the model sees none. array_atom: (nlocal, N_COLUMNS),
  // written; zero for atoms outside the group.
  void observe(int groupbit, bool are_all_in_group, const std::vector<int32_t> *species_of_type,
               double **array_atom);

  double value(int n) const
  {
    return values[n];
  }
  double n_bytes() const;

 private:
  LAMMPS *lmp;
  const lammps_heal::CrystalShells &shells;
  double nearest;    // Å, nearest-neighbour distance of the crystal
  int n_threads;
  lammps_heal::HealedCopy copy;
  std::vector<int64_t> ids;
  std::vector<char> moves;
  std::vector<int32_t> species;
  std::vector<int32_t> coordination, labels;    // (nlocal,)
  std::vector<double> residuals;                // (nlocal,) Å
  std::array<double, N_VALUES> values = {};

  void require_finite() const;
  void heal_copy(int groupbit, bool are_all_in_group, const std::vector<int32_t> *species_of_type);
  void look_at_neighbours();
  void write_columns(int groupbit, double **array_atom) const;
  void count(int groupbit, double **array_atom);
};

}    // namespace LAMMPS_NS

#endif
