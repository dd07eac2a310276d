// The exported model as C++ sees it: knows torch, and neither LAMMPS nor MPI.

#ifndef HEAL_MODEL_H
#define HEAL_MODEL_H

#include "network_kernel.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace c10
{
struct IValue;
}

namespace lammps_heal
{

// The neighbours of centres[k] are neighbours[first[k]] to neighbours[first[k + 1] - 1].
// centres and neighbours are rows of the positions: owned atoms first, then ghosts.
struct Neighbourhoods {
  std::vector<int64_t> centres, first, neighbours;
};

class HealModel
{
 public:
  // file: the bytes of a model file; name: what messages call it; device: "cpu" or "cuda:0".
  // wanted_lattice_constant: Å, of another fcc metal, to which all lengths of the model are scaled; 0: its
  // own. Throws std::runtime_error that says what is wrong with the file and what to do.
  HealModel(const std::string &file, const std::string &name, const std::string &device,
            double wanted_lattice_constant);
  ~HealModel();

  double cutoff;              // Å
  double max_displacement;    // Å, default cap of one healing step
  double lattice_constant;    // Å
  double length_scale;        // of the lengths above in those of the file
  int n_layers;
  std::vector<std::string> elements;    // empty: any
  std::vector<double> masses;           // g/mol, one for each element

  // Makes the kernel, once. Returns why it is not to be used, or nothing.
  std::string make_kernel();
  const Kernel *kernel() const
  {
    return compiled.get();
  }

  // positions: (n_atoms, 3) Å, borrowed: they must stay until the last call of this step.
  void set_positions(const double *positions, int64_t n_atoms);
  // answers: (n_atoms, 4) Å, the fourth of no use, before a relay; borrowed as well.
  void set_answers(const double *answers, int64_t n_atoms);

  // Forces are collected, from zero, over several calls: (n_atoms, 4) Å, the fourth untouched. mobilities:
  // (n_centres, 3, 3), written.
  void clear_forces();
  void forces(const Neighbourhoods &neighbourhoods, double *mobilities);
  void take_forces(double *forces);
  // answers: (n_centres, 3) Å, written; after the last relay, from 0, they are the displacements, to be
  // added, not yet capped. It and forces() throw std::runtime_error where the model fails, out of memory
  // included.
  void message_layer(const Neighbourhoods &neighbourhoods, int turn, double *answers);

 private:
  struct Torch;
  std::unique_ptr<Torch> torch;
  std::unique_ptr<Kernel> compiled;
  std::string kernel_problem;

  void call(const char *method, const Neighbourhoods &neighbourhoods, const std::vector<c10::IValue> &more,
            const std::vector<int64_t> &shape, double *result);
  double difference_of_kernel();
};

int cuda_device_count();
void set_threads(int n_threads);

}    // namespace lammps_heal

#endif
