// Reads the model that fix heal names, and chooses what computes: the kernel, or TorchScript.

#ifndef LMP_HEAL_BACKEND_H
#define LMP_HEAL_BACKEND_H

#include "backend.h"
#include "heal_settings.h"
#include "model_archive.h"

#include "lammps.h"

#include <memory>
#include <string>

namespace LAMMPS_NS
{

struct HealModel {
  std::string file;    // its bytes, for TorchScript
  lammps_heal::Model model;
  double length_scale;    // this crystal's lengths in those of the model
};

// Collective, as what follows. One rank reads the file, so that it is there for all or for none. Raises
// LAMMPS's error where it is not a model.
HealModel read_heal_model(LAMMPS *lmp, const HealSettings &settings);

// Scales the model to a lattice constant, Å; 0: its own. Raises LAMMPS's error where it cannot be.
void set_lattice(LAMMPS *lmp, double lattice, HealModel &model);

// The kernel where the settings allow it and it agrees with the model's record on all ranks, so that all
// compute in the same way; TorchScript otherwise, with a warning where the settings did not ask for it.
// Raises LAMMPS's error where there is neither.
std::unique_ptr<lammps_heal::Backend> make_backend(LAMMPS *lmp, const HealSettings &settings,
                                                   const HealModel &model);

}    // namespace LAMMPS_NS

#endif
