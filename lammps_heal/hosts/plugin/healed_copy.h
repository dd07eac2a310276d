// A copy of positions that is healed by some steps, with ghosts of its own: what observing looks at.

#ifndef HEAL_HEALED_COPY_H
#define HEAL_HEALED_COPY_H

#include "ghost_exchange.h"
#include "healing_step.h"

#include <cstdint>
#include <vector>

namespace lammps_heal
{

struct CopiedAtoms {
  const double *positions;    // (nlocal, 3) Å, finite; they stay as they are
  const int64_t *ids;         // (nlocal,), not negative, unique over all ranks
  const char *moves;          // (nlocal,), 0 for atoms that stay; or null: all move
  const int32_t *species;     // (nlocal,); or null, where the model sees none
  int64_t nlocal;
};

struct CopySettings {
  double cutoff;              // Å, of this crystal
  double max_displacement;    // Å
  double floor;               // Å, the soft floor; 0: none
  double length_scale;        // this crystal's lengths in those of the model
  double search;              // Å, that the list must reach after the last step
  int n_steps, n_threads;
};

class HealedCopy
{
 public:
  HealedCopy(Backend &backend, const CopySettings &settings, MPI_Comm world, StopIfAny stop_if_any);

  // Collective.
  void heal(const CopiedAtoms &atoms, const PeriodicCell &cell);

  // Of the healed copy; local atoms, then ghosts.
  int64_t nlocal() const
  {
    return n_local;
  }
  int64_t n_atoms() const
  {
    return ghosts.n_atoms();
  }
  const double *positions() const
  {
    return x.data();
  }
  // Length of each atom's last step, Å, (n_atoms,).
  const double *last_step() const
  {
    return last.data();
  }
  // Collective: gives ghosts the values, (n_atoms,), of the atoms that they are images of.
  void forward_values(double *of_atoms)
  {
    ghosts.forward_values(of_atoms);
  }
  // Reaches settings.search in the healed copy.
  const NeighbourList &list() const
  {
    return neighbours;
  }
  double n_bytes() const;

 private:
  CopySettings settings;
  StopIfAny stop_if_any;
  GhostExchange ghosts;
  HealingStep step;
  NeighbourList neighbours;
  int64_t n_local = 0;
  double reach = 0.0;                     // Å, of ghosts and list when they were made
  std::vector<double> x, listed, last;    // listed: (nlocal, 3) Å, when the list was built
  std::vector<int64_t> ids;
  std::vector<double> values;    // (n_atoms,), communicated
  std::vector<char> moves;
  std::vector<int32_t> species;

  void build_list(double distance, const CopiedAtoms &atoms, const PeriodicCell &cell);
  void find_neighbours();
  void make_neighbours_reach(double distance, const CopiedAtoms &atoms, const PeriodicCell &cell);
  double largest_move_since_list() const;
  void do_step(const CopiedAtoms &atoms);
};

}    // namespace lammps_heal

#endif
