#include "fix_heal.h"

#include "all_ranks.h"
#include "heal_elements.h"
#include "heal_lattice.h"
#include "lammps_atoms.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "group.h"
#include "memory.h"
#include "modify.h"
#include "neighbor.h"
#include "update.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace LAMMPS_NS;
using namespace FixConst;

static constexpr double MOVED = 0.01;    // Å; further is counted as moved in the output
static constexpr int N_COLUMNS = 4;      // of the per-atom array, without observing

/* ---------------------------------------------------------------------- */

FixHeal::FixHeal(LAMMPS *lmp, int narg, char **arg) :
    Fix(lmp, narg, arg), settings(lmp, narg, arg), communicator(lmp, this), is_alone(true), rms(0.0),
    largest(0.0), n_capped(0), n_moved(0)
{
  const bool observes = settings.n_observed_steps > 0;
  scalar_flag = vector_flag = peratom_flag = 1;
  size_vector = observes ? HealObserver::N_VALUES : 4;
  if (!settings.sites.empty()) {
    size_vector += HealObserver::N_SITE_VALUES;
    local_flag = 1;
    local_freq = settings.interval;
    size_local_cols = HealObserver::N_SITE_COLUMNS;
    size_local_rows = 0;
  }
  size_peratom_cols = observes ? HealObserver::N_COLUMNS : N_COLUMNS;
  nevery = global_freq = peratom_freq = observes ? settings.interval : 1;
  extscalar = extvector = 0;
  time_integrate = force_reneighbor = !observes;
  next_reneighbor = -1;
  dynamic_group_allow = 1;
  create_attribute = 1;
  maxexchange = size_peratom_cols;
  comm_forward = comm_reverse = observes ? 0 : HealCommunicator::N_VALUES;

  check_units(lmp);
  model = read_heal_model(lmp, settings);
  if (settings.finds_lattice)
    settings.lattice = found_lattice(lmp, settings, model);
  set_lattice(lmp, settings.lattice, model);
  backend = make_backend(lmp, settings, model);
  model.file.clear();
  cutoff = model.length_scale * model.model.cutoff;
  max_displacement = settings.max_displacement > 0.0 ? settings.max_displacement
                                                     : model.length_scale * model.model.max_displacement;

  floor =
      lammps_heal::soft_floor_of(model.model.structure, model.length_scale * model.model.lattice_constant);

  if (observes)
    observer = std::make_unique<HealObserver>(lmp, settings, model, *backend, cutoff, max_displacement);
  else
    on_all_ranks(lmp, [this]() {
      step = std::make_unique<lammps_heal::HealingStep>(*backend);
      watch = std::make_unique<StructureWatch>(this->lmp, model, settings.n_threads);
    });

  // Last, since an error above leaves no destructor to undo it.
  array_atom = nullptr;
  FixHeal::grow_arrays(atom->nmax);
  atom->add_callback(Atom::GROW);
  for (int i = 0; i < atom->nlocal; i++)
    FixHeal::set_arrays(i);
}

/* ---------------------------------------------------------------------- */

FixHeal::~FixHeal()
{
  if (copymode)
    return;
  ghost_cutoff.restore(lmp);
  atom->delete_callback(id, Atom::GROW);
  memory->destroy(array_atom);
}

/* ---------------------------------------------------------------------- */

int FixHeal::setmask()
{
  return observer ? END_OF_STEP : INITIAL_INTEGRATE | POST_INTEGRATE | POST_NEIGHBOR;
}

/* ---------------------------------------------------------------------- */

void FixHeal::init()
{
  const bool is_of_the_models_lattice = settings.lattice == 0.0;
  const bool minimizing = update->whichflag == 2;
  if ((is_of_the_models_lattice || sees_species()) && !minimizing)
    species_of_type = species_of_types(lmp, model.model, settings.elements);
  if (!observer)
    init_healing(minimizing);
}

/* ---------------------------------------------------------------------- */

