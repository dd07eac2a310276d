#include "structure_watch.h"

#include "all_ranks.h"
#include "structure_check.h"

#include "atom.h"
#include "comm.h"
#include "error.h"

using namespace LAMMPS_NS;
using namespace lammps_heal;

StructureWatch::StructureWatch(LAMMPS *lmp, const HealModel &model, int n_threads) :
    lmp(lmp), model(model), n_threads(n_threads),
    last_look(has_shells(model.model.structure) ? LOOK_STEPS : -1)
{
}

void StructureWatch::before_step(const NeighbourList &list, const char *moves)
{
  if (is_over())
    return;
  const int number = n_steps++;
  if (number > 0 && number < last_look)
    return;
  const auto &shells = shells_of(model.model.structure);
  const auto &atom = *lmp->atom;
  heal_structure structure = {};
  structure.positions = atom.nlocal ? atom.x[0] : nullptr;
  structure.n_atoms = static_cast<int64_t>(atom.nlocal) + atom.nghost;
  structure.nlocal = atom.nlocal;
  structure.first = list.first();
  structure.neighbours = list.neighbours();
  structure.nearest = shells.nearest * model.length_scale * model.model.lattice_constant;
  structure.bond = shells.bond * structure.nearest;
  structure.is_diamond = shells.is_diamond;
  structure.n_threads = n_threads;
  Ratios ratios = {};
  LabelCounts labels = {};
  on_all_ranks(lmp, [&]() {
    if (number == 0)
      ratios = ratios_of(structure, moves);
    else
      labels = label_counts(structure, moves);
  });
  MPI_Allreduce(MPI_IN_PLACE, ratios.data(), N_RATIOS, MPI_INT64_T, MPI_SUM, lmp->world);
  MPI_Allreduce(MPI_IN_PLACE, labels.data(), N_LABELS, MPI_INT64_T, MPI_SUM, lmp->world);
  const auto &structures = model.model.structures;
  const auto problem = number == 0 ? distance_problem(structures, ratios) : label_problem(structures, labels);
  if (problem.empty())
    return;
  n_steps = last_look + 1;
  if (lmp->comm->me == 0)
    lmp->error->warning(FLERR, "fix heal: {}", problem);
}
