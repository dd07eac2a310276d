// Healing steps without LAMMPS: prints one line "name value" for each check; the tests know what they must be.

#include "model_names.h"
#include "periodic_crystal.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace lammps_heal;

// Forces of 1, 2, 3 on each atom; layers double vectors; fails where it is told to.
class FakeBackend : public Backend
{
 public:
  std::string failing;
  int64_t n_centres = -1;
  double nearest_distance = 0.0;    // Å

  int n_layers() const override
  {
    return 2;
  }
  void pair_forces(const heal_atoms &atoms, const int64_t *, double *vectors) override
  {
    n_centres = atoms.n_centres;
    if (failing == "overlap")
      throw OverlapError(0, 2);
    if (failing == "memory")
      throw std::bad_alloc();
    if (failing == "forces")
      throw std::runtime_error("no forces");
    for (int64_t i = 0; i < atoms.n_atoms; i++)
      for (int d = 0; d < 3; d++)
        vectors[4 * i + d] = d + 1.0;
    n_atoms = atoms.n_atoms;
  }
  double nearest() const override
  {
    return nearest_distance;
  }
  void apply_mobilities(double *vectors) override
  {
    if (failing == "finite")
      vectors[0] = std::numeric_limits<double>::quiet_NaN();
  }
  void message_layer(int layer, double *vectors) override
  {
    if (failing == "layer" && layer == 0)
      throw std::runtime_error("no layer");
    for (int64_t i = 0; i < 4 * n_atoms; i++)
      vectors[i] *= 2.0;
  }
  double n_bytes() const override
  {
    return 0.0;
  }

 private:
  int64_t n_atoms = 0;
};

class CountingCommunicator : public Communicator
{
 public:
  int n_reverse = 0, n_forward = 0, n_largest = 0;
  void reverse(double *) override
  {
    n_reverse++;
  }
  void forward(double *) override
  {
    n_forward++;
  }
  void largest(double *, int) override
  {
    n_largest++;
  }
};

// Four atoms in a row, 1 Å apart, the last a ghost; each has those beside it as neighbours.
struct Row {
  const double positions[12] = {0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0};
  const int64_t first[4] = {0, 1, 3, 5}, ids[4] = {11, 12, 13, 14};
  const int32_t neighbours[5] = {1, 0, 2, 1, 3};

  StepInput input(const char *moves = nullptr) const
  {
    StepInput input = {};
    input.atoms.positions = positions;
    input.atoms.n_atoms = 4;
    input.atoms.nlocal = 3;
    input.atoms.first = first;
    input.atoms.neighbours = neighbours;
    input.atoms.length_scale = 1.0;
    input.atoms.n_threads = 1;
    input.ids = ids;
    input.moves = moves;
    return input;
  }
};

static void check_fake_steps()
{
  const Row row;
  for (const char *failing : {"", "overlap", "memory", "forces", "finite", "layer"}) {
    FakeBackend backend;
    backend.failing = failing;
    CountingCommunicator communicator;
    HealingStep step(backend);
    step.resize(4);
    const auto problem = step.find_displacements(row.input(), HUGE_VAL, communicator);
    std::printf("failing:%s %d %d %s\n", failing, communicator.n_reverse, communicator.n_forward,
                problem.c_str());
  }
  FakeBackend backend;
  CountingCommunicator communicator;
  HealingStep step(backend);
  step.resize(4);
  step.find_displacements(row.input(), 0.5, communicator);
  const double *const capped = step.displacement(1);
  std::printf("capped %ld %.15g %.15g\n", static_cast<long>(step.n_capped()),
              std::hypot(capped[0], capped[1], capped[2]), capped[3]);
  const char only_the_first[4] = {1, 0, 0, 0}, only_the_ghost[4] = {0, 0, 0, 1}, none[4] = {0, 0, 0, 0};
  for (const char *moves : {only_the_first, only_the_ghost, none}) {
    backend.n_centres = 0;
    step.find_displacements(row.input(moves), HUGE_VAL, communicator);
    std::printf("moving %ld %g %g %g\n", static_cast<long>(backend.n_centres), step.displacement(0)[3],
                step.displacement(1)[3], step.displacement(2)[3]);
  }
}

// One atom moves by 0.5 Å, partly toward the next, which is held: it must keep the floor by itself. Or all atoms move alike.
static void check_floor()
{
  const Row row;
  const char only_the_first[4] = {1, 0, 0, 0};
  for (const char *moves : {only_the_first, static_cast<const char *>(nullptr)})
    for (const double nearest : {1.0, 10.0}) {
      FakeBackend backend;
      backend.nearest_distance = nearest;
      CountingCommunicator communicator;
      HealingStep step(backend);
      step.resize(4);
      auto input = row.input(moves);
      input.floor = 1.0;
      const auto problem = step.find_displacements(input, 0.5, communicator);
      const double *const v = step.displacement(0);
      std::printf("floor %s%d %d %.15g %.15g %.15g %.15g\n", problem.c_str(), communicator.n_largest,
                  communicator.n_forward, v[0], std::hypot(v[0], v[1], v[2]), v[3], step.displacement(1)[3]);
    }
}

// What the kernel makes of a model's record, and a crystal whose cell is no cell.
static void check_model(const char *path)
{
  const auto model = read_model(read_model_file(path, path), path);
  KernelBackend kernel(create_kernel(model), model.n_layers);
  std::printf("difference %.3g\n", difference_from_record(model, kernel));
  for (const double height : {0.0, 1.0e-3, std::numeric_limits<double>::quiet_NaN()}) {
    auto flat = model;
    flat.record_cell = {12.0, 0.0, 0.0, 0.0, 12.0, 0.0, 0.0, 0.0, height};
    std::printf("flat %s\n", problem_of([&]() { difference_from_record(flat, kernel); }).c_str());
  }
  // The same crystal in another cell of the same lattice, with its atoms on other sides of the cell's faces.
  auto skewed = model;
  for (int d = 0; d < 3; d++)
    skewed.record_cell[3 + d] += skewed.record_cell[d];
  for (int i = 0; i < model.n_record; i += 5)
    for (int d = 0; d < 3; d++)
      skewed.record_positions[3 * i + d] += model.record_cell[6 + d];
  std::printf("skewed %.3g\n", difference_from_record(skewed, kernel));
}

int main(int, char **arguments)
{
  check_fake_steps();
  check_floor();
  check_model(arguments[1]);
}
