#include "fix_heal.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "group.h"
#include "label_map.h"
#include "memory.h"
#include "modify.h"
#include "neighbor.h"
#include "update.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <exception>
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>
#include <tuple>

using namespace LAMMPS_NS;
using namespace FixConst;
using lammps_heal::SMALLEST_DISTANCE;

// Atoms handed to the model at once; bounds its memory, to some 30 MB on the CPU, where larger chunks leave
// the caches (measured: 128 to 256 are fastest), and to some 2 GB on a GPU, which wants work.
static constexpr size_t CHUNK_CPU = 256, CHUNK_CUDA = 16384;
static constexpr double MOVED = 0.01;              // Å; further is counted as moved in the output
static constexpr double MASS_TOLERANCE = 0.005;    // relative; covers the usual roundings
static constexpr double TRIGGER = 0.499;    // of the skin; LAMMPS's own is 0.5, which a capped step may equal
static constexpr int N_COLUMNS = 4;         // of the per-atom array

static bool is_finite(const double *x)
{
  return std::isfinite(x[0]) && std::isfinite(x[1]) && std::isfinite(x[2]);
}

/* ---------------------------------------------------------------------- */

FixHeal::FixHeal(LAMMPS *lmp, int narg, char **arg) :
    Fix(lmp, narg, arg), interval(1), n_threads(1), use_kernel(true), lattice_constant(0.0), longest(0.0),
    must_list(true), is_alone(true), list_skin(0.0), raised_ghost_cutoff(0.0), users_ghost_cutoff(0.0),
    rms(0.0), largest(0.0), n_capped(0), n_moved(0)
{
  if (narg < 4)
    error->all(FLERR, "fix heal needs a model file: fix ID group-ID heal MODEL keyword value ...");
  model_name = arg[3];
  device = "cpu";
  read_keywords(narg, arg);

  scalar_flag = vector_flag = peratom_flag = 1;
  size_vector = 4;
  size_peratom_cols = N_COLUMNS;
  global_freq = peratom_freq = 1;
  extscalar = extvector = 0;
  time_integrate = 1;
  force_reneighbor = 1;
  next_reneighbor = -1;
  dynamic_group_allow = 1;
  create_attribute = 1;
  maxexchange = N_COLUMNS;
  comm_forward = comm_reverse = 3;

  array_atom = nullptr;
  FixHeal::grow_arrays(atom->nmax);
  atom->add_callback(Atom::GROW);
  for (int i = 0; i < atom->nlocal; i++)
    FixHeal::set_arrays(i);

  if (strcmp(update->unit_style, "metal") != 0 && strcmp(update->unit_style, "real") != 0)
    error->all(FLERR, "fix heal needs lengths in Å, got units " + std::string(update->unit_style) +
                          ": use \"units metal\" or \"units real\"");
  if (domain->dimension != 3)
    error->all(FLERR, "fix heal needs three dimensions, got 2: use \"dimension 3\"");
  read_model();
  make_kernel();
  if (longest == 0.0)
    longest = model->max_displacement;
}

FixHeal::~FixHeal()
{
  if (copymode)
    return;
  if (raised_ghost_cutoff > 0.0 && comm && comm->cutghostuser == raised_ghost_cutoff)
    comm->cutghostuser = users_ghost_cutoff;
  atom->delete_callback(id, Atom::GROW);
  memory->destroy(array_atom);
}

int FixHeal::setmask()
{
  return POST_INTEGRATE | POST_NEIGHBOR;
}

/* ---------------------------------------------------------------------- reading the input */

