// What goes wrong on one rank ends the run on all of them, with one message.

#ifndef LMP_HEAL_ALL_RANKS_H
#define LMP_HEAL_ALL_RANKS_H

#include "healing_step.h"

#include "lammps.h"

#include <string>

namespace LAMMPS_NS
{

// Collective. problem: what is wrong on this rank, or nothing. Where it is something, all ranks raise
// LAMMPS's error with "fix heal: " and the first such rank's problem.
void stop_if_any(LAMMPS *lmp, const std::string &problem);

// Collective: does work, which must not be collective itself, and stops all ranks where it throws on one.
template <typename Work> void on_all_ranks(LAMMPS *lmp, const Work &work)
{
  stop_if_any(lmp, lammps_heal::problem_of(work));
}

// Collective: the largest of all ranks' values.
double largest_of_all(LAMMPS *lmp, double mine);

}    // namespace LAMMPS_NS

#endif
