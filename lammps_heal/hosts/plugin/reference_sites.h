// Vacancies, interstitials and antisites by Wigner-Seitz cells: a healed crystal on the sites of a reference.
// As lammps_heal/analysis/reference_sites.py counts, with the same numbers. Knows MPI, not LAMMPS.

#ifndef HEAL_REFERENCE_SITES_H
#define HEAL_REFERENCE_SITES_H

#include "ghost_exchange.h"
#include "reference_file.h"

#include <array>
#include <cstdint>
#include <vector>

namespace lammps_heal
{

// Healed atoms of this rank.
struct SiteOccupants {
  const double *positions;    // (n, 3) Å
  const int64_t *ids;         // (n,), unique over all ranks
  const int *types;           // (n,)
  const char *is_regular;    // (n,), 1 where an atom is on a site of the perfect crystal: the drift is theirs
  int64_t n;
  std::vector<int> first_alike;    // of each type, from 1, the first of the same element; others are alone
};

// A site that does not hold one atom of its element.
struct DefectSite {
  int64_t id;
  double position[3];    // Å
  int64_t type, n_atoms;
  int64_t type_of_atom;    // where it is one, else 0
};

struct SiteCounts {
  int64_t vacancies, interstitials, antisites;
  double distance;    // Å, RMS, of the regular atoms from their sites
  bool fits;          // whether that is near enough
};

class ReferenceSites
{
 public:
  // crystal: of its sites those that this rank keeps, each of them on one rank. nearest: nearest-neighbour
  // distance, Å.
  ReferenceSites(ReferenceCrystal crystal, double nearest, MPI_Comm world, StopIfAny stop_if_any);

  // Collective. The sites follow the cell, whose corner is at origin, Å, and the atoms' mean drift.
  SiteCounts count(const SiteOccupants &atoms, const PeriodicCell &cell, const std::array<double, 3> &origin);

  // Of the last count, those of this rank.
  const std::vector<DefectSite> &defects() const
  {
    return defect_sites;
  }
  double n_bytes() const;

 private:
  using Vector = std::array<double, 3>;
  // Regular atoms of all ranks, on the sites nearest to them.
  struct Fit {
    Vector drift = {}, mean = {}, first = {};    // Å; mean, first: vectors from sites, of all and of one atom
    double distance = 0.0;                       // Å, RMS
  };

  ReferenceCrystal crystal;
  double nearest;
  MPI_Comm world;
  StopIfAny stop_if_any;
  GhostExchange ghosts;
  Vector drift = {};
  std::vector<double> still, moved;    // Å: (n_sites, 3) without drift; (n_images, 3) as last tried
  std::vector<double> occupation;      // (n_images, 4): atoms, sum of their types
  std::vector<int32_t> site_of_atom;
  std::vector<DefectSite> defect_sites;

  void place_sites(const PeriodicCell &cell, const Vector &origin);
  Fit assign(const SiteOccupants &atoms, const PeriodicCell &cell, const Vector &by);
  Fit fit_of(const SiteOccupants &atoms) const;
  Fit moved_by_mean(const SiteOccupants &atoms, const PeriodicCell &cell, const Vector &start);
  SiteCounts count_occupation(const SiteOccupants &atoms);
};

}    // namespace lammps_heal

#endif