void FixHeal::read_keywords(int narg, char **arg)
{
  auto need = [&](int iarg, int n_values, const std::string &what) {
    if (iarg + n_values >= narg)
      error->all(FLERR, "fix heal " + std::string(arg[iarg]) + " needs " + what + ", got " +
                            std::to_string(narg - iarg - 1) + " values");
  };
  int iarg = 4;
  while (iarg < narg) {
    const std::string keyword = arg[iarg];
    if (keyword == "every") {
      need(iarg, 1, "a number of timesteps");
      interval = utils::inumeric(FLERR, arg[iarg + 1], false, lmp);
      if (interval < 1)
        error->all(FLERR, "fix heal every must be 1 or more, got " + std::string(arg[iarg + 1]));
      iarg += 2;
    } else if (keyword == "max") {
      need(iarg, 1, "a length in Å");
      longest = utils::numeric(FLERR, arg[iarg + 1], false, lmp);
      if (!(longest > 0.0) || !std::isfinite(longest))
        error->all(FLERR, "fix heal max must be a length above 0 Å, got " + std::string(arg[iarg + 1]));
      iarg += 2;
    } else if (keyword == "elements") {
      need(iarg, atom->ntypes, "one element for each of the " + std::to_string(atom->ntypes) + " atom types");
      elements_of_types.assign(arg + iarg + 1, arg + iarg + 1 + atom->ntypes);
      iarg += 1 + atom->ntypes;
    } else if (keyword == "device") {
      need(iarg, 1, "cpu or cuda");
      device = arg[iarg + 1];
      if (device != "cpu" && device != "cuda")
        error->all(FLERR, "fix heal device must be cpu or cuda, got " + device);
      iarg += 2;
    } else if (keyword == "threads") {
      need(iarg, 1, "a number of threads");
      n_threads = utils::inumeric(FLERR, arg[iarg + 1], false, lmp);
      if (n_threads < 1)
        error->all(FLERR, "fix heal threads must be 1 or more, got " + std::string(arg[iarg + 1]));
      iarg += 2;
    } else if (keyword == "kernel") {
      need(iarg, 1, "yes or no");
      const std::string answer = arg[iarg + 1];
      if (answer != "yes" && answer != "no")
        error->all(FLERR, "fix heal kernel must be yes or no, got " + answer);
      use_kernel = answer == "yes";
      iarg += 2;
    } else if (keyword == "lattice") {
      need(iarg, 1, "a lattice constant in Å");
      lattice_constant = utils::numeric(FLERR, arg[iarg + 1], false, lmp);
      if (!(lattice_constant > 0.0) || !std::isfinite(lattice_constant))
        error->all(FLERR, "fix heal lattice must be a length above 0 Å, got " + std::string(arg[iarg + 1]));
      iarg += 2;
    } else
      error->all(FLERR, "fix heal knows every, max, elements, device, threads, kernel and lattice, got \"" +
                            keyword + "\"");
  }
}

/* one rank reads the file, so that it is there for all or for none; fixes of one process share the model */

void FixHeal::read_model()
{
  std::string problem, file;
  if (comm->me == 0) {
    errno = 0;
    std::ifstream stream(model_name, std::ios::binary);
    std::ostringstream bytes;
    bytes << stream.rdbuf();
    file = bytes.str();
    if (file.empty())
      problem = "model file \"" + model_name + "\" cannot be read (" +
                (errno ? strerror(errno) : "it is empty") +
                "): name a file written by \"lammps-heal export\"";
  }
  stop_if_any(problem);
  auto n_bytes = static_cast<int>(file.size());
  MPI_Bcast(&n_bytes, 1, MPI_INT, 0, world);
  file.resize(n_bytes);
  MPI_Bcast(file.data(), n_bytes, MPI_CHAR, 0, world);

  try {
    if (device == "cuda") {
      const int n_devices = lammps_heal::cuda_device_count();
      if (n_devices == 0)
        throw std::runtime_error("fix heal device cuda needs a CUDA device and a torch with CUDA, got none: "
                                 "use \"device cpu\"");
      MPI_Comm node;
      int rank_on_node;
      MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, comm->me, MPI_INFO_NULL, &node);
      MPI_Comm_rank(node, &rank_on_node);
      MPI_Comm_free(&node);
      device += ":" + std::to_string(rank_on_node % n_devices);
    }
    static std::map<std::tuple<std::string, std::string, double>, std::weak_ptr<lammps_heal::HealModel>>
        models;
    auto &shared = models[{file, device, lattice_constant}];
    model = shared.lock();
    if (!model)
      shared = model = std::make_shared<lammps_heal::HealModel>(file, model_name, device, lattice_constant);
  } catch (const std::exception &reason) {
    problem = reason.what();
  }
  stop_if_any(problem);
}

