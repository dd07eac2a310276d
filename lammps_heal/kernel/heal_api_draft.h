/* The kernel's C interface: one healing step's arithmetic on the CPU, without torch and without LAMMPS.

   Arrays belong to the caller and are C-contiguous; positions in Å, float64. Atoms are rows of an open cluster: local
   (owned) atoms first, then ghosts. Vectors are rows of four doubles, the fourth of no use, so that no row lies in two
   cache lines; aligned to HEAL_ALIGNMENT bytes.
   Functions that return int return HEAL_OK, or another status with heal_last_error() (of this thread) saying why. */

#ifndef HEAL_KERNEL_H
#define HEAL_KERNEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { HEAL_ABI_VERSION = 1, HEAL_ALIGNMENT = 64 };
enum { HEAL_OK = 0, HEAL_FAILED = 1, HEAL_OVERLAP = 2 };

typedef struct heal_kernel heal_kernel;       /* packed weights of one model; read-only, may be shared by threads */
typedef struct heal_workspace heal_workspace; /* what pair forces leave for the layers; one for each caller */
typedef struct heal_list heal_list;           /* a neighbour list; its memory serves the next one */

typedef struct {
  int32_t n_channels, n_hidden, n_layers, n_intervals;
  double cutoff;              /* Å, of the unscaled model */
  const float *radial;        /* [n_intervals][3][8 * n_channels] */
  const float *messages;      /* [n_intervals][3][2 * n_layers] */
  const float *mixing;        /* [4][n_channels][n_channels] */
  const float *weights[3];    /* (outputs, inputs) of each layer of the per-atom network */
  const float *biases[3];
} heal_weights;

typedef struct {
  const double *positions;      /* (n_atoms, 3) Å */
  int64_t n_atoms;              /* local and ghost */
  int64_t n_centres;
  const int32_t *centres;       /* rows that forces are computed of; null: the first n_centres */
  const int64_t *first;         /* (nlocal + 1,): the neighbours of row i are neighbours[first[i]] to neighbours[first[i + 1] - 1] */
  const int32_t *neighbours;
  double length_scale;          /* this crystal's lengths in those of the model's */
  int32_t n_threads;
} heal_atoms;

int32_t heal_abi_version(void);
const char *heal_last_error(void);
const char *heal_instruction_sets(void);  /* usable here, fastest first, separated by blanks */

heal_kernel *heal_kernel_create(const heal_weights *weights, const char *instruction_set);  /* "" : fastest; null on failure */
void heal_kernel_destroy(heal_kernel *kernel);
const char *heal_kernel_instruction_set(const heal_kernel *kernel);

heal_workspace *heal_workspace_create(void);
void heal_workspace_destroy(heal_workspace *workspace);
int64_t heal_workspace_bytes(const heal_workspace *workspace);

/* Pair forces on all atoms, `vectors` (n_atoms, 4), written; mobilities are kept in the workspace.
   HEAL_OVERLAP: two atoms at one place, their rows in overlap[2]. */
int heal_pair_forces(const heal_kernel *kernel, heal_workspace *workspace, const heal_atoms *atoms, double *vectors, int64_t *overlap);
/* (n_centres, 3, 3) float32, of the last heal_pair_forces, until the first heal_message_layer. */
const float *heal_mobilities(const heal_workspace *workspace);
/* vectors of the centres become mobility times force, rounded to fixed point. */
int heal_apply_mobilities(heal_workspace *workspace, double *vectors);
/* vectors (n_atoms, 4): v_in of all atoms; those of the centres become v_out. The atoms of heal_pair_forces must still be there. */
int heal_message_layer(const heal_kernel *kernel, heal_workspace *workspace, int32_t layer, double *vectors);

/* Neighbours of each local atom nearer than cutoff, in order of atom id (images of one atom in order of x, y, z). */
heal_list *heal_list_create(void);
void heal_list_destroy(heal_list *list);
int heal_list_build(heal_list *list, const double *positions, const int64_t *ids, int64_t nlocal, int64_t n_atoms, double cutoff,
                    int32_t n_threads, const char *instruction_set);
const int64_t *heal_list_first(const heal_list *list);       /* (nlocal + 1,) */
const int32_t *heal_list_neighbours(const heal_list *list);
int64_t heal_list_bytes(const heal_list *list);

#ifdef __cplusplus
}
#endif
#endif
