// The soft floor: no step brings two atoms nearer than it, or than they are if that is less. The formula is in
// lammps_heal/step/soft_floor.py.

#ifndef HEAL_SOFT_FLOOR_H
#define HEAL_SOFT_FLOOR_H

#include "heal_kernel.h"

#include <memory>

namespace lammps_heal
{

constexpr double SOFT_FLOOR = 0.75;    // nearest-neighbour distances; FLOOR of soft_floor.py

// See heal_floor_begin, heal_floor_look and heal_floor_take_back; all throw std::runtime_error where these fail.
class SoftFloor
{
 public:
  SoftFloor();

  void begin(double distance, double max_displacement);
  bool is_any_too_near(const heal_atoms &atoms, const double *vectors);
  void take_back(double *vectors);
  double n_bytes() const
  {
    return static_cast<double>(heal_floor_bytes(floor.get()));
  }

 private:
  struct Destroy {
    void operator()(heal_floor *floor) const
    {
      heal_floor_destroy(floor);
    }
  };
  std::unique_ptr<heal_floor, Destroy> floor;
};

}    // namespace lammps_heal

#endif