/* all ranks compute in the same way: by the kernel only where it agrees with TorchScript on each */

void FixHeal::make_kernel()
{
  if (!use_kernel || device != "cpu") {
    use_kernel = false;
    return;
  }
  lammps_heal::set_threads(1);
  const std::string problem = model->make_kernel();
  const int mine = !problem.empty();
  int any;
  MPI_Allreduce(&mine, &any, 1, MPI_INT, MPI_MAX, world);
  use_kernel = !any;
  if (any && comm->me == 0)
    error->warning(FLERR, "fix heal uses TorchScript, which is slower: " +
                              (problem.empty() ? "the kernel cannot be used on another rank" : problem));
}

/* every atom's element must be one that the model knows */

void FixHeal::check_elements()
{
  if (model->elements.empty())
    return;    // the user has named the lattice
  std::vector<bigint> n_mine(atom->ntypes + 1, 0), n_of_type(atom->ntypes + 1, 0);
  for (int i = 0; i < atom->nlocal; i++)
    n_mine[atom->type[i]]++;
  MPI_Allreduce(n_mine.data(), n_of_type.data(), atom->ntypes + 1, MPI_LMP_BIGINT, MPI_SUM, world);
  std::string problem;
  for (int type = 1; type <= atom->ntypes && problem.empty(); type++)
    if (n_of_type[type] > 0)
      problem = element_problem(type);
  stop_if_any(problem);
}

std::string FixHeal::element_problem(int type) const
{
  const auto &known = model->elements;
  std::string known_words, example;
  for (size_t k = 0; k < known.size(); k++)
    known_words += (k ? ", " : "") + known[k] + " (" + fmt::format("{:.6g}", model->masses[k]) + " g/mol)";
  for (int t = 1; t <= atom->ntypes; t++)
    example += " " + known[0];

  if (!elements_of_types.empty()) {
    const auto &element = elements_of_types[type - 1];
    if (std::find(known.begin(), known.end(), element) != known.end())
      return "";
    return fmt::format("fix heal: atom type {} is {}, the model knows {}: use a model trained on {}", type,
                       element, known_words, element);
  }
  const std::string remedy = fmt::format(
      "; if its element is one of these, add the element of each type to fix heal, like \"elements{}\"",
      example);
  if (atom->labelmapflag) {
    for (const auto &element : known)
      if (atom->lmap->find(element, Atom::ATOM) == type)
        return "";
    return fmt::format("fix heal: the label of atom type {} is no element of the model, which knows {}{}",
                       type, known_words, remedy);
  }
  if (!atom->mass || !atom->mass_setflag[type])
    return fmt::format("fix heal: atom type {} has no label and no mass; the model knows {}{}", type,
                       known_words, remedy);
  for (double mass : model->masses)
    if (std::fabs(atom->mass[type] - mass) < MASS_TOLERANCE * mass)
      return "";
  return fmt::format("fix heal: atom type {} has mass {:.6g}, the model knows {}{}", type, atom->mass[type],
                     known_words, remedy);
}

/* ---------------------------------------------------------------------- getting LAMMPS ready */

void FixHeal::init()
{
  next_reneighbor = -1;

  // LAMMPS warns when nothing integrates, and when two fixes do; setup() undoes this.
  is_alone = true;
  for (auto *other : modify->get_fix_list())
    if (other != this && (other->time_integrate || strcmp(other->style, style) == 0)) {
      is_alone = false;
      if (other->time_integrate)
        time_integrate = 0;
    }

  const bool minimizing = update->whichflag == 2;
  if (minimizing)
    return;

  check_settings();
  check_elements();
  raise_ghost_cutoff();
  lammps_heal::set_threads(comm->nthreads);
}

void FixHeal::check_settings()
{
  if (utils::strmatch(update->integrate_style, "^respa"))
    error->all(FLERR, "fix heal works with run_style verlet, got " + std::string(update->integrate_style) +
                          ": use \"run_style verlet\"");
  // With these, ghosts are others than those within the ghost cutoff.
  if (comm->mode != Comm::SINGLE)
    error->all(FLERR, "fix heal needs one ghost cutoff for all types, got comm_modify mode multi: "
                      "add \"comm_modify mode single\" before \"run\"");
  if (neighbor->includegroup)
    error->all(FLERR, "fix heal must see all neighbours, and \"neigh_modify include\" may hide some: "
                      "remove \"neigh_modify include\"");
}

