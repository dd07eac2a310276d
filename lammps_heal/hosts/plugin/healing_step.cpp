#include "healing_step.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <stdexcept>

using namespace lammps_heal;

static constexpr int SWEEPS = 10;    // of the soft floor; as in lammps_heal/step/soft_floor.py

static std::string name_of(const StepInput &input, int64_t i)
{
  return input.ids ? "atom " + std::to_string(input.ids[i]) : "an atom";
}

static std::string overlap_message(const StepInput &input, const OverlapError &error)
{
  const double *const one = input.atoms.positions + 3 * error.atoms[0];
  const double *const other = input.atoms.positions + 3 * error.atoms[1];
  char place[256];
  std::snprintf(
      place, sizeof(place),
      "(%.3f, %.3f, %.3f) Å, %.3g Å apart: delete one of them (\"delete_atoms overlap %g all all\")", one[0],
      one[1], one[2], std::hypot(other[0] - one[0], other[1] - one[1], other[2] - one[2]),
      HEAL_SMALLEST_DISTANCE);
  return name_of(input, error.atoms[0]) + " and " + name_of(input, error.atoms[1]) + " overlap, at " + place;
}

// Ranks wait for each other in the communicator alone, so what is wrong on one is kept until the end.
std::string HealingStep::find_displacements(const StepInput &input, double max_displacement,
                                            Communicator &communicator)
{
  auto problem = problem_of([&]() { pair_forces(input); });
  communicator.reverse(vectors.get());
  auto go_on = [&](const auto &work) {
    if (problem.empty())
      problem = problem_of(work);
  };
  go_on([&]() {
    if (has_centres)
      backend.apply_mobilities(vectors.get());
    keep_those_that_move(input);
  });
  for (int layer = 0; layer < backend.n_layers(); layer++) {
    communicator.forward(vectors.get());
    go_on([&]() {
      if (has_centres)
        backend.message_layer(layer, vectors.get());
      keep_those_that_move(input);
    });
  }
  go_on([&]() { cap(input, max_displacement); });
  if (input.floor > 0.0)
    keep_apart(input, communicator, problem);
  return problem;
}

// All ranks do the same number of sweeps, one with a problem too, where nothing moves then, and one without near
// pairs.
void HealingStep::keep_apart(const StepInput &input, Communicator &communicator, std::string &problem)
{
  if (!problem.empty())
    std::fill_n(vectors.get(), 4 * input.atoms.n_atoms, 0.0);
  const double nearest = has_centres ? backend.nearest() : HUGE_VAL;
  double of_all[2] = {0.0, -nearest};
  for (int64_t i = 0; i < input.atoms.nlocal; i++)
    of_all[0] = std::max(of_all[0], length(i));
  communicator.largest(of_all, 2);
  const double longest = of_all[0], nearest_of_all = -of_all[1], reach = input.floor + 2.0 * longest;
  if (nearest_of_all >= reach)
    return;
  const bool is_near = nearest < reach;
  auto atoms = input.atoms;
  auto go_on = [&](const auto &work) {
    if (problem.empty() && is_near)
      problem = problem_of(work);
  };
  go_on([&]() {
    if (!backend.needs_list())
      find_close_neighbours(input, reach, atoms);
    soft_floor.begin(input.floor, longest);
  });
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    communicator.forward(vectors.get());
    double is_any = 0.0;
    go_on([&]() { is_any = soft_floor.is_any_too_near(atoms, vectors.get()); });
    communicator.largest(&is_any, 1);
    if (is_any == 0.0)
      break;
    if (sweep == 0)
      shorten(input, longest);    // none is longer, but their lengths are those of vectors that were capped
    go_on([&]() { soft_floor.take_back(vectors.get()); });
    keep_those_that_move(input);
  }
}

// The list that a backend which finds neighbours itself does not leave.
void HealingStep::find_close_neighbours(const StepInput &input, double reach, heal_atoms &atoms)
{
  std::vector<int64_t> numbers;
  if (!input.ids) {
    numbers.resize(atoms.n_atoms);
    std::iota(numbers.begin(), numbers.end(), 0);
  }
  close_neighbours.build(atoms.positions, input.ids ? input.ids : numbers.data(), atoms.nlocal, atoms.n_atoms,
                         reach, atoms.n_threads);
  atoms.first = close_neighbours.first();
  atoms.neighbours = close_neighbours.neighbours();
}

// Atoms that move, and their neighbours: of the force between two, each computes its part.
heal_atoms HealingStep::with_centres(const StepInput &input)
{
  auto atoms = input.atoms;
  atoms.centres = nullptr;
  atoms.n_centres = atoms.nlocal;
  if (!input.moves || !backend.needs_list())
    return atoms;
  centres.clear();
  for (int64_t i = 0; i < atoms.nlocal; i++) {
    bool is_near = input.moves[i];
    for (int64_t k = atoms.first[i]; k < atoms.first[i + 1] && !is_near; k++)
      is_near = input.moves[atoms.neighbours[k]];
    if (is_near)
      centres.push_back(static_cast<int32_t>(i));
  }
  atoms.n_centres = static_cast<int64_t>(centres.size());
  if (atoms.n_centres < atoms.nlocal)
    atoms.centres = centres.data();
  return atoms;
}

void HealingStep::pair_forces(const StepInput &input)
{
  has_centres = false;
  const auto atoms = with_centres(input);
  if (atoms.n_centres == 0) {
    std::fill_n(vectors.get(), 4 * atoms.n_atoms, 0.0);
    return;
  }
  try {
    backend.pair_forces(atoms, input.ids, vectors.get());
  } catch (const OverlapError &error) {
    throw std::runtime_error(overlap_message(input, error));
  }
  has_centres = true;
}

void HealingStep::keep_those_that_move(const StepInput &input)
{
  for (int64_t i = 0; input.moves && i < input.atoms.nlocal; i++)
    if (!input.moves[i])
      std::fill_n(vectors[i], 4, 0.0);
}

double HealingStep::length(int64_t i) const
{
  const double *const v = vectors[i];
  return std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

void HealingStep::shorten(const StepInput &input, double longest)
{
  for (int64_t i = 0; i < input.atoms.nlocal; i++) {
    double *const v = vectors[i];
    const double length_before = length(i);
    const double shortened = length_before > longest ? longest / length_before : 1.0;
    for (int d = 0; d < 3; d++)
      v[d] *= shortened;
    v[3] = shortened * length_before;
  }
}

void HealingStep::cap(const StepInput &input, double max_displacement)
{
  capped = 0;
  for (int64_t i = 0; i < input.atoms.nlocal; i++) {
    if (!std::isfinite(length(i)))
      throw std::runtime_error("the displacement of " + name_of(input, i) +
                               " is not finite: the model is damaged, export it anew");
    capped += length(i) > max_displacement;
  }
  shorten(input, max_displacement);
}

double HealingStep::n_bytes() const
{
  return backend.n_bytes() + vectors.n_bytes() + close_neighbours.n_bytes() + soft_floor.n_bytes() +
         sizeof(int32_t) * static_cast<double>(centres.capacity());
}
