/* -*- c++ -*- ----------------------------------------------------------
   fix ID group-ID heal MODEL keyword value ...

   MODEL is the path of a model file, or the name of one that comes with
   lammps-heal, like fcc. Keywords:

     every N        act on timesteps divisible by N (default 1)
     observe K      leave the atoms as they are, and show what a copy of them
                    looks like that is healed by K steps (default 3)
     sites FILE     with observe: count vacancies, interstitials and antisites
                    on the sites of this crystal, a data file or text dump
     max D          cap of one step's displacement, Angstrom (default: the
                    model's)
     elements E ..  element of each atom type (default: the types' labels,
                    or else their masses, say which they are)
     device D       cpu or cuda; one device for each rank, spread over those
                    of its node (default cpu)
     threads N      of each rank, for the kernel (default 1)
     kernel yes/no  the native kernel, or TorchScript, which is slower and
                    needs torch (default yes)
     lattice A      lattice constant, Angstrom, of another metal of the
                    model's structure, or auto: that which the atoms show;
                    its elements are not checked then
                    (default: the model's). A model that sees species keeps
                    its elements, and lengths change by 5 % at most

   Without "observe" it adds the model's displacement to the atoms of the
   group, once a timestep, and never wraps them. Velocities stay as they are.
   Nothing moves in the setup of a run, in "run 0" or in "minimize".

   Outputs, of the last healing step, zero before the first, all intensive:

     scalar           RMS displacement of the group, Angstrom
     vector           1 RMS displacement, 2 largest displacement (Angstrom),
                      3 atoms capped, 4 atoms moved by more than 0.01 Angstrom
     per-atom array   1 to 3 displacement, 4 its length (Angstrom); zero for
                      atoms outside the group

   With "observe" positions, velocities, forces, neighbour lists and random
   numbers of the run are the same, to the last bit, as without the fix.
   Outputs of the last observed step, the first of a run too, all intensive:

     scalar           RMS displacement of the group's copy, Angstrom
     vector           1 RMS displacement; 2 to 8 atoms of labels 1 to 7;
                      9 atoms whose coordination or label is not the crystal's;
                      10 vacancies and 11 interstitials, estimated from the
                      coordination, which holds in bulk only; 12 atoms whose
                      label is not to be trusted: residual above 0.018
                      nearest-neighbour distances
     per-atom array   1 to 3 healed position, unwrapped; 4 its distance from
                      the atom; 5 coordination in the copy; 6 label, as of
                      compute cna/atom: 1 fcc, 2 hcp, 3 bcc, 4 icosahedral,
                      5 other, and 6 cubic, 7 hexagonal diamond; 7 residual,
                      Angstrom: length of the copy's last step, averaged over
                      the atom and its neighbours; zero outside the group

   With "sites" the vector also has 13 vacancies, 14 interstitials, 15 Frenkel
   pairs, 16 antisites, by Wigner-Seitz cells of the copy, and there is a

     local array      a row for each site that does not hold one atom of its
                      element: 1 its id in FILE, 2 its type, 3 to 5 where it
                      is, 6 its number of atoms, 7 the atom's type if it is one
------------------------------------------------------------------------- */

#ifdef FIX_CLASS
// clang-format off
FixStyle(heal,FixHeal);
// clang-format on
#else

#ifndef LMP_FIX_HEAL_H
#define LMP_FIX_HEAL_H

#include "fix.h"

#include "heal_backend.h"
#include "heal_communicator.h"
#include "heal_neighbours.h"
#include "heal_observer.h"
#include "heal_preparation.h"
#include "heal_settings.h"
#include "healing_step.h"
#include "structure_watch.h"

#include <memory>
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
  void initial_integrate(int) override;
  void post_integrate() override;
  void end_of_step() override;

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
  HealSettings settings;
  HealModel model;
  std::unique_ptr<lammps_heal::Backend> backend;
  std::unique_ptr<lammps_heal::HealingStep> step;
  HealNeighbours neighbours;
  HealCommunicator communicator;
  GhostCutoff ghost_cutoff;
  double cutoff, max_displacement, floor;    // Å, of this crystal
  std::unique_ptr<StructureWatch> watch;     // where they are
  std::unique_ptr<HealObserver> observer;    // where the atoms are not to move
  bool is_alone;                             // nothing else moves atoms
  std::vector<double *> site_rows;           // of the local array
  std::vector<char> moves;                   // (nlocal + nghost,): is the atom in the group?
  std::vector<int32_t> species_of_type;      // from 1; of the model's elements
  std::vector<int32_t> species;              // (nlocal + nghost,), where the model sees species

  // outputs, of the last step
  double rms, largest;    // Å
  bigint n_capped, n_moved;

  void init_healing(bool minimizing);
  bool sees_species() const
  {
    return model.model.n_species > 1;
  }

  // one healing step
  void heal();
  void bring_ghosts_and_list_up_to_date();
  void find_owners_and_ghosts();
  void build_list();
  bool needs_list() const;
  void update_group();
  std::string find_displacements();
  void move_atoms();
};

}    // namespace LAMMPS_NS

#endif
#endif