void FixHeal::raise_ghost_cutoff()
{
  const double needed = model->cutoff + neighbor->skin;
  if (comm->cutghostuser < needed) {
    if (comm->cutghostuser != raised_ghost_cutoff || raised_ghost_cutoff == 0.0)
      users_ghost_cutoff = comm->cutghostuser;
    comm->cutghostuser = raised_ghost_cutoff = needed;
  }
  if (comm->style == Comm::TILED)
    for (int d = 0; d < 3; d++)
      if (domain->periodicity[d] && needed > domain->prd[d])
        error->all(
            FLERR,
            fmt::format("fix heal: ghost cutoff {:.4g} Å (the model's {:.4g} Å + skin {:.4g} Å) is longer "
                        "than the box, {:.4g} Å along {}, which comm_style tiled does not allow: use "
                        "\"comm_style brick\" or a larger box",
                        needed, model->cutoff, neighbor->skin, domain->prd[d], "xyz"[d]));
}

void FixHeal::setup(int /*vflag*/)
{
  time_integrate = 1;
  check_subdomains();
}

/* LAMMPS hands an atom to the next subdomain only: one that jumps further is lost */

void FixHeal::check_subdomains()
{
  double thinnest = HUGE_VAL;
  for (int d = 0; d < 3; d++) {
    if (comm->layout != Comm::LAYOUT_TILED && comm->procgrid[d] <= 2)
      continue;
    double thickness;
    if (domain->triclinic) {
      const double *h = domain->h_inv;
      const double rows[3][3] = {{h[0], h[5], h[4]}, {0.0, h[1], h[3]}, {0.0, 0.0, h[2]}};
      thickness = (domain->subhi_lamda[d] - domain->sublo_lamda[d]) /
                  std::sqrt(rows[d][0] * rows[d][0] + rows[d][1] * rows[d][1] + rows[d][2] * rows[d][2]);
    } else
      thickness = domain->subhi[d] - domain->sublo[d];
    thinnest = std::min(thinnest, thickness);
  }
  double thinnest_of_all;
  MPI_Allreduce(&thinnest, &thinnest_of_all, 1, MPI_DOUBLE, MPI_MIN, world);
  // Half a skin: as far as an atom gets before it is handed over, besides the step itself.
  const double reach = longest + 0.5 * neighbor->skin;
  if (comm->nprocs > 2 && reach > thinnest_of_all)
    error->all(
        FLERR,
        fmt::format("fix heal: a step of {:.4g} Å + half the skin, {:.4g} Å, is longer than the thinnest "
                    "subdomain, {:.4g} Å, and atoms would get lost: use fewer ranks, another \"processors\" "
                    "grid, or a smaller \"max\"",
                    longest, 0.5 * neighbor->skin, thinnest_of_all));
}

void FixHeal::setup_post_neighbor()
{
  post_neighbor();
}

void FixHeal::post_neighbor()
{
  const double *x = atom->nlocal ? atom->x[0] : nullptr;
  listed_positions.assign(x, x + 3 * static_cast<size_t>(atom->nlocal));
  must_list = true;
  // A list that the next step will outrun needs no skin, which is half of its cost. A step is about half as
  // long as the one before, so it will move atoms by more than half a skin if that one did by more than a
  // whole.
  list_skin = is_alone && largest > neighbor->skin ? 0.0 : neighbor->skin;
  // Now the atoms are where LAMMPS saw them; other fixes may move them before the healing step.
  const bool running = update->whichflag == 1 && update->ntimestep < update->laststep;
  if (running && (update->ntimestep + 1) % interval == 0)
    build_list();
}

/* ---------------------------------------------------------------------- one healing step */

