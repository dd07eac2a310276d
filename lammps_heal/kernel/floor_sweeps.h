// The soft floor's sweeps: which displacements bring pairs too near, and what is taken back. The formula is in
// lammps_heal/step/soft_floor.py.

#ifndef HEAL_FLOOR_SWEEPS_H
#define HEAL_FLOOR_SWEEPS_H

#include "heal_kernel.h"

#include <cstdint>
#include <vector>

namespace lammps_heal
{

// Only pairs of which an atom has changed can have become too near, so after the first look, at all pairs, only
// those of atoms that give way, and of ghosts that have changed, are looked at.
class FloorSweeps
{
 public:
  // See heal_floor_begin, heal_floor_look and heal_floor_take_back. All may throw WrongArgument or std::bad_alloc.
  void begin(double distance, double max_displacement);
  bool look(const heal_atoms &atoms, const double *vectors);
  void take_back(double *vectors) const;
  int64_t n_bytes() const;

 private:
  struct Pair {
    int32_t i, j;       // local atom and neighbour
    double unit[3];     // from i to j
    double distance;    // Å
    double least;       // Å, that it may come to
    double excess;      // Å, by which it would come nearer than that
  };
  struct Border {
    int32_t i, ghost;    // neighbours that displacements could bring too near
  };
  struct Found {
    std::vector<int32_t> atoms;    // that give way
    std::vector<Border> border;
  };
  enum State { NEW, BEGUN, LOOKED };

  State state = NEW;
  double floor = 0.0, tolerance = 0.0, longest = 0.0;    // Å
  int64_t nlocal = 0, n_atoms = 0;
  std::vector<char> gives_way;      // (nlocal,): 1 where the atom's pairs are among `pairs`
  std::vector<Pair> pairs;          // of atoms that give way, each one's in the order of its list
  std::vector<Border> border;       // all there are
  std::vector<double> of_ghosts;    // (n_ghosts, 3) Å, their vectors at the first look

  Pair pair_of(const heal_atoms &atoms, int32_t i, int32_t j) const;
  double excess_of(const Pair &pair, const double *vectors) const;
  double reach_square() const;
  void look_at_all(const heal_atoms &atoms, const double *vectors);
  void look_at_neighbours(const heal_atoms &atoms, int32_t i, const double *vectors, Found &found) const;
  void look_at_changed_ghosts(const heal_atoms &atoms, const double *vectors);
  void let_give_way(const heal_atoms &atoms, int32_t i);
  void shorten(double *vector) const;
};

}    // namespace lammps_heal

#endif
