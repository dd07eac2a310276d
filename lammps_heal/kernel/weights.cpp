#include "weights.h"

using namespace lammps_heal;

static int padded(int n, int to)
{
  return (n + to - 1) / to * to;
}

float *Weights::zeros(size_t n)
{
  owned.emplace_back();
  return owned.back().zeros(n);
}

Weights::Weights(const heal_weights &weights, int width) : numbers(), full_cutoff(weights.cutoff)
{
  numbers.n_channels = padded(weights.n_channels, width);
  numbers.n_hidden = padded(weights.n_hidden, EDGE_PADDING);    // lanes of the widest vector
  numbers.n_outputs = padded((N_DEGREES + 1) * numbers.n_channels + 1, EDGE_PADDING);
  numbers.n_intervals = weights.n_intervals;
  numbers.n_layers = weights.n_layers;
  numbers.n_species = weights.n_species;
  numbers.intervals_per_length = static_cast<float>(weights.n_intervals / weights.cutoff);
  numbers.cutoff = static_cast<float>(weights.cutoff);
  pack_radial(weights);
  pack_messages(weights);
  pack_mixing(weights);
  pack_per_atom_network(weights);
  pack_species_bias(weights);
}

void Weights::pack_radial(const heal_weights &weights)
{
  const int n = weights.n_channels, n_padded = numbers.n_channels;
  const size_t row = static_cast<size_t>(N_DEGREES) * n_padded,
               n_rows = static_cast<size_t>(N_COEFFICIENTS) * weights.n_intervals;
  const size_t n_floats = weights.n_species * n_rows * row;
  float *const tables[2] = {zeros(n_floats), zeros(n_floats)};
  const bool has_factors = weights.n_species > 1;
  for (int s = 0; s < weights.n_species; s++) {
    const float *from = weights.radial;
    for (size_t i = s * n_rows; i < (s + 1) * n_rows; i++)
      for (int t = 0; t < 2; t++)
        for (int l = 0; l < N_DEGREES; l++, from += n) {
          float *const to = tables[t] + i * row + static_cast<size_t>(l) * n_padded;
          const float *const factors = has_factors ? weights.species_factors + (2 * s + t) * n : nullptr;
          for (int k = 0; k < n; k++)
            to[k] = has_factors ? factors[k] * from[k] : from[k];
        }
  }
  numbers.r = tables[0];
  numbers.q = tables[1];
}

void Weights::pack_messages(const heal_weights &weights)
{
  const auto n_intervals = static_cast<size_t>(weights.n_intervals);
  float *const rows = zeros(weights.n_layers * n_intervals * MESSAGE_ROW);
  const float *from = weights.messages;
  for (size_t i = 0; i < n_intervals; i++)
    for (int power = 0; power < N_COEFFICIENTS; power++)
      for (int layer = 0; layer < weights.n_layers; layer++, from += 2)
        std::copy_n(from, 2, rows + (layer * n_intervals + i) * MESSAGE_ROW + 2 * power);
  numbers.messages = rows;
}

void Weights::pack_mixing(const heal_weights &weights)
{
  const auto n = static_cast<size_t>(weights.n_channels), n_padded = static_cast<size_t>(numbers.n_channels);
  float *const mixing = zeros(N_MIXED * n_padded * n_padded);
  for (size_t l = 1; l < N_DEGREES; l++)
    for (size_t k = 0; k < n; k++)
      std::copy_n(weights.mixing + (l * n + k) * n, n, mixing + ((l - 1) * n_padded + k) * n_padded);
  numbers.mixing = mixing;
}

// Invariants and outputs lie degree by degree, each padded; hidden units follow each other. Behind g are t,
// as many as channels, and s.
void Weights::pack_per_atom_network(const heal_weights &weights)
{
  const int n = weights.n_channels, n_padded = numbers.n_channels;
  const int sizes[] = {N_DEGREES * n, weights.n_hidden, weights.n_hidden, (N_DEGREES + 1) * n + 1};
  const int padded_sizes[] = {N_DEGREES * n_padded, numbers.n_hidden, numbers.n_hidden, numbers.n_outputs};
  auto index = [&](int number, bool is_hidden) {
    return is_hidden ? number : number / n * n_padded + number % n;
  };
  for (int layer = 0; layer < N_DENSE; layer++) {
    const bool is_first = layer == 0, is_last = layer == N_DENSE - 1;
    const int n_in = sizes[layer], n_out = padded_sizes[layer + 1];
    float *const matrix = zeros(static_cast<size_t>(padded_sizes[layer]) * n_out), *const biases =
                                                                                       zeros(n_out);
    for (int to = 0; to < sizes[layer + 1]; to++) {
      const int column = index(to, !is_last);
      // The formula has t / n_channels.
      const float scale = is_last && to / n == N_DEGREES ? 1.0f / static_cast<float>(n) : 1.0f;
      biases[column] = scale * weights.biases[layer][to];
      for (int from = 0; from < n_in; from++)
        matrix[static_cast<size_t>(index(from, !is_first)) * n_out + column] =
            scale * weights.weights[layer][static_cast<size_t>(to) * n_in + from];
    }
    numbers.weights[layer] = matrix;
    numbers.biases[layer] = biases;
  }
}

void Weights::pack_species_bias(const heal_weights &weights)
{
  if (weights.n_species == 1)
    return;
  float *const bias = zeros(static_cast<size_t>(weights.n_species) * numbers.n_hidden);
  for (int s = 0; s < weights.n_species; s++)
    std::copy_n(weights.species_bias + static_cast<size_t>(s) * weights.n_hidden, weights.n_hidden,
                bias + static_cast<size_t>(s) * numbers.n_hidden);
  numbers.species_bias = bias;
}