void FixHeal::post_integrate()
{
  if (update->ntimestep % interval)
    return;

  bring_ghosts_and_list_up_to_date();
  const auto atoms = group_atoms();
  find_displacements(atoms);
  move_atoms(atoms);

  // Lists, owners and ghosts must fit the new positions in this very step, whatever neigh_modify says.
  const double mine = largest_move_since_list();
  double furthest;
  MPI_Allreduce(&mine, &furthest, 1, MPI_DOUBLE, MPI_MAX, world);
  if (furthest > TRIGGER * list_skin)
    next_reneighbor = update->ntimestep;
}

/* other fixes may have moved atoms in this step, and ghosts are communicated only after it */

void FixHeal::bring_ghosts_and_list_up_to_date()
{
  std::string problem;
  for (int i = 0; i < atom->nlocal && problem.empty(); i++)
    if (!is_finite(atom->x[i]))
      problem = "fix heal: the position of " + name_of(i) + " is not finite";
  stop_if_any(problem);

  const double mine = largest_move_since_list();
  double furthest;
  MPI_Allreduce(&mine, &furthest, 1, MPI_DOUBLE, MPI_MAX, world);
  if (furthest > TRIGGER * list_skin || (must_list && furthest > 0.0))
    find_owners_and_ghosts();
  else
    comm->forward_comm();
  if (must_list)
    build_list();
}

/* Sums in float32 depend on their order. Neighbours in order of id give the same numbers whatever LAMMPS's
   sorting, exchange or a restart did to their rows; LAMMPS's own lists have no order. */

void FixHeal::build_list()
{
  const int64_t n_rows = static_cast<int64_t>(atom->nlocal) + atom->nghost;
  // What is not finite has no place in a list; the healing step will say so.
  for (int64_t i = 0; i < n_rows; i++)
    if (!is_finite(atom->x[i]))
      return;
  std::vector<int64_t> ids(n_rows);
  if (atom->tag_enable)
    std::copy_n(atom->tag, n_rows, ids.begin());
  else
    std::iota(ids.begin(), ids.end(), 0);
  lammps_heal::find_neighbours(n_rows ? atom->x[0] : nullptr, ids.data(), atom->nlocal, n_rows,
                               model->cutoff + list_skin, n_threads, list);
  must_list = false;
}

/* as run_style verlet does it (22Jul2025) */

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

/* Å; infinite where another fix has exchanged atoms behind our back */

double FixHeal::largest_move_since_list() const
{
  if (listed_positions.size() != 3 * static_cast<size_t>(atom->nlocal))
    return HUGE_VAL;
  double largest_square = 0.0;
  for (int i = 0; i < atom->nlocal; i++) {
    double square = 0.0;
    for (int d = 0; d < 3; d++) {
      const double move = atom->x[i][d] - listed_positions[3 * static_cast<size_t>(i) + d];
      square += move * move;
    }
    largest_square = std::max(largest_square, square);
  }
  return std::sqrt(largest_square);
}

std::vector<int> FixHeal::group_atoms() const
{
  std::vector<int> atoms;
  atoms.reserve(atom->nlocal);
  for (int i = 0; i < atom->nlocal; i++)
    if (atom->mask[i] & groupbit)
      atoms.push_back(i);
  return atoms;
}

/* fills array_atom; nothing moves before all is known. Stops all ranks where one has a problem */

void FixHeal::find_displacements(const std::vector<int> &atoms)
{
  // Ranks wait for each other at the end alone: what is wrong before is kept until then.
  const auto centres = pushing_atoms();
  auto problem = find_answers_to_forces(centres);
  for (int turn = 0; turn < model->n_layers; turn++) {
    comm->forward_comm(this);
    if (problem.empty())
      problem = problem_of([&]() { return message_layer(atoms, turn); });
  }

  n_capped = 0;
  for (int i = 0; i < atom->nlocal && problem.empty(); i++)
    problem = store_displacement(i);
  stop_if_any(problem);
}

/* vectors become B f of the group's owned atoms, before relays; returns what is wrong, or nothing */

std::string FixHeal::find_answers_to_forces(const std::vector<int> &centres)
{
  const size_t n_values = 4 * (static_cast<size_t>(atom->nlocal) + atom->nghost);
  vectors.room_for(n_values);
  if (centres.empty())
    std::fill_n(vectors.get(), n_values, 0.0);
  std::vector<double> by_torch;
  auto problem = problem_of(
      [&]() { return use_kernel ? forces_by_kernel(centres) : forces_by_torch(centres, by_torch); });
  comm->reverse_comm(this);
  if (!problem.empty())
    return problem;
  if (use_kernel)
    answer_forces(centres, kernel_step.mobilities());
  else
    answer_forces(centres, by_torch.data());
  answer_for_group_alone();
  return "";
}

