// A small periodic crystal as an open cluster: its atoms, and the images of them within a cutoff as ghosts.

#ifndef HEAL_PERIODIC_CRYSTAL_H
#define HEAL_PERIODIC_CRYSTAL_H

#include "healing_step.h"

#include <vector>

namespace lammps_heal
{

class PeriodicCrystal : public Communicator
{
 public:
  // positions: (n, 3) Å. species: (n,). cell: (3, 3) Å, rows are vectors. Throws std::runtime_error where the cell is
  // singular or so small that the ghosts would be too many.
  PeriodicCrystal(const std::vector<double> &positions, const std::vector<int32_t> &species,
                  const std::vector<double> &cell, double cutoff);

  void reverse(double *vectors) override;
  void forward(double *vectors) override;
  void largest(double * /*values*/, int /*n*/) override {}

  // For the step, with all atoms to move. It is good for as long as the crystal is.
  StepInput input() const;
  int64_t n_atoms() const
  {
    return static_cast<int64_t>(owners.size());
  }

 private:
  std::vector<double> positions;    // (n_atoms, 3) Å, ghosts last
  std::vector<int64_t> owners;      // (n_atoms,): of a local atom itself
  std::vector<int32_t> species;     // (n_atoms,)
  int64_t nlocal;
  NeighbourList list;

  void add_images(const std::vector<double> &cell, double cutoff);
};

// Å, the largest component of the difference between the displacements that this backend finds for the
// model's record and those recorded. Throws std::runtime_error where the backend fails on it.
double difference_from_record(const Model &model, Backend &backend);

}    // namespace lammps_heal

#endif
