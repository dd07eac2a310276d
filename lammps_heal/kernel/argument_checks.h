// Checks of what callers of heal_kernel.h give. Each throws WrongArgument (status.h), and says what to do.

#ifndef HEAL_ARGUMENT_CHECKS_H
#define HEAL_ARGUMENT_CHECKS_H

#include "heal_kernel.h"

namespace lammps_heal
{

class Kernel;

int max_threads();

void check_weights(const heal_weights &weights);
// on_card: where neighbours are found, and all local atoms are centres.
void check_atoms(const heal_atoms &atoms, const Kernel &kernel, bool on_card);
void check_vectors(const double *vectors, int64_t n_atoms);
void check_listed_atoms(const double *positions, const int64_t *ids, int64_t nlocal, int64_t n_atoms);
// All but the neighbours themselves.
void check_listed_pairs(const heal_atoms &atoms);
void check_cutoff(double cutoff);
void check_threads(int n_threads);

}    // namespace lammps_heal

#endif