/* mobilities: (n_centres, 3, 3) */

template <typename Number>
void FixHeal::answer_forces(const std::vector<int> &centres, const Number *mobilities)
{
  for (int i : centres) {
    double *const vector = vector_of(i);
    const double force[3] = {vector[0], vector[1], vector[2]};
    for (int d = 0; d < 3; d++, mobilities += 3)
      vector[d] = lammps_heal::on_grid(mobilities[0] * force[0] + mobilities[1] * force[1] +
                                       mobilities[2] * force[2]);
  }
}

double *FixHeal::vector_of(int row) const
{
  return vectors.get() + 4 * static_cast<size_t>(row);
}

/* other owned atoms stay */

void FixHeal::answer_for_group_alone()
{
  for (int i = 0; i < atom->nlocal; i++)
    if (!(atom->mask[i] & groupbit))
      std::fill_n(vector_of(i), 3, 0.0);
}

/* atoms of the group and their neighbours: what they push each other by, both must say */

std::vector<int> FixHeal::pushing_atoms() const
{
  std::vector<int> atoms;
  for (int i = 0; i < atom->nlocal; i++) {
    bool is_near = atom->mask[i] & groupbit;
    for (int64_t k = list.first[i]; k < list.first[i + 1] && !is_near; k++)
      is_near = atom->mask[list.neighbours[k]] & groupbit;
    if (is_near)
      atoms.push_back(i);
  }
  return atoms;
}

/* of centres: null for all owned atoms */

const int *FixHeal::rows_of(const std::vector<int> &centres) const
{
  return centres.size() == static_cast<size_t>(atom->nlocal) ? nullptr : centres.data();
}

/* vectors become forces on all rows; these return what is wrong, or nothing. mobilities: (n_centres, 3, 3) */

std::string FixHeal::forces_by_kernel(const std::vector<int> &centres)
{
  if (centres.empty())
    return "";
  int64_t overlapping[2];
  model->kernel()->forces(atom->x[0], static_cast<int64_t>(atom->nlocal) + atom->nghost, rows_of(centres),
                          static_cast<int64_t>(centres.size()), list.first.data(), list.neighbours.get(),
                          model->length_scale, n_threads, vectors.get(), kernel_step, overlapping);
  if (overlapping[0] >= 0)
    return overlap_problem(static_cast<int>(overlapping[0]), static_cast<int>(overlapping[1]));
  return "";
}

std::string FixHeal::forces_by_torch(const std::vector<int> &centres, std::vector<double> &mobilities)
{
  if (centres.empty())
    return "";
  mobilities.resize(9 * centres.size());
  model->set_positions(atom->x[0], static_cast<int64_t>(atom->nlocal) + atom->nghost);
  model->clear_forces();
  const auto problem = in_chunks(
      centres, 9, mobilities.data(),
      [this](const lammps_heal::Neighbourhoods &chunk, double *of_chunk) { model->forces(chunk, of_chunk); });
  model->take_forces(vectors.get());
  return problem;
}

/* changes the group's answers; returns what is wrong, or nothing */

std::string FixHeal::message_layer(const std::vector<int> &atoms, int turn)
{
  if (atoms.empty())
    return "";
  if (use_kernel) {
    model->kernel()->message_layer(kernel_step, turn, vectors.get());
    answer_for_group_alone();
    return "";
  }
  model->set_answers(vectors.get(), static_cast<int64_t>(atom->nlocal) + atom->nghost);
  std::vector<double> found(3 * atoms.size());
  const auto problem = in_chunks(atoms, 3, found.data(),
                                 [this, turn](const lammps_heal::Neighbourhoods &chunk, double *of_chunk) {
                                   model->message_layer(chunk, turn, of_chunk);
                                 });
  for (size_t k = 0; k < atoms.size(); k++)
    std::copy_n(&found[3 * k], 3, vector_of(atoms[k]));
  return problem;
}

