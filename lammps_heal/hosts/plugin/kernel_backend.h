// The native kernel as backend, its neighbour list, and vectors in memory that fits it.

#ifndef HEAL_KERNEL_BACKEND_H
#define HEAL_KERNEL_BACKEND_H

#include "backend.h"
#include "model_archive.h"

#include <memory>
#include <string>

namespace lammps_heal
{

// The kernel of this model's weights; throws std::runtime_error where there is none. It may be shared.
// instruction_set: see heal_kernel_create.
std::shared_ptr<const heal_kernel> create_kernel(const Model &model, const std::string &instruction_set = "");

class KernelBackend : public Backend
{
 public:
  KernelBackend(std::shared_ptr<const heal_kernel> kernel, int n_layers);

  int n_layers() const override
  {
    return layers;
  }
  void pair_forces(const heal_atoms &atoms, const int64_t *ids, double *vectors) override;
  double nearest() const override
  {
    return heal_nearest(workspace.get());
  }
  void apply_mobilities(double *vectors) override;
  void message_layer(int layer, double *vectors) override;
  const heal_kernel *native_kernel() const override
  {
    return kernel.get();
  }
  double n_bytes() const override;

 private:
  struct Destroy {
    void operator()(heal_workspace *workspace) const
    {
      heal_workspace_destroy(workspace);
    }
  };
  std::shared_ptr<const heal_kernel> kernel;
  std::unique_ptr<heal_workspace, Destroy> workspace;
  int layers;
};

// A neighbour list in order of atom id; see heal_list_build. Throws std::runtime_error where memory does not
// suffice.
class NeighbourList
{
 public:
  NeighbourList();

  // positions: (n_atoms, 3) Å, local atoms first. ids: (n_atoms,). cutoff: Å.
  void build(const double *positions, const int64_t *ids, int64_t nlocal, int64_t n_atoms, double cutoff,
             int n_threads);
  const int64_t *first() const
  {
    return heal_list_first(list.get());
  }
  const int32_t *neighbours() const
  {
    return heal_list_neighbours(list.get());
  }
  double n_bytes() const
  {
    return static_cast<double>(heal_list_bytes(list.get()));
  }

 private:
  struct Destroy {
    void operator()(heal_list *list) const
    {
      heal_list_destroy(list);
    }
  };
  std::unique_ptr<heal_list, Destroy> list;
};

// (n, 4) float64, as heal_vectors_create makes them. Its memory is kept, and not cleared: new memory is slow
// to touch.
class Vectors
{
 public:
  // kernel: which must outlive them, or null.
  explicit Vectors(const heal_kernel *kernel) : numbers(nullptr, Destroy{kernel}) {}

  // What was in them is lost where there is not enough room yet. Throws std::bad_alloc.
  void resize(int64_t n);
  double *get() const
  {
    return numbers.get();
  }
  double *operator[](int64_t i) const
  {
    return numbers.get() + 4 * i;
  }
  double n_bytes() const
  {
    return 4.0 * sizeof(double) * static_cast<double>(capacity);
  }

 private:
  struct Destroy {
    const heal_kernel *kernel;

    void operator()(double *vectors) const
    {
      heal_vectors_destroy(kernel, vectors);
    }
  };
  std::unique_ptr<double[], Destroy> numbers;
  int64_t capacity = 0;
};

}    // namespace lammps_heal

#endif
