// What a model file says without torch; lammps_heal/model/README.md describes the format. Knows neither torch
// nor LAMMPS.

#ifndef HEAL_MODEL_ARCHIVE_H
#define HEAL_MODEL_ARCHIVE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lammps_heal
{

// Weights as heal_weights in heal_kernel.h has them. The record is what TorchScript itself makes of a small
// periodic crystal: a kernel must give the same.
struct Model {
  std::string name;                       // as the user named it
  std::string structure;                  // like fcc
  std::vector<std::string> structures;    // of a joint model all, the one above first
  std::vector<std::string> elements;      // their places are the species' numbers where n_species is not 1
  std::vector<double> masses;             // g/mol, one for each element
  double lattice_constant;                // Å, of the relaxed crystal
  double cutoff;                          // Å
  double max_displacement;                // Å, default cap of one healing step
  int n_channels, n_hidden, n_layers, n_intervals;
  int n_species;               // elements that the network tells apart, all of them or 1
  std::string weights_hash;    // of the TorchScript's parameters
  std::string file_hash;       // of all that is read here

  std::vector<float> radial, messages, mixing;
  std::vector<float> weights[3], biases[3];    // of the per-atom network
  std::vector<float> species_factors, species_bias;

  int n_record;
  std::vector<double> record_positions;       // (n_record, 3) Å
  std::vector<double> record_cell;            // (3, 3) Å, rows are vectors
  std::vector<double> record_displacement;    // (n_record, 3) Å, not capped
  std::vector<int32_t> record_species;        // (n_record,)
};

// file: the bytes of a model file; name: what messages call it. Any bytes will do: throws std::runtime_error
// with one line that says what is wrong and what to do.
Model read_model(std::string_view file, const std::string &name);

}    // namespace lammps_heal

#endif