/* work(chunk, values): for TorchScript, on so many centres at once; found: (n_centres, n_values) */

template <typename Work>
std::string FixHeal::in_chunks(const std::vector<int> &centres, int n_values, double *found, const Work &work)
{
  // In order of id, so that chunks do not depend on LAMMPS's sorting.
  std::vector<size_t> order(centres.size());
  std::iota(order.begin(), order.end(), 0);
  if (atom->tag_enable)
    std::sort(order.begin(), order.end(),
              [&](size_t k, size_t m) { return atom->tag[centres[k]] < atom->tag[centres[m]]; });
  const size_t chunk_size = device == "cpu" ? CHUNK_CPU : CHUNK_CUDA;
  std::vector<double> of_chunk(n_values * chunk_size);
  lammps_heal::Neighbourhoods chunk;
  for (size_t start = 0; start < order.size(); start += chunk_size) {
    const size_t stop = std::min(order.size(), start + chunk_size);
    chunk.centres.clear();
    chunk.neighbours.clear();
    chunk.first.assign(1, 0);
    for (size_t k = start; k < stop; k++) {
      const auto problem = gather_neighbours(centres[order[k]], chunk);
      if (!problem.empty())
        return problem;
    }
    work(chunk, of_chunk.data());
    for (size_t k = start; k < stop; k++)
      std::copy_n(&of_chunk[n_values * (k - start)], n_values, &found[n_values * order[k]]);
  }
  return "";
}

/* ghosts hear what their owners answer */

int FixHeal::pack_forward_comm(int n, int *rows, double *buffer, int /*pbc_flag*/, int * /*pbc*/)
{
  for (int k = 0; k < n; k++)
    std::copy_n(vector_of(rows[k]), 3, buffer + 3 * k);
  return 3 * n;
}

void FixHeal::unpack_forward_comm(int n, int first, double *buffer)
{
  for (int k = 0; k < n; k++)
    std::copy_n(buffer + 3 * k, 3, vector_of(first + k));
}

/* owners feel what their ghosts feel */

int FixHeal::pack_reverse_comm(int n, int first, double *buffer)
{
  for (int k = 0; k < n; k++)
    std::copy_n(vector_of(first + k), 3, buffer + 3 * k);
  return 3 * n;
}

void FixHeal::unpack_reverse_comm(int n, int *rows, double *buffer)
{
  for (int k = 0; k < n; k++)
    for (int d = 0; d < 3; d++)
      vector_of(rows[k])[d] += buffer[3 * k + d];
}

std::string FixHeal::gather_neighbours(int i, lammps_heal::Neighbourhoods &chunk)
{
  double **x = atom->x;
  const double cutoff_square = model->cutoff * model->cutoff;
  for (int64_t k = list.first[i]; k < list.first[i + 1]; k++) {
    const int j = list.neighbours[k];
    double square = 0.0;
    for (int d = 0; d < 3; d++)
      square += (x[j][d] - x[i][d]) * (x[j][d] - x[i][d]);
    if (square < SMALLEST_DISTANCE * SMALLEST_DISTANCE)
      return overlap_problem(i, j);
    if (square < cutoff_square)
      chunk.neighbours.push_back(j);
  }
  chunk.centres.push_back(i);
  chunk.first.push_back(static_cast<int64_t>(chunk.neighbours.size()));
  return "";
}

std::string FixHeal::overlap_problem(int i, int j) const
{
  double **x = atom->x;
  const double distance = std::hypot(x[j][0] - x[i][0], x[j][1] - x[i][1], x[j][2] - x[i][2]);
  return fmt::format("fix heal: {} and {} are on one spot, at ({:.3f}, {:.3f}, {:.3f}) Å, {:.3g} Å apart: "
                     "delete one of them (\"delete_atoms overlap {} all all\")",
                     name_of(i), name_of(j), x[i][0], x[i][1], x[i][2], distance, SMALLEST_DISTANCE);
}

/* the model's answer becomes what array_atom shows: zero outside the group */

