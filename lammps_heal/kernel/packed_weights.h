// A model's weights as the stages read them, on any processor or card: plain data, no standard library.

#ifndef HEAL_PACKED_WEIGHTS_H
#define HEAL_PACKED_WEIGHTS_H

namespace lammps_heal
{

constexpr int N_DEGREES = 4;                    // of spherical harmonics, l = 0 .. 3
constexpr int N_HARMONICS = 16;                 // of all degrees together
constexpr int N_COEFFICIENTS = 3;               // of the quadratic in each interval of the tables
constexpr int N_DENSE = 3;                      // layers of the per-atom network
constexpr int MESSAGE_ROW = 8;                  // floats of an interval: a_0, b_0, a_1, b_1, a_2, b_2, 0, 0
constexpr int N_MIXED = 3;                      // degrees with a mixing matrix of their own: l = 1 .. 3
constexpr double SMALLEST_DISTANCE = 1.0e-4;    // Å; nearer atoms overlap

// The weights of a model, zero padded: channels to a multiple of the vector width, hidden units too.
struct PackedWeights {
  int n_channels, n_hidden;    // padded
  int n_outputs;               // of the per-atom network, padded
  int n_intervals, n_layers, n_species;
  float intervals_per_length;    // 1/Å, of the model as trained
  float cutoff;                  // Å, of the model as trained
  // Coefficients of R_kl and Q_kl, [n_species][n_intervals][N_COEFFICIENTS][N_DEGREES][n_channels]: those of
  // each species of the neighbour are multiplied by its factors.
  const float *r, *q;
  const float *messages;    // of a and b of each message-passing layer, [n_layers][n_intervals][MESSAGE_ROW]
  const float *mixing;      // C of degrees 1 to 3, [N_MIXED][n_channels][n_channels], row k', column k
  // [inputs][outputs] of each layer of the per-atom network. Outputs: g by degree, then t / n_channels, then
  // s.
  const float *weights[N_DENSE];
  const float *biases[N_DENSE];
  const float *species_bias;    // [n_species][n_hidden], added to the first; null where there is one species
};

}    // namespace lammps_heal

#endif
