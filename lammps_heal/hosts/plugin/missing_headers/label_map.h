// The one function of LAMMPS's LabelMap that fix heal calls, for LAMMPS installations that lack the header.
// Atom makes the object, so its layout does not matter here.

#ifndef LMP_LABEL_MAP_H
#define LMP_LABEL_MAP_H

#include "pointers.h"

namespace LAMMPS_NS
{

class LabelMap : protected Pointers
{
 public:
  int find(const std::string &label, int kind) const;    // 1-based type, or -1
};

}    // namespace LAMMPS_NS

#endif
