/* Local structure of the atoms of a crystal, from its positions alone: coordination and common-neighbour label.

   For Python (ctypes) and for fix heal, so that both give the same numbers. Atoms are those of an open cluster, as in
   kernel/heal_kernel.h, whose status codes and heal_last_error() these functions share; the neighbour lists must reach
   HEAL_SEARCH (HEAL_SEARCH_DIAMOND) nearest-neighbour distances. */

#ifndef HEAL_ANALYSIS_H
#define HEAL_ANALYSIS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef HEAL_API
#define HEAL_API
#endif

/* Labels: the numbers of LAMMPS's compute cna/atom, and two for diamond lattices. */
enum {
  HEAL_FCC = 1,
  HEAL_HCP = 2,
  HEAL_BCC = 3,
  HEAL_ICOSAHEDRAL = 4,
  HEAL_OTHER = 5,
  HEAL_CUBIC_DIAMOND = 6,
  HEAL_HEXAGONAL_DIAMOND = 7
};
/* In nearest-neighbour distances: behind the second shell of bcc, before the third of fcc. */
#define HEAL_SEARCH 1.5
/* Behind the second shell of diamond, before its third. */
#define HEAL_SEARCH_DIAMOND 1.8

typedef struct {
  const double *positions; /* (n_atoms, 3) Å */
  int64_t n_atoms, nlocal;
  const int64_t *first; /* (nlocal + 1,), as of heal_list_first() */
  const int32_t *neighbours;
  double nearest;     /* Å: nearest-neighbour distance of the crystal */
  double bond;        /* Å: nearer atoms are counted in the coordination */
  int32_t is_diamond; /* 1: labels by the second neighbours, as in diamond lattices */
  int32_t n_threads;
} heal_structure;

/* Writes coordination and label of each local atom, (nlocal,). Common neighbours are those of the 12 (fcc, hcp, icosahedral)
   or 14 (bcc) nearest atoms, with a cutoff from their own mean distance (A. Stukowski, Modelling Simul. Mater. Sci. Eng. 20,
   045021 (2012), adaptive common-neighbour analysis); in diamond lattices those of the 12 second neighbours (E. Maras et
   al., Comput. Phys. Commun. 205, 13 (2016)). No lattice constant is needed but for the search. */
HEAL_API int heal_local_structure(const heal_structure *structure, int32_t *coordination, int32_t *labels);

/* Writes the mean over each local atom and the atoms bonded to it: values (n_atoms,), averages (nlocal,). */
HEAL_API int heal_bonded_average(const heal_structure *structure, const double *values, double *averages);

/* The lattice sites of a reference crystal that are nearest to points, such as its healed atoms. Any number is allowed as a
   coordinate; a site or point that is not finite, or beyond 1e12 Å, is nowhere. */
typedef struct {
  const double *sites; /* (n_sites, 3) Å; with all periodic images that may be nearest */
  int64_t n_sites;
  const double *points; /* (n_points, 3) Å */
  int64_t n_points;
  double shift[3]; /* Å, by which all sites are moved first */
  double reach;    /* Å; farther sites are nobody's */
} heal_lattice_sites;

/* Writes the row of the site that each point is nearest to, (n_points,), or -1 where there is none within reach: Wigner-Seitz
   cells. */
HEAL_API int heal_nearest_sites(const heal_lattice_sites *lattice, int32_t *nearest);

#ifdef __cplusplus
}
#endif
#endif
