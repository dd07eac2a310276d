// The neighbours of LAMMPS's atoms out to the model's cutoff and a skin, and how long they serve.

#ifndef LMP_HEAL_NEIGHBOURS_H
#define LMP_HEAL_NEIGHBOURS_H

#include "kernel_backend.h"

#include "lammps.h"

#include <cstdint>
#include <vector>

namespace LAMMPS_NS
{

class HealNeighbours
{
 public:
  // To be called whenever LAMMPS has found owners and ghosts: the list must be built anew, with this skin, Å.
  void forget_list(LAMMPS *lmp, double skin);
  // cutoff: Å, without the skin. is_needed: otherwise ids alone are noted. May throw std::exception.
  void build_list(LAMMPS *lmp, double cutoff, int n_threads, bool is_needed);
  bool must_build() const
  {
    return is_stale;
  }

  // Å, of the local atoms since LAMMPS found owners and ghosts; infinite where another fix has exchanged
  // atoms since.
  double largest_move(LAMMPS *lmp) const;
  // Have atoms moved by so much (Å, of all ranks) that neighbours may be missing?
  bool is_outrun(double largest_move_of_all) const;

  const lammps_heal::NeighbourList &list() const
  {
    return neighbours;
  }
  // (nlocal + nghost,) atom ids when the list was built.
  const std::vector<int64_t> &ids() const
  {
    return atom_ids;
  }
  double n_bytes() const;

 private:
  lammps_heal::NeighbourList neighbours;
  std::vector<double> positions;    // (nlocal, 3) Å, when LAMMPS last found owners and ghosts
  std::vector<int64_t> atom_ids;
  bool is_stale = true;
  double skin = 0.0;    // Å
};

}    // namespace LAMMPS_NS

#endif
