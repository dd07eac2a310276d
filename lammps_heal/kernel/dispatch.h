// Which instruction set runs.

#ifndef HEAL_DISPATCH_H
#define HEAL_DISPATCH_H

#include "instruction_set.h"

#include <vector>

namespace lammps_heal
{

// Those that this machine has, fastest first.
std::vector<const InstructionSet *> usable_instruction_sets();

// Null or "": the fastest. Throws std::runtime_error for one that this machine lacks.
const InstructionSet &find_instruction_set(const char *name);

}    // namespace lammps_heal

#endif
