// The nearest neighbours of an atom, in order of distance.

#ifndef HEAL_NEAREST_NEIGHBOURS_H
#define HEAL_NEAREST_NEIGHBOURS_H

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace lammps_heal
{

// Local atoms first; the neighbours of local atom i are neighbours[first[i]] to neighbours[first[i + 1] - 1].
struct ListedPositions {
  const double *positions;    // (n_atoms, 3) Å
  int64_t nlocal;
  const int64_t *first;
  const int32_t *neighbours;
};

struct Neighbour {
  double square, vector[3];    // Å², Å
};

// Writes the n nearest of atom i, n at most MOST; false where there are fewer, or one lies on the atom.
template <size_t MOST>
bool find_nearest(const ListedPositions &atoms, int64_t i, int n, std::array<Neighbour, MOST> &near)
{
  int found = 0;
  for (int64_t k = atoms.first[i]; k < atoms.first[i + 1]; k++) {
    Neighbour one = {};
    for (int d = 0; d < 3; d++) {
      one.vector[d] =
          atoms.positions[3 * static_cast<int64_t>(atoms.neighbours[k]) + d] - atoms.positions[3 * i + d];
      one.square += one.vector[d] * one.vector[d];
    }
    if (found == n && !(one.square < near[n - 1].square))
      continue;
    int at = found < n ? found++ : n - 1;
    for (; at > 0 && one.square < near[at - 1].square; at--)
      near[at] = near[at - 1];
    near[at] = one;
  }
  return found == n && near[0].square > 0.0;
}

// Length of the mean of the directions to the first n: 0 inside of a crystal, large at its surface.
template <size_t MOST> double lopsidedness(const std::array<Neighbour, MOST> &near, int n)
{
  double direction[3] = {};
  for (int k = 0; k < n; k++)
    for (int d = 0; d < 3; d++)
      direction[d] += near[k].vector[d] / std::sqrt(near[k].square) / n;
  return std::hypot(direction[0], direction[1], direction[2]);
}

}    // namespace lammps_heal

#endif