void FixHeal::init_healing(bool minimizing)
{
  next_reneighbor = -1;

  // LAMMPS warns when nothing integrates, and when two fixes do; setup() undoes this.
  is_alone = true;
  for (auto *other : modify->get_fix_list()) {
    const auto *const heals = dynamic_cast<FixHeal *>(other);
    if (other == this || (heals && heals->observer) || !(other->time_integrate || heals))
      continue;
    is_alone = false;
    if (other->time_integrate)
      time_integrate = 0;
  }
  if (minimizing)
    return;
  check_run_style(lmp);
  ghost_cutoff.raise(lmp, cutoff);
}

/* ---------------------------------------------------------------------- */

void FixHeal::setup(int /*vflag*/)
{
  if (observer) {
    if (update->ntimestep % nevery == 0)
      end_of_step();
    return;
  }
  time_integrate = 1;
  check_subdomains(lmp, max_displacement);
}

/* ---------------------------------------------------------------------- */

void FixHeal::setup_post_neighbor()
{
  post_neighbor();
}

/* ---------------------------------------------------------------------- */

void FixHeal::post_neighbor()
{
  // A list that the next step will outrun needs no skin, which is half of its cost. A step is about half as
  // long as the one before, so it will move atoms by more than half a skin if that one did by more than a
  // whole.
  const double skin = is_alone && largest > neighbor->skin ? 0.0 : neighbor->skin;
  on_all_ranks(lmp, [&]() {
    neighbours.forget_list(lmp, skin);
    const auto n_atoms = static_cast<size_t>(atom->nlocal) + atom->nghost;
    step->resize(static_cast<int64_t>(n_atoms));
    if (igroup != 0)
      moves.resize(n_atoms);
    // Now the atoms are where LAMMPS saw them; other fixes may move them before the healing step.
    const bool running = update->whichflag == 1 && update->ntimestep < update->laststep;
    if (running && (update->ntimestep + 1) % settings.interval == 0)
      neighbours.build_list(lmp, cutoff, settings.n_threads, needs_list());
  });
}

/* ----------------------------------------------------------------------
   alone, it is the integrator: LAMMPS then finds owners, ghosts and neighbours of the healed positions in the
same step
------------------------------------------------------------------------- */

void FixHeal::initial_integrate(int /*vflag*/)
{
  if (is_alone)
    heal();
}

/* ----------------------------------------------------------------------
   beside integrators, it heals what all of them have moved
------------------------------------------------------------------------- */

void FixHeal::post_integrate()
{
  if (!is_alone)
    heal();
}

/* ---------------------------------------------------------------------- */

void FixHeal::end_of_step()
{
  observer->observe(groupbit, igroup == 0, sees_species() ? &species_of_type : nullptr, array_atom);
  auto &rows = observer->site_rows();
  on_all_ranks(lmp, [&]() {
    site_rows.clear();
    for (auto &row : rows)
      site_rows.push_back(row.data());
  });
  size_local_rows = static_cast<int>(rows.size());
  array_local = site_rows.data();
}

/* ---------------------------------------------------------------------- */

void FixHeal::heal()
{
  if (update->ntimestep % settings.interval)
    return;
  bring_ghosts_and_list_up_to_date();
  if (sees_species())
    on_all_ranks(lmp, [this]() {
      fill_species(atom->type, static_cast<int64_t>(atom->nlocal) + atom->nghost, species_of_type, species);
    });
  update_group();
  watch->before_step(neighbours.list(), igroup != 0 ? moves.data() : nullptr);
  stop_if_any(lmp, find_displacements());
  move_atoms();
  // Lists, owners and ghosts must fit the new positions in this very step, whatever neigh_modify says.
  if (neighbours.is_outrun(largest_of_all(lmp, neighbours.largest_move(lmp))))
    next_reneighbor = update->ntimestep;
}

/* ----------------------------------------------------------------------
   other fixes may have moved atoms in this step, and LAMMPS communicates ghosts only after it
------------------------------------------------------------------------- */

void FixHeal::bring_ghosts_and_list_up_to_date()
{
  on_all_ranks(lmp, [this]() { require_finite(*atom); });
  const double largest_move = largest_of_all(lmp, neighbours.largest_move(lmp));
  if (neighbours.is_outrun(largest_move) || (neighbours.must_build() && largest_move > 0.0))
    find_owners_and_ghosts();
  else
    comm->forward_comm();
  if (neighbours.must_build())
    on_all_ranks(lmp, [this]() { neighbours.build_list(lmp, cutoff, settings.n_threads, needs_list()); });
}

