// What "fix heal ... observe K" shows: labels, coordination and counts of defects, seen on a healed copy of
// LAMMPS's atoms.

#ifndef LMP_HEAL_OBSERVER_H
#define LMP_HEAL_OBSERVER_H

#include "heal_backend.h"
#include "heal_settings.h"
#include "healed_copy.h"
#include "joint_structure.h"
#include "reference_sites.h"

#include "lammps.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace LAMMPS_NS
{

class HealObserver
{
 public:
  static constexpr int N_COLUMNS = 7;                       // of the per-atom array; see fix_heal.h
  static constexpr int N_VALUES = 12, N_SITE_VALUES = 4;    // of the vector, and more with sites
  static constexpr int N_SITE_COLUMNS = 7;                  // of the local array

  // Collective. model, backend: which must outlive the observer. Raises LAMMPS's error where a structure of the model has no labels.
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
  // Of the local array: a row for each site that does not hold one atom of its element.
  std::vector<std::array<double, N_SITE_COLUMNS>> &site_rows()
  {
    return rows;
  }
  double n_bytes() const;

 private:
  LAMMPS *lmp;
  const HealModel &model;
  std::vector<std::string> elements;    // of the atom types; empty unless the user gave them
  int n_threads;
  std::unique_ptr<lammps_heal::JointStructure> structure;    // of the copy
  lammps_heal::HealedCopy copy;
  std::vector<int64_t> ids;
  std::vector<char> moves, is_regular;
  std::vector<int32_t> species;
  std::array<double, N_VALUES + N_SITE_VALUES> values = {};
  std::unique_ptr<lammps_heal::ReferenceSites> sites;    // where the user names a reference
  std::vector<std::array<double, N_SITE_COLUMNS>> rows;
  bool has_warned = false;

  void heal_copy(int groupbit, bool are_all_in_group, const std::vector<int32_t> *species_of_type);
  void write_columns(int groupbit, double **array_atom) const;
  void count(int groupbit, double **array_atom);
  void count_on_sites();
};

}    // namespace LAMMPS_NS

#endif
