#include "script_module.h"

#include "allowed_operators.h"
#include "sha256.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <sstream>
#include <stdexcept>

using namespace lammps_heal;

// Atoms in a chunk; bounds its memory, to some 30 MB on the CPU, where larger chunks leave the caches
// (measured: 128 to 256 are fastest), and to some 2 GB on a GPU, which wants work.
static constexpr int64_t CHUNK_CPU = 256, CHUNK_CUDA = 16384;

// By default glibc returns a chunk's tensors of some MB to the system and fetches them anew, page by page,
// for the next chunk: measured, that doubles the time of a step.
static void keep_freed_memory()
{
#ifdef __GLIBC__
  constexpr int MB = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 32 * MB);
  mallopt(M_TRIM_THRESHOLD, 128 * MB);
#endif
}

// SHA-256 over names and float32 values of all parameters, in order of name.
static std::string hash_of_weights(const torch::jit::Module &network)
{
  std::map<std::string, torch::Tensor> weights;
  for (const auto &weight : network.named_parameters())
    weights[weight.name] = weight.value;
  Sha256 digest;
  for (const auto &[name, weight] : weights) {
    const auto values = weight.detach().cpu().to(torch::kFloat).contiguous();
    digest.update(name.data(), name.size());
    digest.update(values.data_ptr(), values.nbytes());
  }
  return digest.hexdigest();
}

ScriptModule::ScriptModule(const std::string &file, const std::string &weights_hash,
                           const std::string &device_name, double length_scale) : device(device_name)
{
  keep_freed_memory();
  require_nothing_runs_when_loaded(file);
  std::istringstream stream(file);
  module = torch::jit::load(stream, device);
  require_allowed_operators(module);
  module.eval();
  const auto network = module.attr("network").toModule();
  if (hash_of_weights(network) != weights_hash)
    throw std::runtime_error("its weights do not have the hash that the file records");
  cutoff = length_scale * network.attr("cutoff").toDouble();
  n_species = network.attr("n_species").toInt();
  module.setattr("length_scale", length_scale);
}

// In order of id, so that chunks do not depend on LAMMPS's sorting.
void ScriptModule::order_centres(const heal_atoms &atoms, const int64_t *ids)
{
  centres.resize(atoms.n_centres);
  if (atoms.centres)
    std::copy_n(atoms.centres, atoms.n_centres, centres.begin());
  else
    std::iota(centres.begin(), centres.end(), 0);
  if (ids)
    std::sort(centres.begin(), centres.end(), [ids](int64_t i, int64_t j) { return ids[i] < ids[j]; });
}

torch::Tensor ScriptModule::on_device(const std::vector<int64_t> &rows) const
{
  return torch::tensor(rows, torch::kInt64).to(device);
}

// (n_atoms,), zeros where the network sees none.
torch::Tensor ScriptModule::species_of(const heal_atoms &atoms) const
{
  if (n_species == 1)
    return torch::zeros({n_atoms}, torch::kInt64).to(device);
  if (!atoms.species && n_atoms > 0)
    throw std::runtime_error("the model sees species: give that of each atom");
  return torch::from_blob(const_cast<int32_t *>(atoms.species), {n_atoms}, torch::kInt32)
      .to(device, torch::kInt64);
}

// Returns whether two atoms overlap.
bool ScriptModule::make_chunk(const heal_atoms &atoms, int64_t begin, int64_t end, int64_t *overlap)
{
  std::vector<int64_t> of_chunk(centres.begin() + begin, centres.begin() + end), first = {0}, neighbours;
  for (int64_t i : of_chunk) {
    const double *const x = atoms.positions + 3 * i;
    for (int64_t k = atoms.first[i]; k < atoms.first[i + 1]; k++) {
      const double *const y = atoms.positions + 3 * static_cast<int64_t>(atoms.neighbours[k]);
      const double square =
          (y[0] - x[0]) * (y[0] - x[0]) + (y[1] - x[1]) * (y[1] - x[1]) + (y[2] - x[2]) * (y[2] - x[2]);
      if (square < HEAL_SMALLEST_DISTANCE * HEAL_SMALLEST_DISTANCE) {
        overlap[0] = i;
        overlap[1] = atoms.neighbours[k];
        return true;
      }
      if (square < cutoff * cutoff)
        neighbours.push_back(atoms.neighbours[k]);
    }
    first.push_back(static_cast<int64_t>(neighbours.size()));
  }
  chunks.push_back({begin, end, on_device(of_chunk), on_device(first), on_device(neighbours)});
  return false;
}

