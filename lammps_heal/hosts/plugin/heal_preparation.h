// Settings of LAMMPS that healing needs, made or demanded at the start of a run.

#ifndef LMP_HEAL_PREPARATION_H
#define LMP_HEAL_PREPARATION_H

#include "lammps.h"

namespace LAMMPS_NS
{

// Raises LAMMPS's error where units, dimension, run style or communication do not allow healing.
void check_units(LAMMPS *lmp);
void check_run_style(LAMMPS *lmp);

// Collective: LAMMPS hands an atom to the next subdomain only, and one that jumps further is lost. Raises
// LAMMPS's error where a step of max_displacement, Å, might be such a jump.
void check_subdomains(LAMMPS *lmp, double max_displacement);

// Raises the ghost cutoff, and gives back the user's.
class GhostCutoff
{
 public:
  // cutoff: Å, the model's.
  void raise(LAMMPS *lmp, double cutoff);
  void restore(LAMMPS *lmp) const;

 private:
  double raised = 0.0, users = 0.0;
};

}    // namespace LAMMPS_NS

#endif
