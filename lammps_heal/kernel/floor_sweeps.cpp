#include "floor_sweeps.h"

#include "kernel.h"
#include "status.h"
#include "threads.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace lammps_heal;

static constexpr double TOLERANCE = 5.0e-4;    // of the floor; as in soft_floor.py

static double square_of(const double *v)
{
  return v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
}

static std::array<double, 3> edge_vector(const heal_atoms &atoms, int32_t i, int32_t j)
{
  const double *const from = atoms.positions + 3 * static_cast<int64_t>(i);
  const double *const to = atoms.positions + 3 * static_cast<int64_t>(j);
  return {to[0] - from[0], to[1] - from[1], to[2] - from[2]};
}

// Whether d + approach / d < distance, for pairs that come nearer; without root and division, as most do not.
static bool may_come_within(double distance, double square, double approach)
{
  const double sum = square + approach;    // d times the new distance
  return approach < 0.0 && (sum <= 0.0 || sum * sum < distance * distance * square);
}

static void require_atom(const heal_atoms &atoms, int32_t j)
{
  if (j < 0 || j >= atoms.n_atoms)    // require() is not inlined
    require(false, "a neighbour is not 0 to n_atoms - 1");
}

void FloorSweeps::begin(double distance, double max_displacement)
{
  floor = distance;
  tolerance = TOLERANCE * distance;
  longest = max_displacement;
  state = BEGUN;
}

// Å²; pairs farther apart than its root cannot become too near.
double FloorSweeps::reach_square() const
{
  const double reach = floor + 2.0 * longest;
  return reach * reach;
}

FloorSweeps::Pair FloorSweeps::pair_of(const heal_atoms &atoms, int32_t i, int32_t j) const
{
  const auto r = edge_vector(atoms, i, j);
  const double d = std::sqrt(square_of(r.data()));
  return {i, j, {r[0] / d, r[1] / d, r[2] / d}, d, std::min(d, floor), 0.0};
}

double FloorSweeps::excess_of(const Pair &pair, const double *vectors) const
{
  const double *const u = vectors + 4 * static_cast<int64_t>(pair.i);
  const double *const v = vectors + 4 * static_cast<int64_t>(pair.j);
  const double along =
      (v[0] - u[0]) * pair.unit[0] + (v[1] - u[1]) * pair.unit[1] + (v[2] - u[2]) * pair.unit[2];
  return pair.least - (pair.distance + along);
}

bool FloorSweeps::look(const heal_atoms &atoms, const double *vectors)
{
  require(state != NEW, "heal_floor_look comes after heal_floor_begin");
  if (state == BEGUN)
    look_at_all(atoms, vectors);
  else
    look_at_changed_ghosts(atoms, vectors);
  state = LOOKED;
  bool is_any = false;
  for (size_t k = 0; k < pairs.size(); k++) {    // more come while it goes on
    pairs[k].excess = excess_of(pairs[k], vectors);
    if (!(pairs[k].excess > tolerance))
      continue;
    is_any = true;
    if (pairs[k].j < nlocal)
      let_give_way(atoms, pairs[k].j);
  }
  return is_any;
}

void FloorSweeps::look_at_all(const heal_atoms &atoms, const double *vectors)
{
  nlocal = atoms.nlocal;
  n_atoms = atoms.n_atoms;
  gives_way.assign(nlocal, 0);
  pairs.clear();
  border.clear();
  of_ghosts.resize(3 * (n_atoms - nlocal));
  for (int64_t k = nlocal; k < n_atoms; k++)
    std::copy_n(vectors + 4 * k, 3, &of_ghosts[3 * (k - nlocal)]);
  std::vector<Found> parts(atoms.n_threads);
  in_threads(atoms.n_threads, [&](int part) {
    const int64_t begin = part * nlocal / atoms.n_threads, end = (part + 1) * nlocal / atoms.n_threads;
    for (int64_t i = begin; i < end; i++)
      look_at_neighbours(atoms, static_cast<int32_t>(i), vectors, parts[part]);
  });
  for (const auto &found : parts) {
    border.insert(border.end(), found.border.begin(), found.border.end());
    for (const int32_t i : found.atoms)
      let_give_way(atoms, i);
  }
}

