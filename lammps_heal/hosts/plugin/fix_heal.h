// fix ID group-ID heal MODEL keyword value ...
//   every N       act on timesteps divisible by N                  (default 1)
//   max D         longest displacement of one step, Å              (default: the model's)
//   elements E..  element of each atom type                        (default: type labels, then masses)
//   device D      cpu | cuda, one device per rank, spread over the node's devices   (default cpu)
//   threads N     of each rank, for the kernel on the CPU          (default 1)
//   kernel K      yes | no: the compiled kernel or TorchScript     (default: yes, on the CPU, where they
//   agree) lattice A     lattice constant, Å, of another fcc metal        (default: the model's; elements are
//   not checked then)
//
// Adds the model's displacement to the atoms of the group, once a timestep, never wrapping them.
// Velocities stay as they are. Nothing moves in the setup of a run, in "run 0" or in "minimize".
//
// Outputs, all of the last healing step (zero before the first), all intensive:
//   scalar           RMS displacement of the group, Å
//   vector           1 RMS, 2 largest displacement (Å), 3 atoms capped, 4 atoms moved by more than 0.01 Å
//   per-atom array   1 to 3 displacement, 4 its length (Å); zero for atoms outside the group

#ifndef LMP_FIX_HEAL_H
#define LMP_FIX_HEAL_H

#include "fix.h"

#include "heal_model.h"
#include "neighbour_list.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace LAMMPS_NS
{

class FixHeal : public Fix
{
 public:
  FixHeal(class LAMMPS *, int, char **);
  ~FixHeal() override;

  int setmask() override;
  void init() override;
  void setup(int) override;
  void setup_post_neighbor() override;
  void post_neighbor() override;
  void post_integrate() override;

  double compute_scalar() override;
  double compute_vector(int) override;
  double memory_usage() override;

  void grow_arrays(int) override;
  void copy_arrays(int, int, int) override;
  void set_arrays(int) override;
  int pack_exchange(int, double *) override;
  int unpack_exchange(int, double *) override;
  int pack_forward_comm(int, int *, double *, int, int *) override;
  void unpack_forward_comm(int, int, double *) override;
  int pack_reverse_comm(int, int, double *) override;
  void unpack_reverse_comm(int, int *, double *) override;

 private:
  // settings
  std::string model_name, device;
  int interval;    // timesteps
  int n_threads;
  bool use_kernel;
  double lattice_constant;                       // Å, that the user gave, or 0
  double longest;                                // Å, cap of one step
  std::vector<std::string> elements_of_types;    // empty unless the user gave them
  std::shared_ptr<lammps_heal::HealModel> model;

  // state
  std::vector<double> listed_positions;    // owned atoms, when LAMMPS last found owners and ghosts
  lammps_heal::NeighbourList list;         // of these positions, unless must_list
  lammps_heal::KernelStep kernel_step;     // what its forces leave for its relays
  bool must_list, is_alone;                // alone: nothing else moves atoms
  double list_skin;                        // Å, of the list: the skin, or nothing
  // (n_rows, 4) Å, owned atoms, then ghosts: forces on all, then answers, which are zero outside the group;
  // the fourth is of no use
  lammps_heal::Buffer<double> vectors;
  double raised_ghost_cutoff, users_ghost_cutoff;
  double rms, largest;
  bigint n_capped, n_moved;

  // reading the input
  void read_keywords(int narg, char **arg);
  void read_model();
  void make_kernel();
  void check_elements();
  std::string element_problem(int type) const;

  // getting LAMMPS ready
  void raise_ghost_cutoff();
  void check_settings();
  void check_subdomains();

  // one healing step
  void bring_ghosts_and_list_up_to_date();
  void find_owners_and_ghosts();
  void build_list();
  double largest_move_since_list() const;
  std::vector<int> group_atoms() const;
  void find_displacements(const std::vector<int> &atoms);
  std::string find_answers_to_forces(const std::vector<int> &centres);
  template <typename Number> void answer_forces(const std::vector<int> &centres, const Number *mobilities);
  void answer_for_group_alone();
  double *vector_of(int row) const;
  std::vector<int> pushing_atoms() const;
  std::string forces_by_kernel(const std::vector<int> &centres);
  std::string forces_by_torch(const std::vector<int> &centres, std::vector<double> &mobilities);
  std::string message_layer(const std::vector<int> &atoms, int turn);
  template <typename Work>
  std::string in_chunks(const std::vector<int> &centres, int n_values, double *found, const Work &work);
  const int *rows_of(const std::vector<int> &centres) const;
  std::string overlap_problem(int i, int j) const;
  std::string gather_neighbours(int i, lammps_heal::Neighbourhoods &chunk);
  std::string store_displacement(int i);
  void move_atoms(const std::vector<int> &atoms);

  template <typename Work> static std::string problem_of(const Work &work);
  void stop_if_any(const std::string &problem);
  std::string name_of(int i) const;
};

}    // namespace LAMMPS_NS

#endif
