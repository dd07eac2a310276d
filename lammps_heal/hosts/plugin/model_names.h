// Finds a model file by its path or by the name of a model that comes with lammps-heal.

#ifndef HEAL_MODEL_NAMES_H
#define HEAL_MODEL_NAMES_H

#include <string>

namespace lammps_heal
{

// name: a path, which wins if something is there, or the name of a shipped model, like fcc.
// Returns the path. Throws std::runtime_error that lists the shipped models where it is neither.
std::string find_model(const std::string &name);

// The bytes of a file. Throws std::runtime_error with one line that says why it cannot be read.
std::string read_model_file(const std::string &path, const std::string &name);

// Folder of the plugin that this function is in, with a slash at its end; empty where it cannot be found.
std::string plugin_folder();

}    // namespace lammps_heal

#endif
