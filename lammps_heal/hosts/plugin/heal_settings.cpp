#include "heal_settings.h"

#include "heal_kernel.h"

#include "atom.h"
#include "error.h"

#include <algorithm>
#include <cmath>
#include <iterator>

using namespace LAMMPS_NS;

static constexpr const char *OF_ONE_VALUE[] = {"every",   "sites",  "max",    "device",
                                               "threads", "kernel", "lattice"};

static constexpr int OBSERVED_STEPS =
    3;    // enough for hot crystals; more add nothing there, and at melt fronts harm

static double positive_length(LAMMPS *lmp, const char *keyword, const char *text)
{
  const double length = utils::numeric(FLERR, text, false, lmp);
  if (!(length > 0.0) || !std::isfinite(length))
    lmp->error->all(FLERR, "fix heal {} must be a length above 0 Å, got {}", keyword, text);
  return length;
}

static int one_or_more(LAMMPS *lmp, const char *keyword, const char *text)
{
  const int number = utils::inumeric(FLERR, text, false, lmp);
  if (number < 1)
    lmp->error->all(FLERR, "fix heal {} must be 1 or more, got {}", keyword, text);
  return number;
}

static bool is_keyword(const std::string &word)
{
  return word == "elements" || word == "observe" ||
         std::find(std::begin(OF_ONE_VALUE), std::end(OF_ONE_VALUE), word) != std::end(OF_ONE_VALUE);
}

// An element for each atom type, before another keyword comes.
static void require_elements(LAMMPS *lmp, int iarg, int narg, char **arg)
{
  const int needed = lmp->atom->ntypes;
  int given = 0;
  while (iarg + 1 + given < narg && given < needed && !is_keyword(arg[iarg + 1 + given]))
    given++;
  if (given < needed)
    lmp->error->all(FLERR, "fix heal elements takes the element of each of the {} atom types, got {}", needed,
                    given);
}

static int number_of_threads(LAMMPS *lmp, const char *text)
{
  const int n_threads = one_or_more(lmp, "threads", text);
  if (n_threads > heal_max_threads())
    lmp->error->all(
        FLERR, "fix heal threads {} is more than four times the processors of this machine: use {} or fewer",
        n_threads, heal_max_threads());
  return n_threads;
}

// Of the keyword at iarg.
static int number_of_values(LAMMPS *lmp, int iarg, int narg, char **arg)
{
  const std::string keyword = arg[iarg];
  if (keyword == "elements") {
    require_elements(lmp, iarg, narg, arg);
    return lmp->atom->ntypes;
  }
  if (keyword == "observe")    // the number of steps may be left out
    return iarg + 1 < narg && utils::is_integer(arg[iarg + 1]);
  if (is_keyword(keyword))
    return 1;
  lmp->error->all(
      FLERR,
      "fix heal knows every, observe, sites, max, elements, device, threads, kernel and lattice, got \"{}\"",
      keyword);
}

HealSettings::HealSettings(LAMMPS *lmp, int narg, char **arg)
{
  if (narg < 4)
    utils::missing_cmd_args(FLERR, "fix heal", lmp->error);
  model = arg[3];
  for (int iarg = 4; iarg < narg;) {
    const std::string keyword = arg[iarg];
    const int n_values = number_of_values(lmp, iarg, narg, arg);
    if (iarg + n_values >= narg)
      utils::missing_cmd_args(FLERR, "fix heal " + keyword, lmp->error);
    char **const value = arg + iarg + 1;
    if (keyword == "every")
      interval = one_or_more(lmp, "every", *value);
    else if (keyword == "observe")
      n_observed_steps = n_values > 0 ? one_or_more(lmp, "observe", *value) : OBSERVED_STEPS;
    else if (keyword == "sites")
      sites = *value;
    else if (keyword == "max")
      max_displacement = positive_length(lmp, "max", *value);
    else if (keyword == "elements")
      elements.assign(value, value + n_values);
    else if (keyword == "device")
      device = *value;
    else if (keyword == "threads")
      n_threads = number_of_threads(lmp, *value);
    else if (keyword == "kernel")
      use_kernel = utils::logical(FLERR, *value, false, lmp);
    else if (std::string(*value) == "auto")
      finds_lattice = true;
    else
      lattice = positive_length(lmp, "lattice", *value);
    iarg += 1 + n_values;
  }
  if (!sites.empty() && n_observed_steps == 0)
    lmp->error->all(FLERR, "fix heal sites counts what a healed copy shows: add \"observe\"");
  if (device != "cpu" && device != "cuda")
    lmp->error->all(FLERR, "fix heal device must be cpu or cuda, got {}", device);
}
