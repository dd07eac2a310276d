#include "healed_copy.h"

#include <algorithm>
#include <cmath>

using namespace lammps_heal;

// Of the model's cutoff: what lists reach beyond it, but for the first, which the first step outruns whatever
// it reaches. Later steps are short. Measured, 32,000 atoms at 0.9 T_m: a list without skin and one with this
// cost as much as one of a skin of 0.4, which serves most crystals for all steps and slows each of them by a
// tenth.
static constexpr double SKIN = 0.12;

HealedCopy::HealedCopy(Backend &backend, const CopySettings &settings, MPI_Comm world,
                       StopIfAny stop_if_any) :
    settings(settings), stop_if_any(stop_if_any), ghosts(world, stop_if_any), step(backend)
{
}

void HealedCopy::heal(const CopiedAtoms &atoms, const PeriodicCell &cell)
{
  n_local = atoms.nlocal;
  stop_if_any(problem_of([&]() { x.assign(atoms.positions, atoms.positions + 3 * n_local); }));
  build_list(settings.cutoff, atoms, cell);
  for (int k = 0; k < settings.n_steps; k++) {
    if (k > 0)
      make_neighbours_reach(settings.cutoff, atoms, cell);
    do_step(atoms);
  }
  make_neighbours_reach(settings.search, atoms, cell);
  if (!step.needs_list())
    find_neighbours();
  ghosts.forward_values(last.data());
}

void HealedCopy::build_list(double distance, const CopiedAtoms &atoms, const PeriodicCell &cell)
{
  reach = distance;
  ghosts.find_ghosts(x.data(), n_local, cell, reach);
  const int64_t n = n_atoms();
  stop_if_any(problem_of([&]() {
    listed.assign(x.begin(), x.begin() + 3 * n_local);
    x.resize(3 * n);
    ids.resize(n);
    values.resize(n);
    last.resize(n);
    moves.resize(n);
    species.resize(atoms.species ? n : 0);
    step.resize(n);
  }));
  ghosts.forward_positions(x.data());
  std::copy_n(atoms.ids, n_local, values.begin());    // exact below 2^53
  ghosts.forward_values(values.data());
  std::copy_n(values.begin(), n, ids.begin());
  if (atoms.moves) {
    std::copy_n(atoms.moves, n_local, values.begin());
    ghosts.forward_values(values.data());
    std::copy_n(values.begin(), n, moves.begin());
  }
  if (atoms.species) {
    std::copy_n(atoms.species, n_local, values.begin());
    ghosts.forward_values(values.data());
    std::copy_n(values.begin(), n, species.begin());
  }
  if (step.needs_list())
    find_neighbours();
}

void HealedCopy::find_neighbours()
{
  stop_if_any(problem_of(
      [&]() { neighbours.build(x.data(), ids.data(), n_local, n_atoms(), reach, settings.n_threads); }));
}

// Builds ghosts and list anew where they may miss neighbours within `distance`, Å, and moves the ghosts with
// their owners where they do not.
void HealedCopy::make_neighbours_reach(double distance, const CopiedAtoms &atoms, const PeriodicCell &cell)
{
  double largest = largest_move_since_list();
  ghosts.largest(&largest, 1);
  if (distance + 2.0 * largest > reach)
    build_list((1.0 + SKIN) * settings.cutoff, atoms, cell);
  else
    ghosts.forward_positions(x.data());
}

double HealedCopy::largest_move_since_list() const
{
  double largest_square = 0.0;
  for (int64_t i = 0; i < n_local; i++) {
    double square = 0.0;
    for (int d = 0; d < 3; d++) {
      const double move = x[3 * i + d] - listed[3 * i + d];
      square += move * move;
    }
    largest_square = std::max(largest_square, square);
  }
  return std::sqrt(largest_square);
}

void HealedCopy::do_step(const CopiedAtoms &atoms)
{
  StepInput input = {};
  input.atoms.positions = x.data();
  input.atoms.n_atoms = n_atoms();
  input.atoms.nlocal = n_local;
  input.atoms.first = neighbours.first();
  input.atoms.neighbours = neighbours.neighbours();
  input.atoms.length_scale = settings.length_scale;
  input.atoms.n_threads = settings.n_threads;
  input.atoms.species = atoms.species ? species.data() : nullptr;
  input.ids = ids.data();
  input.moves = atoms.moves ? moves.data() : nullptr;
  input.floor = settings.floor;
  stop_if_any(step.find_displacements(input, settings.max_displacement, ghosts));
  for (int64_t i = 0; i < n_local; i++) {
    const double *const displacement = step.displacement(i);
    for (int d = 0; d < 3; d++)
      x[3 * i + d] += displacement[d];
    last[i] = displacement[3];
  }
}

double HealedCopy::n_bytes() const
{
  const size_t n_doubles = x.capacity() + listed.capacity() + last.capacity() + values.capacity();
  return static_cast<double>(sizeof(double) * n_doubles + sizeof(int64_t) * ids.capacity() +
                             sizeof(int32_t) * species.capacity() + moves.capacity()) +
         step.n_bytes() + neighbours.n_bytes();
}
