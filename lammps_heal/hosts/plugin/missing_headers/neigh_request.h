// The one function of LAMMPS's NeighRequest that fix heal calls, for LAMMPS installations that lack the
// header. Neighbor::add_request makes the object, so its layout does not matter here.

#ifndef LMP_NEIGH_REQUEST_H
#define LMP_NEIGH_REQUEST_H

#include "pointers.h"

namespace LAMMPS_NS
{

class NeighRequest : protected Pointers
{
 public:
  void set_cutoff(double cutoff);
};

}    // namespace LAMMPS_NS

#endif
