// Reads the sites of a reference crystal: the atoms of a LAMMPS data file, or of the first frame of a text
// dump. Knows neither LAMMPS nor MPI.

#ifndef HEAL_REFERENCE_FILE_H
#define HEAL_REFERENCE_FILE_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace lammps_heal
{

// A site in fractions of its cell's vectors, from the cell's corner.
struct ReferenceSite {
  std::array<double, 3> fraction;
  int64_t id;
  int32_t type;
};

struct ReferenceCrystal {
  std::array<double, 3> origin;    // Å, corner of the cell
  double vectors[3][3];            // Å; vectors[k]: of the cell, lower triangular
  std::vector<ReferenceSite> sites;
};

// Throws std::runtime_error with one line that says what is wrong, and what to do.
ReferenceCrystal read_reference(const std::string &path);

}    // namespace lammps_heal

#endif