// Of two local atoms one sees the pair; the other gives way when the former's pairs are gone through.
void FloorSweeps::look_at_neighbours(const heal_atoms &atoms, int32_t i, const double *vectors,
                                     Found &found) const
{
  const double of_any = reach_square();
  const double *const u = vectors + 4 * static_cast<int64_t>(i);
  const int32_t *const neighbours = atoms.neighbours;
  const int64_t last = atoms.first[i + 1];
  for (int64_t k = atoms.first[i]; k < last; k++) {
    const int32_t j = neighbours[k];
    require_atom(atoms, j);
    if (j < i)
      continue;
    const auto r = edge_vector(atoms, i, j);
    const double square = square_of(r.data());
    if (square >= of_any)
      continue;
    if (j >= nlocal)
      found.border.push_back({i, j});
    const double *const v = vectors + 4 * static_cast<int64_t>(j);
    const double approach = (v[0] - u[0]) * r[0] + (v[1] - u[1]) * r[1] + (v[2] - u[2]) * r[2];
    if (may_come_within(floor, square, approach) && excess_of(pair_of(atoms, i, j), vectors) > tolerance)
      found.atoms.push_back(i);
  }
}

void FloorSweeps::look_at_changed_ghosts(const heal_atoms &atoms, const double *vectors)
{
  require(atoms.n_atoms == n_atoms && atoms.nlocal == nlocal,
          "heal_floor_look sees other atoms than before: call heal_floor_begin");
  std::vector<char> has_changed(n_atoms - nlocal);
  for (int64_t k = 0; k < n_atoms - nlocal; k++)
    has_changed[k] = !std::equal(&of_ghosts[3 * k], &of_ghosts[3 * k] + 3, vectors + 4 * (nlocal + k));
  for (const auto &[i, ghost] : border)
    if (has_changed[ghost - nlocal] && excess_of(pair_of(atoms, i, ghost), vectors) > tolerance)
      let_give_way(atoms, i);
}

void FloorSweeps::let_give_way(const heal_atoms &atoms, int32_t i)
{
  if (gives_way[i])
    return;
  gives_way[i] = 1;
  for (int64_t k = atoms.first[i]; k < atoms.first[i + 1]; k++) {
    const int32_t j = atoms.neighbours[k];
    require_atom(atoms, j);
    if (square_of(edge_vector(atoms, i, j).data()) < reach_square())
      pairs.push_back(pair_of(atoms, i, j));
  }
}

void FloorSweeps::take_back(double *vectors) const
{
  require(state == LOOKED, "heal_floor_take_back comes after heal_floor_look");
  require(vectors || pairs.empty(), "vectors is null");
  for (size_t k = 0; k < pairs.size(); k++) {
    const auto &pair = pairs[k];
    double *const u = vectors + 4 * static_cast<int64_t>(pair.i);
    if (pair.excess > tolerance)
      for (int d = 0; d < 3; d++)
        u[d] -= round_to_fixed_point(0.5 * pair.excess * pair.unit[d]);
    if (k + 1 == pairs.size() || pairs[k + 1].i != pair.i)
      shorten(u);
  }
}

void FloorSweeps::shorten(double *vector) const
{
  const double length = std::sqrt(square_of(vector));
  const double shortened = length > longest ? longest / length : 1.0;
  for (int d = 0; d < 3; d++)
    vector[d] *= shortened;
  vector[3] = shortened * length;
}

int64_t FloorSweeps::n_bytes() const
{
  return static_cast<int64_t>(gives_way.capacity() + sizeof(Pair) * pairs.capacity() +
                              sizeof(Border) * border.capacity() + sizeof(double) * of_ghosts.capacity());
}
