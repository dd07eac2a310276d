// The neighbour shells of crystal structures; the same as SHELLS of lammps_heal/analysis/local_structure.py.

#ifndef HEAL_CRYSTAL_SHELLS_H
#define HEAL_CRYSTAL_SHELLS_H

#include <string>

namespace lammps_heal
{

struct CrystalShells {
  const char *structure;
  double nearest;      // nearest-neighbour distance, in lattice constants
  double bond;         // nearer atoms are counted in the coordination, in nearest-neighbour distances
  int coordination;    // of the perfect crystal, and how many bonds a vacancy takes
  int gained, lost;    // bonds by which the atoms around one interstitial have more, or fewer, than the
                       // perfect crystal's
  bool is_diamond;
  int label;    // of an atom of the perfect crystal; see heal_analysis.h
};

// Å, the soft floor of a crystal of this lattice constant; 0 where the structure's nearest neighbours are not
// known.
double soft_floor_of(const std::string &structure, double lattice_constant);

// Throws std::runtime_error for a structure that labels do not know.
const CrystalShells &shells_of(const std::string &structure);
bool has_shells(const std::string &structure);

}    // namespace lammps_heal

#endif
