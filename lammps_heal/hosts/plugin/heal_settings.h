// The arguments of fix heal, as fix_heal.h lists them.

#ifndef LMP_HEAL_SETTINGS_H
#define LMP_HEAL_SETTINGS_H

#include "lammps.h"

#include <string>
#include <vector>

namespace LAMMPS_NS
{

struct HealSettings {
  std::string model;
  std::string device = "cpu";
  int interval = 1;            // timesteps
  int n_observed_steps = 0;    // healing steps of a copy; 0: the atoms themselves are healed
  int n_threads = 1;
  bool use_kernel = true;
  std::string sites;                    // file of a reference crystal, or nothing
  double lattice = 0.0;                 // Å, lattice constant that the user gave, or 0
  bool finds_lattice = false;           // of the atoms, where the user wants it so
  double max_displacement = 0.0;        // Å, cap of one step, or 0: the model's
  std::vector<std::string> elements;    // of the atom types; empty unless the user gave them

  // Raises LAMMPS's error for arguments that make no sense.
  HealSettings(LAMMPS *lmp, int narg, char **arg);
};

}    // namespace LAMMPS_NS

#endif
