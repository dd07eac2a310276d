// What the TorchScript of a model file may do: arithmetic on tensors, and nothing else.

#ifndef HEAL_ALLOWED_OPERATORS_H
#define HEAL_ALLOWED_OPERATORS_H

#include <torch/script.h>

#include <string>

namespace lammps_heal
{

// Before the file is loaded, which compiles its code and runs none of it but this. Throws std::runtime_error,
// as does the other.
void require_nothing_runs_when_loaded(const std::string &file);

// Before a method is called.
void require_allowed_operators(const torch::jit::Module &module);

}    // namespace lammps_heal

#endif
