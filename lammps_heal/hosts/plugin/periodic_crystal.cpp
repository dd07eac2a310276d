#include "periodic_crystal.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

using namespace lammps_heal;

static constexpr int64_t MOST_ATOMS = 1000000;    // of a crystal for checks, with its ghosts
static constexpr int MOST_IMAGES = 10;            // of an atom along one cell vector

PeriodicCrystal::PeriodicCrystal(const std::vector<double> &positions, const std::vector<int32_t> &species,
                                 const std::vector<double> &cell, double cutoff) :
    positions(positions), owners(positions.size() / 3), species(species),
    nlocal(static_cast<int64_t>(positions.size() / 3))
{
  std::iota(owners.begin(), owners.end(), 0);
  add_images(cell, cutoff);
  for (int64_t i = nlocal; i < n_atoms(); i++)
    this->species.push_back(species[owners[i]]);
  list.build(this->positions.data(), owners.data(), nlocal, n_atoms(), cutoff, 1);
}

struct Vector3 {
  double x, y, z;
};

static Vector3 cross(const double *a, const double *b)
{
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

static double dot(const double *a, const Vector3 &b)
{
  return a[0] * b.x + a[1] * b.y + a[2] * b.z;
}

// Images of the crystal along cell vector d that may have atoms within the cutoff of one here, on either
// side.
static int images_along(const std::vector<double> &cell, const std::vector<double> &positions, int d,
                        double cutoff)
{
  const auto normal = cross(&cell[3 * ((d + 1) % 3)], &cell[3 * ((d + 2) % 3)]);
  const double area = std::sqrt(normal.x * normal.x + normal.y * normal.y + normal.z * normal.z);
  const double height = std::fabs(dot(&cell[3 * d], normal)) / area;
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (size_t i = 0; i < positions.size(); i += 3) {
    const double along = dot(&positions[i], normal) / area;
    low = std::min(low, along);
    high = std::max(high, along);
  }
  const double images = std::ceil((high - low + cutoff) / height);
  if (!(images <= MOST_IMAGES))
    throw std::runtime_error("the cell of its record is singular or too small");
  return static_cast<int>(images);
}

void PeriodicCrystal::add_images(const std::vector<double> &cell, double cutoff)
{
  int n_images[3];
  double low[3] = {HUGE_VAL, HUGE_VAL, HUGE_VAL}, high[3] = {-HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
  for (int d = 0; d < 3; d++) {
    n_images[d] = images_along(cell, positions, d, cutoff);
    for (int64_t i = 0; i < nlocal; i++) {
      low[d] = std::min(low[d], positions[3 * i + d] - cutoff);
      high[d] = std::max(high[d], positions[3 * i + d] + cutoff);
    }
  }
  auto add_image = [&](int a, int b, int c) {
    for (int64_t i = 0; i < nlocal; i++) {
      double image[3];
      bool is_near = true;
      for (int d = 0; d < 3; d++) {
        image[d] = positions[3 * i + d] + a * cell[d] + b * cell[3 + d] + c * cell[6 + d];
        is_near &= image[d] > low[d] && image[d] < high[d];
      }
      if (!is_near)
        continue;
      positions.insert(positions.end(), image, image + 3);
      owners.push_back(i);
    }
    if (n_atoms() > MOST_ATOMS)
      throw std::runtime_error("the cell of its record is too small");
  };
  for (int a = -n_images[0]; a <= n_images[0]; a++)
    for (int b = -n_images[1]; b <= n_images[1]; b++)
      for (int c = -n_images[2]; c <= n_images[2]; c++)
        if (a || b || c)
          add_image(a, b, c);
}

void PeriodicCrystal::reverse(double *vectors)
{
  for (int64_t i = nlocal; i < n_atoms(); i++)
    for (int d = 0; d < 3; d++)
      vectors[4 * owners[i] + d] += vectors[4 * i + d];
}

void PeriodicCrystal::forward(double *vectors)
{
  for (int64_t i = nlocal; i < n_atoms(); i++)
    std::copy_n(vectors + 4 * owners[i], 3, vectors + 4 * i);
}

StepInput PeriodicCrystal::input() const
{
  StepInput input = {};
  input.atoms.positions = positions.data();
  input.atoms.n_atoms = n_atoms();
  input.atoms.nlocal = nlocal;
  input.atoms.first = list.first();
  input.atoms.neighbours = list.neighbours();
  input.atoms.species = species.data();
  input.atoms.length_scale = 1.0;
  input.atoms.n_threads = 1;
  return input;
}

double lammps_heal::difference_from_record(const Model &model, Backend &backend)
{
  PeriodicCrystal crystal(model.record_positions, model.record_species, model.record_cell, model.cutoff);
  HealingStep step(backend);
  step.resize(crystal.n_atoms());
  const auto problem = step.find_displacements(crystal.input(), HUGE_VAL, crystal);
  if (!problem.empty())
    throw std::runtime_error("it fails on the model's record: " + problem);
  double largest = 0.0;
  for (int64_t i = 0; i < model.n_record; i++)
    for (int d = 0; d < 3; d++)
      largest = std::max(largest, std::fabs(step.displacement(i)[d] - model.record_displacement[3 * i + d]));
  return largest;
}
