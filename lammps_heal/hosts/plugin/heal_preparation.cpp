#include "heal_preparation.h"

#include "all_ranks.h"

#include "comm.h"
#include "domain.h"
#include "error.h"
#include "neighbor.h"
#include "update.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace LAMMPS_NS;

void LAMMPS_NS::check_units(LAMMPS *lmp)
{
  const char *const units = lmp->update->unit_style;
  if (strcmp(units, "metal") != 0 && strcmp(units, "real") != 0)
    lmp->error->all(FLERR, "fix heal needs lengths in Å, got units {}: use \"units metal\" or \"units real\"",
                    units);
  if (lmp->domain->dimension != 3)
    lmp->error->all(FLERR, "fix heal needs three dimensions, got {}: use \"dimension 3\"",
                    lmp->domain->dimension);
}

void LAMMPS_NS::check_run_style(LAMMPS *lmp)
{
  if (utils::strmatch(lmp->update->integrate_style, "^respa"))
    lmp->error->all(FLERR, "fix heal works with run_style verlet, got {}: use \"run_style verlet\"",
                    lmp->update->integrate_style);
  // With these, ghosts are others than those within the ghost cutoff.
  if (lmp->comm->mode != Comm::SINGLE)
    lmp->error->all(FLERR, "fix heal needs one ghost cutoff for all types, got comm_modify mode multi: "
                           "add \"comm_modify mode single\" before \"run\"");
  if (lmp->neighbor->includegroup)
    lmp->error->all(FLERR, "fix heal must see all neighbours, and \"neigh_modify include\" may hide some: "
                           "remove \"neigh_modify include\"");
}

// Å, along dimension d.
static double thickness_of_subdomain(const Domain &domain, int d)
{
  if (!domain.triclinic)
    return domain.subhi[d] - domain.sublo[d];
  const double *const h = domain.h_inv;
  const double rows[3][3] = {{h[0], h[5], h[4]}, {0.0, h[1], h[3]}, {0.0, 0.0, h[2]}};
  return (domain.subhi_lamda[d] - domain.sublo_lamda[d]) /
         std::sqrt(rows[d][0] * rows[d][0] + rows[d][1] * rows[d][1] + rows[d][2] * rows[d][2]);
}

void LAMMPS_NS::check_subdomains(LAMMPS *lmp, double max_displacement)
{
  const auto &comm = *lmp->comm;
  double thinnest = HUGE_VAL;
  for (int d = 0; d < 3; d++)
    if (comm.layout == Comm::LAYOUT_TILED || comm.procgrid[d] > 2)
      thinnest = std::min(thinnest, thickness_of_subdomain(*lmp->domain, d));
  thinnest = -largest_of_all(lmp, -thinnest);
  // Half a skin: as far as an atom gets before it is handed over, besides the step itself.
  const double half_skin = 0.5 * lmp->neighbor->skin;
  if (comm.nprocs > 2 && max_displacement + half_skin > thinnest)
    lmp->error->all(
        FLERR,
        "fix heal: a step of {:.4g} Å + half the skin, {:.4g} Å, is longer than the thinnest subdomain, "
        "{:.4g} Å, and atoms would get lost: use fewer ranks, another \"processors\" grid, or a smaller "
        "\"max\"",
        max_displacement, half_skin, thinnest);
}

void GhostCutoff::raise(LAMMPS *lmp, double cutoff)
{
  auto &comm = *lmp->comm;
  const auto &domain = *lmp->domain;
  const double skin = lmp->neighbor->skin, needed = cutoff + skin;
  if (comm.cutghostuser < needed) {
    if (comm.cutghostuser != raised || raised == 0.0)
      users = comm.cutghostuser;
    comm.cutghostuser = raised = needed;
  }
  for (int d = 0; d < 3 && comm.style == Comm::TILED; d++)
    if (domain.periodicity[d] && needed > domain.prd[d])
      lmp->error->all(
          FLERR,
          "fix heal: ghost cutoff {:.4g} Å (the model's {:.4g} Å + skin {:.4g} Å) is longer than the box, "
          "{:.4g} Å along {}, which comm_style tiled does not allow: use \"comm_style brick\" or a larger "
          "box",
          needed, cutoff, skin, domain.prd[d], "xyz"[d]);
}

void GhostCutoff::restore(LAMMPS *lmp) const
{
  if (raised > 0.0 && lmp->comm && lmp->comm->cutghostuser == raised)
    lmp->comm->cutghostuser = users;
}