bool ScriptModule::pair_forces(const heal_atoms &atoms, const int64_t *ids, double *vectors, int64_t *overlap)
{
  c10::InferenceMode no_gradients;
  n_atoms = atoms.n_atoms;
  order_centres(atoms, ids);
  chunks.clear();
  const auto n_centres = static_cast<int64_t>(centres.size());
  const int64_t chunk_size = device.is_cpu() ? CHUNK_CPU : CHUNK_CUDA;
  for (int64_t begin = 0; begin < n_centres; begin += chunk_size)
    if (make_chunk(atoms, begin, std::min(n_centres, begin + chunk_size), overlap))
      return true;
  positions = torch::from_blob(const_cast<double *>(atoms.positions), {n_atoms, 3}, torch::kFloat64)
                  .to(device, torch::kFloat64, false, true);
  const auto species = species_of(atoms);
  const auto forces = torch::zeros_like(positions);
  mobilities.resize(9 * n_centres);
  for (const auto &chunk : chunks)
    call("forward", chunk, {species, forces}, {3, 3}, &mobilities[9 * chunk.begin]);
  const auto found = forces.to(torch::kCPU);
  for (int64_t i = 0; i < n_atoms; i++) {
    std::copy_n(found.const_data_ptr<double>() + 3 * i, 3, vectors + 4 * i);
    vectors[4 * i + 3] = 0.0;
  }
  return false;
}

void ScriptModule::apply_mobilities(double *vectors) const
{
  const double *mobility = mobilities.data();
  for (int64_t i : centres) {
    double *const v = vectors + 4 * i;
    const double force[3] = {v[0], v[1], v[2]};
    for (int d = 0; d < 3; d++, mobility += 3)
      v[d] = mobility[0] * force[0] + mobility[1] * force[1] + mobility[2] * force[2];
  }
}

void ScriptModule::message_layer(int64_t layer, double *vectors)
{
  c10::InferenceMode no_gradients;
  const auto v_in = torch::from_blob(vectors, {n_atoms, 3}, {4, 1}, torch::kFloat64).to(device);
  std::vector<double> v_out(3 * centres.size());    // apart, since later chunks need v_in
  for (const auto &chunk : chunks)
    call("message_layer", chunk, {v_in, layer}, {3}, &v_out[3 * chunk.begin]);
  for (size_t k = 0; k < centres.size(); k++)
    std::copy_n(&v_out[3 * k], 3, vectors + 4 * centres[k]);
}

// shape: of the method's result for each centre.
void ScriptModule::call(const char *method, const Chunk &chunk, const std::vector<c10::IValue> &more,
                        const std::vector<int64_t> &shape, double *result)
{
  // The profiling executor specialises on shapes, which differ in every chunk.
  torch::jit::GraphOptimizerEnabledGuard no_specialising(false);
  std::vector<c10::IValue> inputs = {positions, chunk.centres, chunk.first, chunk.neighbours};
  inputs.insert(inputs.end(), more.begin(), more.end());
  const auto found =
      module.get_method(method)(inputs).toTensor().to(torch::kCPU, torch::kFloat64).contiguous();
  auto expected = shape;
  expected.insert(expected.begin(), chunk.end - chunk.begin);
  if (found.sizes() != expected)
    throw std::runtime_error(std::string(method) + " has a result of another shape");
  std::copy_n(found.const_data_ptr<double>(), found.numel(), result);
}
