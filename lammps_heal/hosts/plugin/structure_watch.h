// Watches a healing for a crystal of another structure than the model's, and warns of it once; StructureWatch of
// lammps_heal/hosts/structure_watch.py.

#ifndef HEAL_STRUCTURE_WATCH_H
#define HEAL_STRUCTURE_WATCH_H

#include "heal_backend.h"
#include "kernel_backend.h"

#include "lammps.h"

namespace LAMMPS_NS
{

class StructureWatch
{
 public:
  // model: which must outlive the watch.
  StructureWatch(LAMMPS *lmp, const HealModel &model, int n_threads);

  // Whether nothing will be looked at any more.
  bool is_over() const
  {
    return n_steps > last_look;
  }
  // Collective, before each healing step: looks at distances before the first, and at labels when some are done.
  // list: of LAMMPS's atoms. moves: (nlocal + nghost,) of those that healing moves, or null for all.
  void before_step(const lammps_heal::NeighbourList &list, const char *moves);

 private:
  LAMMPS *lmp;
  const HealModel &model;
  int n_threads, last_look;
  int n_steps = 0;
};

}    // namespace LAMMPS_NS

#endif
