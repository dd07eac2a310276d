#include "soft_floor.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

using namespace lammps_heal;

static constexpr double TOLERANCE = 5.0e-4;    // of the floor; as in soft_floor.py
static constexpr double FIXED_POINT =
    6144.0;    // Å, 1.5 * 2^12: what is added to it keeps no bits below 2^-40 Å

double SoftFloor::tolerance(double floor)
{
  return TOLERANCE * floor;
}

bool SoftFloor::is_any_too_near(const heal_atoms &atoms, const double *displacements, double floor)
{
  const heal_floor lengths = {floor, tolerance(floor)};
  int32_t is_any = 0;
  if (heal_is_any_too_near(&atoms, displacements, &lengths, &is_any) != HEAL_OK)
    throw std::runtime_error(heal_last_error());
  return is_any != 0;
}

void SoftFloor::find_pairs(const heal_atoms &atoms, double floor, double longest)
{
  n_pairs = 0;
  floor_tolerance = tolerance(floor);
  int64_t n_found = 0;
  auto find = [&]() {
    const auto room = static_cast<int64_t>(rows.size() / 2);
    if (heal_close_pairs(&atoms, floor + 2.0 * longest, room, rows.data(), &n_found) != HEAL_OK)
      throw std::runtime_error(heal_last_error());
    return n_found <= room;
  };
  if (!find()) {
    rows.resize(2 * n_found);
    find();
  }
  unit_vectors.resize(n_found);
  distances.resize(n_found);
  least.resize(n_found);
  excess.resize(n_found);
  for (int64_t k = 0; k < n_found; k++) {
    const double *const from = atoms.positions + 3 * static_cast<int64_t>(rows[2 * k]);
    const double *const to = atoms.positions + 3 * static_cast<int64_t>(rows[2 * k + 1]);
    const double x = to[0] - from[0], y = to[1] - from[1], z = to[2] - from[2];
    const double d = std::sqrt(x * x + y * y + z * z);
    distances[k] = d;
    unit_vectors[k] = {x / d, y / d, z / d};
    least[k] = std::min(d, floor);
  }
  n_pairs = n_found;
}

double SoftFloor::largest_excess(const double *displacements)
{
  double largest = 0.0;
  for (int64_t k = 0; k < n_pairs; k++) {
    const double *const u = displacements + 4 * static_cast<int64_t>(rows[2 * k]);
    const double *const v = displacements + 4 * static_cast<int64_t>(rows[2 * k + 1]);
    const auto &unit = unit_vectors[k];
    const double along = (v[0] - u[0]) * unit[0] + (v[1] - u[1]) * unit[1] + (v[2] - u[2]) * unit[2];
    excess[k] = least[k] - (distances[k] + along);
    largest = std::max(largest, excess[k]);
  }
  return largest;
}

void SoftFloor::take_back(double *displacements) const
{
  for (int64_t k = 0; k < n_pairs; k++) {
    if (excess[k] <= floor_tolerance)
      continue;
    double *const u = displacements + 4 * static_cast<int64_t>(rows[2 * k]);
    for (int d = 0; d < 3; d++)
      u[d] -= 0.5 * excess[k] * unit_vectors[k][d] + FIXED_POINT - FIXED_POINT;
  }
}

double SoftFloor::n_bytes() const
{
  return static_cast<double>(sizeof(int32_t) * rows.capacity() +
                             sizeof(unit_vectors[0]) * unit_vectors.capacity() +
                             sizeof(double) * (distances.capacity() + least.capacity() + excess.capacity()));
}
