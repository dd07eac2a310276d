// All stages of a step, compiled once for each instruction set: HEAL_INSTRUCTION_SET names the table of
// functions.

#include "message_passing.h"
#include "neighbour_search.h"
#include "pair_forces.h"

namespace
{

size_t scratch_floats(const PackedWeights &weights, int64_t most_edges)
{
  const size_t of_forces = block_floats(weights, most_edges), of_messages = messages_floats(most_edges);
  return of_forces > of_messages ? of_forces : of_messages;
}

#define HEAL_TEXT(name) #name
#define HEAL_NAME_OF(name) HEAL_TEXT(name)
constexpr const char *NAME = HEAL_NAME_OF(HEAL_INSTRUCTION_SET);

}    // namespace

const InstructionSet lammps_heal::HEAL_INSTRUCTION_SET = {
    NAME, width, scratch_floats, pair_forces, message_layer, find_near, are_within, sort_few,
};
