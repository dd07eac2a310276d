// The soft floor: no step brings two atoms nearer than it, or than they are if that is less. The formula is in
// lammps_heal/step/soft_floor.py.

#ifndef HEAL_SOFT_FLOOR_H
#define HEAL_SOFT_FLOOR_H

#include "backend.h"

#include <array>
#include <cstdint>
#include <vector>

namespace lammps_heal
{

constexpr double SOFT_FLOOR = 0.75;    // nearest-neighbour distances; FLOOR of soft_floor.py

class SoftFloor
{
 public:
  // Whether displacements of all atoms, (n_atoms, 4) Å, bring a pair nearer than `floor`, Å. Throws
  // std::runtime_error where the list is none.
  static bool is_any_too_near(const heal_atoms &atoms, const double *displacements, double floor);
  // Pairs that displacements up to `longest`, Å, could bring nearer. Throws std::bad_alloc, too.
  void find_pairs(const heal_atoms &atoms, double floor, double longest);
  void forget_pairs()
  {
    n_pairs = 0;
  }
  // Å; what the displacements of all atoms, (n_atoms, 4), bring a pair too near, at the most.
  double largest_excess(const double *displacements);
  // Takes the excess of that call back from the local atoms.
  void take_back(double *displacements) const;
  // Å, less is left.
  static double tolerance(double floor);
  double n_bytes() const;

 private:
  int64_t n_pairs = 0;
  double floor_tolerance = 0.0;
  std::vector<int32_t> rows;                          // (n_pairs, 2): local atom and neighbour
  std::vector<std::array<double, 3>> unit_vectors;    // from the former to the latter
  std::vector<double> distances, least, excess;       // Å; least: that they may come to
};

}    // namespace lammps_heal

#endif