/* ----------------------------------------------------------------------
   as run_style verlet does it (22Jul2025); never where the fix is alone, since LAMMPS itself then does it in
time
------------------------------------------------------------------------- */

void FixHeal::find_owners_and_ghosts()
{
  modify->pre_exchange();
  if (domain->triclinic)
    domain->x2lamda(atom->nlocal);
  domain->pbc();
  if (domain->box_change) {
    domain->reset_box();
    comm->setup();
    if (neighbor->style)
      neighbor->setup_bins();
  }
  comm->exchange();
  comm->borders();
  if (domain->triclinic)
    domain->lamda2x(atom->nlocal + atom->nghost);
  modify->pre_neighbor();
  neighbor->build(1);
  modify->post_neighbor();
}

/* ----------------------------------------------------------------------
   a card finds neighbours itself; the first steps look at the structure here
------------------------------------------------------------------------- */

bool FixHeal::needs_list() const
{
  return step->needs_list() || !watch->is_over();
}

/* ---------------------------------------------------------------------- */

void FixHeal::update_group()
{
  const auto n_atoms = static_cast<int64_t>(atom->nlocal) + atom->nghost;
  for (int64_t i = 0; i < n_atoms && igroup != 0; i++)
    moves[i] = (atom->mask[i] & groupbit) != 0;
}

/* ----------------------------------------------------------------------
   of this step; nothing moves before all are known. Returns what is wrong on this rank, or nothing
------------------------------------------------------------------------- */

std::string FixHeal::find_displacements()
{
  const auto n_atoms = static_cast<int64_t>(atom->nlocal) + atom->nghost;
  lammps_heal::StepInput input = {};
  input.atoms.positions = n_atoms ? atom->x[0] : nullptr;
  input.atoms.n_atoms = n_atoms;
  input.atoms.nlocal = atom->nlocal;
  input.atoms.first = neighbours.list().first();
  input.atoms.neighbours = neighbours.list().neighbours();
  input.atoms.species = sees_species() ? species.data() : nullptr;
  input.atoms.length_scale = model.length_scale;
  input.atoms.n_threads = settings.n_threads;
  input.ids = atom->tag_enable ? neighbours.ids().data() : nullptr;
  input.moves = igroup != 0 ? moves.data() : nullptr;
  input.floor = floor;
  return step->find_displacements(input, max_displacement, communicator);
}

/* ---------------------------------------------------------------------- */

void FixHeal::move_atoms()
{
  double my_sums[4] = {0.0, static_cast<double>(step->n_capped()), 0.0, 0.0};
  double my_largest = 0.0;
  for (int i = 0; i < atom->nlocal; i++) {
    const double *const displacement = step->displacement(i);
    std::copy_n(displacement, N_COLUMNS, array_atom[i]);
    if (!(atom->mask[i] & groupbit))
      continue;
    for (int d = 0; d < 3; d++)
      atom->x[i][d] += displacement[d];
    const double length = displacement[3];
    my_sums[0] += length * length;
    my_sums[2] += length > MOVED;
    my_sums[3] += 1.0;
    my_largest = std::max(my_largest, length);
  }
  double sums[4];
  MPI_Allreduce(my_sums, sums, 4, MPI_DOUBLE, MPI_SUM, world);
  largest = largest_of_all(lmp, my_largest);
  rms = sums[3] > 0.0 ? std::sqrt(sums[0] / sums[3]) : 0.0;
  n_capped = static_cast<bigint>(sums[1]);
  n_moved = static_cast<bigint>(sums[2]);
}

/* ---------------------------------------------------------------------- */

int FixHeal::pack_forward_comm(int n, int *list, double *buf, int /*pbc_flag*/, int * /*pbc*/)
{
  return communicator.pack_forward_comm(n, list, buf);
}

void FixHeal::unpack_forward_comm(int n, int first, double *buf)
{
  communicator.unpack_forward_comm(n, first, buf);
}

int FixHeal::pack_reverse_comm(int n, int first, double *buf)
{
  return communicator.pack_reverse_comm(n, first, buf);
}

void FixHeal::unpack_reverse_comm(int n, int *list, double *buf)
{
  communicator.unpack_reverse_comm(n, list, buf);
}
