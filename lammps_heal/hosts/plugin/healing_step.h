// One healing step, on any positions: LAMMPS's own, a copy of them, or a small periodic crystal.

#ifndef HEAL_HEALING_STEP_H
#define HEAL_HEALING_STEP_H

#include "backend.h"
#include "kernel_backend.h"
#include "soft_floor.h"

#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <vector>

namespace lammps_heal
{

// What work throws, in one line; or nothing.
template <typename Work> std::string problem_of(const Work &work)
{
  try {
    work();
  } catch (const std::bad_alloc &) {
    return "the memory does not suffice";
  } catch (const std::exception &reason) {
    return reason.what();
  }
  return "";
}

// Carries vectors, (n_atoms, 4), between local atoms and their ghosts, here and on other ranks: collective
// calls.
class Communicator
{
 public:
  virtual ~Communicator() = default;
  // Adds those of ghosts to their owners'.
  virtual void reverse(double *vectors) = 0;
  // Copies those of owners to their ghosts.
  virtual void forward(double *vectors) = 0;
  // Each of the n values becomes the largest of all ranks'.
  virtual void largest(double *values, int n) = 0;
};

struct StepInput {
  heal_atoms atoms;      // the step chooses the centres
  const int64_t *ids;    // (n_atoms,), or null; messages name atoms by them
  const char *moves;     // (n_atoms,), 0 for atoms that stay; or null: all move
  double floor;          // Å, the soft floor; 0: none
};

class HealingStep
{
 public:
  explicit HealingStep(Backend &backend) : backend(backend), vectors(backend.native_kernel()) {}

  // Whether the input's neighbour list is looked at.
  bool needs_list() const
  {
    return backend.needs_list();
  }

  // Memory for so many atoms, local and ghost. Throws std::bad_alloc.
  void resize(int64_t n_atoms)
  {
    vectors.resize(n_atoms);
  }

  // Finds the displacements of all local atoms, zero for those that stay, none longer than max_displacement,
  // Å, none bringing two atoms below the soft floor. After resize. All ranks wait for each other in it, so that it never throws: returns what is wrong on
  // this rank, or nothing.
  std::string find_displacements(const StepInput &input, double max_displacement, Communicator &communicator);

  // Of local atom i: x, y, z, to be added, and their length, Å.
  const double *displacement(int64_t i) const
  {
    return vectors[i];
  }
  // Local atoms whose displacement was shortened.
  int64_t n_capped() const
  {
    return capped;
  }
  double n_bytes() const;

 private:
  Backend &backend;
  Vectors vectors;
  std::vector<int32_t> centres;
  bool has_centres = false;    // on this rank
  int64_t capped = 0;
  SoftFloor soft_floor;
  NeighbourList close_neighbours;    // for the soft floor, where the backend needs no list

  heal_atoms with_centres(const StepInput &input);
  void find_close_neighbours(const StepInput &input, double reach, heal_atoms &atoms);
  void pair_forces(const StepInput &input);
  void keep_those_that_move(const StepInput &input);
  void cap(const StepInput &input, double max_displacement);
  double length(int64_t i) const;
  void shorten(const StepInput &input, double longest);
  void keep_apart(const StepInput &input, Communicator &communicator, std::string &problem);
};

}    // namespace lammps_heal

#endif
