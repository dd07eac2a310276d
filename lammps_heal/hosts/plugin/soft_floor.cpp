#include "soft_floor.h"

#include <cstdint>
#include <stdexcept>

using namespace lammps_heal;

static void require(bool is_done)
{
  if (!is_done)
    throw std::runtime_error(heal_last_error());
}

SoftFloor::SoftFloor() : floor(heal_floor_create())
{
  require(floor != nullptr);
}

void SoftFloor::begin(double distance, double max_displacement)
{
  require(heal_floor_begin(floor.get(), distance, max_displacement) == HEAL_OK);
}

bool SoftFloor::is_any_too_near(const heal_atoms &atoms, const double *vectors)
{
  int32_t is_any = 0;
  require(heal_floor_look(floor.get(), &atoms, vectors, &is_any) == HEAL_OK);
  return is_any != 0;
}

void SoftFloor::take_back(double *vectors)
{
  require(heal_floor_take_back(floor.get(), vectors) == HEAL_OK);
}
