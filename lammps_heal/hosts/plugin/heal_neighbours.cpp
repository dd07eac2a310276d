#include "heal_neighbours.h"

#include "atom.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace LAMMPS_NS;

static constexpr double TRIGGER = 0.499;    // of the skin; LAMMPS's own is 0.5, which a capped step may equal

void HealNeighbours::forget_list(LAMMPS *lmp, double new_skin)
{
  const auto &atom = *lmp->atom;
  const double *const x = atom.nlocal ? atom.x[0] : nullptr;
  positions.assign(x, x + 3 * static_cast<size_t>(atom.nlocal));
  is_stale = true;
  skin = new_skin;
}

/* Sums in float32 depend on their order. Neighbours in order of id give the same numbers whatever LAMMPS's
   sorting, exchange or a restart did to its rows; LAMMPS's own lists have no order. */

void HealNeighbours::build_list(LAMMPS *lmp, double cutoff, int n_threads, bool is_needed)
{
  const auto &atom = *lmp->atom;
  const int64_t n_atoms = static_cast<int64_t>(atom.nlocal) + atom.nghost;
  atom_ids.resize(n_atoms);
  if (atom.tag_enable)
    std::copy_n(atom.tag, n_atoms, atom_ids.begin());
  else
    std::iota(atom_ids.begin(), atom_ids.end(), 0);
  if (is_needed)
    neighbours.build(n_atoms ? atom.x[0] : nullptr, atom_ids.data(), atom.nlocal, n_atoms, cutoff + skin,
                     n_threads);
  is_stale = false;
}

double HealNeighbours::largest_move(LAMMPS *lmp) const
{
  const auto &atom = *lmp->atom;
  if (positions.size() != 3 * static_cast<size_t>(atom.nlocal))
    return HUGE_VAL;
  double largest_square = 0.0;
  for (int i = 0; i < atom.nlocal; i++) {
    double square = 0.0;
    for (int d = 0; d < 3; d++) {
      const double move = atom.x[i][d] - positions[3 * static_cast<size_t>(i) + d];
      square += move * move;
    }
    largest_square = std::max(largest_square, square);
  }
  return std::sqrt(largest_square);
}

bool HealNeighbours::is_outrun(double largest_move_of_all) const
{
  return largest_move_of_all > TRIGGER * skin;
}

double HealNeighbours::n_bytes() const
{
  return neighbours.n_bytes() + static_cast<double>(sizeof(double) * positions.capacity()) +
         static_cast<double>(sizeof(int64_t) * atom_ids.capacity());
}
