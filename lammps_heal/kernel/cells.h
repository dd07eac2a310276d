// Atoms sorted into cells, for neighbour lists.

#ifndef HEAL_CELLS_H
#define HEAL_CELLS_H

#include "instruction_set.h"

#include <array>
#include <vector>

namespace lammps_heal
{

// Cells along a cutoff. A row of cells along x is one stretch of atoms, searched by whole vectors: few long
// stretches beat many short ones that hug the sphere better.
constexpr std::array<int, 3> CELLS_PER_CUTOFF = {4, 1, 1};

// Any number is allowed in positions. Atoms of which one is not finite are in no cell.
class Cells
{
 public:
  // positions: (n_atoms, 3) Å, which must stay. order: (n_atoms,), the atom of each rank; in the cells ranks
  // stand for atoms. Throws std::bad_alloc.
  Cells(const double *positions, const std::vector<int32_t> &order, double cutoff);

  double volume() const;      // Å^3, of all cells with atoms, at least that of one
  double furthest() const;    // Å, between two atoms along an axis
  bool has(int64_t atom) const;

  // Writes the ranks of atoms nearer to this one, which must be in a cell, than the root of the square, in Å,
  // as floats compute it: its own too. Not in order. found: (n_atoms + EDGE_PADDING,). Returns how many.
  int64_t find_near(const InstructionSet &functions, int64_t atom, float square, int32_t *found) const;

 private:
  std::vector<double> shortened;    // coordinates where positions cannot serve, or empty
  const double *coordinates;        // (n_atoms, 3) Å
  std::array<double, 3> low, high;
  std::array<double, 3> side;    // of a cell
  std::array<int64_t, 3> n;
  std::vector<int32_t> start;    // of each cell in the arrays below
  std::vector<int32_t> ranks;    // with EDGE_PADDING, as those below
  std::vector<float> x, y, z;    // Å, from `low`

  bool find_bounds(int64_t n_atoms);
  double number_of_cells() const;
  void shorten_gaps(const double *positions, int64_t n_atoms, double gap);
  void sort_atoms(const std::vector<int32_t> &order);
  int64_t cell_along(int d, double coordinate) const;
};

}    // namespace lammps_heal

#endif
