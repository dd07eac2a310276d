#include "lammps_atoms.h"

#include "atom.h"
#include "domain.h"

#include <cmath>
#include <stdexcept>
#include <string>

using namespace LAMMPS_NS;
using lammps_heal::PeriodicCell;

PeriodicCell LAMMPS_NS::cell_of(const Domain &domain)
{
  PeriodicCell cell = {};
  for (int d = 0; d < 3; d++) {
    cell.vectors[d][d] = domain.prd[d];
    cell.is_periodic[d] = domain.periodicity[d];
  }
  if (domain.triclinic) {
    cell.vectors[1][0] = domain.xy;
    cell.vectors[2][0] = domain.xz;
    cell.vectors[2][1] = domain.yz;
  }
  return cell;
}

void LAMMPS_NS::require_finite(const Atom &atom)
{
  for (int i = 0; i < atom.nlocal; i++)
    if (!std::isfinite(atom.x[i][0]) || !std::isfinite(atom.x[i][1]) || !std::isfinite(atom.x[i][2]))
      throw std::runtime_error("the position of " +
                               (atom.tag_enable ? "atom " + std::to_string(atom.tag[i]) : "an atom") +
                               " is not finite");
}
