#include "dispatch.h"

#include <stdexcept>
#include <string>

using namespace lammps_heal;

std::vector<const InstructionSet *> lammps_heal::usable_instruction_sets()
{
  std::vector<const InstructionSet *> usable;
#ifdef HEAL_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    usable.push_back(&avx512);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    usable.push_back(&avx2);
#endif
  usable.push_back(&portable);
  return usable;
}

const InstructionSet &lammps_heal::find_instruction_set(const char *name)
{
  const std::string wanted = name ? name : "";
  std::string known;
  for (const auto *usable : usable_instruction_sets()) {
    if (wanted.empty() || wanted == usable->name)
      return *usable;
    known += (known.empty() ? "" : ", ") + std::string(usable->name);
  }
  throw std::runtime_error("this machine has no instruction set \"" + wanted + "\": give one of " + known);
}