std::string FixHeal::store_displacement(int i)
{
  const double *const displacement = vector_of(i);
  double *const row = array_atom[i];
  const double length = std::sqrt(displacement[0] * displacement[0] + displacement[1] * displacement[1] +
                                  displacement[2] * displacement[2]);
  if (!std::isfinite(length))
    return "fix heal: the model's displacement of " + name_of(i) + " is not finite";
  const double shortened = length > longest ? longest / length : 1.0;
  for (int d = 0; d < 3; d++)
    row[d] = shortened * displacement[d];
  row[3] = shortened * length;
  if (length > longest)
    n_capped++;
  return "";
}

void FixHeal::move_atoms(const std::vector<int> &atoms)
{
  double my_sums[4] = {0.0, static_cast<double>(n_capped), 0.0, static_cast<double>(atoms.size())};
  double my_largest = 0.0;
  for (int i : atoms) {
    const double *row = array_atom[i];
    for (int d = 0; d < 3; d++)
      atom->x[i][d] += row[d];
    my_sums[0] += row[3] * row[3];
    my_sums[2] += row[3] > MOVED;
    my_largest = std::max(my_largest, row[3]);
  }
  double sums[4];
  MPI_Allreduce(my_sums, sums, 4, MPI_DOUBLE, MPI_SUM, world);
  MPI_Allreduce(&my_largest, &largest, 1, MPI_DOUBLE, MPI_MAX, world);
  rms = sums[3] > 0.0 ? std::sqrt(sums[0] / sums[3]) : 0.0;
  n_capped = static_cast<bigint>(sums[1]);
  n_moved = static_cast<bigint>(sums[2]);
}

/* ---------------------------------------------------------------------- errors on all ranks at once */

/* what work returns as wrong, or throws; or nothing */

template <typename Work> std::string FixHeal::problem_of(const Work &work)
{
  try {
    return work();
  } catch (const std::exception &reason) {
    return "fix heal: " + std::string(reason.what());
  }
}

/* problem: what is wrong on this rank, or nothing. Stops all ranks with the first rank's message. */

void FixHeal::stop_if_any(const std::string &problem)
{
  const int mine = problem.empty() ? comm->nprocs : comm->me;
  int first;
  MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, world);
  if (first == comm->nprocs)
    return;
  std::string message = problem;
  auto n_bytes = static_cast<int>(message.size());
  MPI_Bcast(&n_bytes, 1, MPI_INT, first, world);
  message.resize(n_bytes);
  MPI_Bcast(message.data(), n_bytes, MPI_CHAR, first, world);
  error->all(FLERR, message);
}

std::string FixHeal::name_of(int i) const
{
  return atom->tag_enable ? "atom " + std::to_string(atom->tag[i]) : "an atom";
}

/* ---------------------------------------------------------------------- outputs */

double FixHeal::compute_scalar()
{
  return rms;
}

double FixHeal::compute_vector(int n)
{
  const double values[4] = {rms, largest, static_cast<double>(n_capped), static_cast<double>(n_moved)};
  return values[n];
}

double FixHeal::memory_usage()
{
  return sizeof(double) * (static_cast<double>(atom->nmax) * N_COLUMNS + listed_positions.capacity()) +
         static_cast<double>(vectors.n_bytes() + kernel_step.n_bytes()) +
         sizeof(int64_t) * static_cast<double>(list.first.capacity()) +
         sizeof(int32_t) * static_cast<double>(list.capacity);
}

void FixHeal::grow_arrays(int nmax)
{
  memory->grow(array_atom, nmax, N_COLUMNS, "heal:array_atom");
}

void FixHeal::copy_arrays(int i, int j, int /*delflag*/)
{
  std::copy_n(array_atom[i], N_COLUMNS, array_atom[j]);
}

void FixHeal::set_arrays(int i)
{
  std::fill_n(array_atom[i], N_COLUMNS, 0.0);
}

int FixHeal::pack_exchange(int i, double *buffer)
{
  std::copy_n(array_atom[i], N_COLUMNS, buffer);
  return N_COLUMNS;
}

int FixHeal::unpack_exchange(int i, double *buffer)
{
  std::copy_n(buffer, N_COLUMNS, array_atom[i]);
  return N_COLUMNS;
}
