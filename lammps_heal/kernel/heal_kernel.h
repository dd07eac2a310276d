/* The kernel's C interface: the arithmetic of one healing step on the CPU or a CUDA device, without torch and
   without LAMMPS.

   The only way in, for Python (ctypes, library.py) and for C++ (fix heal). One step is

     heal_pair_forces           pair forces on all atoms; the centres' mobility tensors stay in the workspace
     (reverse communication)    the caller adds the forces on ghosts to their owners'
     heal_apply_mobilities      v = mobility tensor times force, for the centres
     for each message-passing layer:
       (forward communication)  the caller copies v of the owners to their ghosts, 0 for atoms that stay
       heal_message_layer       v <- v + messages, for the centres
     (cap)                      the caller shortens what is longer than the largest displacement,
     (soft floor)               what brings pairs too near is taken back, in sweeps, and the caller adds the rest:
       (forward communication)  the caller copies v of the owners to their ghosts
       heal_floor_look          is any pair brought too near?
       heal_floor_take_back     v of both atoms of such pairs becomes less

   Formulas: lammps_heal/model/network.py.

   Atoms are those of an open cluster: local (owned) atoms first, then ghosts; n_atoms counts both. Positions
   are float64, Å, (n_atoms, 3). Vectors (forces, v) are float64, Å, padded xyz: (n_atoms, 4), the fourth of
   no use, so that no vector lies in two cache lines; their first byte is aligned to HEAL_ALIGNMENT. Arrays
   are C-contiguous and belong to the caller; nothing that a function was given is used after it returned.

   Every number is allowed in positions and vectors: NaN and infinity give NaN, or atoms without neighbours,
   never an access out of bounds. The same bits for any number of threads; instruction sets differ in the
   last bits.

   Errors: functions that return int return HEAL_OK or another status; heal_last_error() then says why, for
   the thread that called. No exception leaves a function, and none ends the process. After an error the
   workspace needs a new heal_pair_forces, the list a new heal_list_build. Threads that the system does not
   give are done without. */

#ifndef HEAL_KERNEL_H
#define HEAL_KERNEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library for Python is compiled with it set to make these functions, and nothing else, visible. */
#ifndef HEAL_API
#define HEAL_API
#endif

enum { HEAL_ABI_VERSION = 5 }; /* of this header */
enum { HEAL_ALIGNMENT = 64 };  /* bytes; of the widest vector register, and of a cache line */
enum {
  HEAL_OK = 0,
  HEAL_FAILED = 1, /* a wrong argument, or no memory: heal_last_error() */
  HEAL_OVERLAP = 2 /* two atoms at one place, nearer than HEAL_SMALLEST_DISTANCE */
};
#define HEAL_SMALLEST_DISTANCE 1.0e-4 /* Å; the direction between nearer atoms means nothing */

typedef struct heal_kernel heal_kernel; /* the weights of one model; read-only, may be shared by threads */
/* What pair forces leave for mobilities and layers; one for each caller. */
typedef struct heal_workspace heal_workspace;
typedef struct heal_list heal_list;   /* a neighbour list; its memory serves the next one */
typedef struct heal_floor heal_floor; /* pairs brought too near; its memory serves the next step */

/* The weights as the model file holds them (lammps_heal/model/model_file.py); heal_kernel_create copies them. */
typedef struct {
  int32_t n_channels, n_hidden, n_layers, n_intervals;
  int32_t n_species; /* elements that the model tells apart; 1: none */
  double cutoff;     /* Å, of the model as trained */
  /* [n_intervals][3][8 * n_channels]: coefficients of t^0, t^1, t^2 of R_kl, then of Q_kl, channels fastest,
     in intervals of equal width up to the cutoff; t from -1/2 to 1/2 in each. */
  const float *radial;
  const float *messages; /* [n_intervals][3][2 * n_layers]: of a and b of each layer; null without layers */
  const float *mixing;   /* [4][n_channels][n_channels] */
  /* [outputs][inputs] of the layers of the per-atom network: 4 * n_channels inputs, n_hidden, n_hidden,
     5 * n_channels + 1 outputs. */
  const float *weights[3];
  const float *biases[3];
  /* Of several species; null, or not looked at, where there is one. */
  const float *species_factors; /* [n_species][2][n_channels]: of R, then of Q, by the neighbour's species */
  const float *species_bias;    /* [n_species][n_hidden]: added to biases[0], by the atom's own species */
} heal_weights;

typedef struct {
  const double *positions; /* (n_atoms, 3) Å */
  int64_t n_atoms;         /* local and ghost */
  int64_t nlocal;          /* atoms with a neighbour list; at most n_atoms */
  /* The neighbours of local atom i are neighbours[first[i]] to neighbours[first[i + 1] - 1]; first:
     (nlocal + 1,), never decreasing. Pairs beyond the cutoff are ignored. A card looks at neither, and finds
     them itself. */
  const int64_t *first;
  const int32_t *neighbours;
  int64_t n_centres;      /* atoms whose edges are computed, */
  const int32_t *centres; /* local ones, ascending; null: the first n_centres. On a card all are */
  const int32_t
      *species;        /* (n_atoms,), 0 to n_species - 1; null, or not looked at, where the model has one */
  double length_scale; /* this crystal's lengths in those of the model; the cutoff grows with it */
  int32_t n_threads;   /* 1 to heal_max_threads() */
  /* (n_atoms,) atom ids, a ghost's its owner's: a card sums over neighbours in their order. Null: in that of
     their numbers. */
  const int64_t *ids;
} heal_atoms;

HEAL_API int32_t heal_abi_version(void);
HEAL_API const char *heal_last_error(void); /* UTF-8, one line; of the calling thread, until its next error */
HEAL_API int32_t heal_max_threads(void);    /* four times this machine's processors; more are refused */
/* Usable on this machine, fastest first, with blanks between. */
HEAL_API const char *heal_instruction_sets(void);

/* Null on failure. instruction_set: one of heal_instruction_sets(); null or "": the fastest. "cuda:0",
   "cuda:1", ...: on that CUDA device; where there are fewer they are dealt out. It takes seconds, to compile
   for the device. */
HEAL_API heal_kernel *heal_kernel_create(const heal_weights *weights, const char *instruction_set);
HEAL_API void heal_kernel_destroy(heal_kernel *kernel); /* null is allowed, as in all _destroy */
HEAL_API const char *heal_kernel_instruction_set(const heal_kernel *kernel);
/* 1 on a card, which looks at no neighbour list. */
HEAL_API int32_t heal_kernel_finds_neighbours(const heal_kernel *kernel);

/* (n_atoms, 4), aligned, not cleared: memory that this kernel reaches fastest, though any other serves. Null
   on failure. To be destroyed with the same kernel, before it. kernel: null for memory as any. */
HEAL_API double *heal_vectors_create(const heal_kernel *kernel, int64_t n_atoms);
HEAL_API void heal_vectors_destroy(const heal_kernel *kernel, double *vectors);

HEAL_API heal_workspace *heal_workspace_create(void); /* null on failure */
HEAL_API void heal_workspace_destroy(heal_workspace *workspace);
HEAL_API int64_t heal_workspace_bytes(const heal_workspace *workspace);

/* Pair forces that the centres' edges exert, on all atoms: `vectors` (n_atoms, 4) is written, in lengths of
   the model. The centres' mobility tensors, and what layers need of atoms, stay in the workspace.
   HEAL_OVERLAP: overlap[0], overlap[1] are two atoms at one place, and the vectors are of no use. overlap may
   be null. */
HEAL_API int heal_pair_forces(const heal_kernel *kernel, heal_workspace *workspace, const heal_atoms *atoms,
                              double *vectors, int64_t *overlap);

/* (n_centres, 3, 3), of the last heal_pair_forces; null once heal_message_layer was called, or on
   failure. They take forces to this crystal's lengths. */
HEAL_API const float *heal_mobilities(heal_workspace *workspace);

/* Å, of the last heal_pair_forces: no atom is nearer to a centre, or the cutoff where none is within it; 0 where
   it failed. */
HEAL_API double heal_nearest(const heal_workspace *workspace);

/* The centres' vectors, forces, become mobility tensor times force, Å, rounded to fixed point. */
HEAL_API int heal_apply_mobilities(heal_workspace *workspace, double *vectors);

/* Message-passing layer number `layer`, from 0. vectors (n_atoms, 4): v_in of all atoms, zero for local ones
   that are no centres. It is rounded to fixed point, then those of the centres become v_out; the others are
   of no use afterwards. After heal_pair_forces of the same kernel; any number of times. */
HEAL_API int heal_message_layer(const heal_kernel *kernel, heal_workspace *workspace, int32_t layer,
                                double *vectors);

/* Neighbours of each local atom nearer than cutoff (Å) in the open cluster, in order of atom id, images of one
   atom in order of x, y and z: sums in float32 depend on their order, and in this one every host and number
   of ranks has the same. A pair that is farther by the rounding of float32 may be listed too. An atom with a
   coordinate that is not finite has no neighbours. positions: (n_atoms, 3) Å, local atoms first. ids:
   (n_atoms,), not negative; a ghost has its owner's. The same list for any number of threads.
   HEAL_FAILED, too, where an atom has more than 65536 neighbours. */
HEAL_API heal_list *heal_list_create(void); /* null on failure */
HEAL_API void heal_list_destroy(heal_list *list);
HEAL_API int heal_list_build(heal_list *list, const double *positions, const int64_t *ids, int64_t nlocal,
                             int64_t n_atoms, double cutoff, int32_t n_threads, const char *instruction_set);
HEAL_API const int64_t *heal_list_first(const heal_list *list);      /* (nlocal + 1,), as in heal_atoms; */
HEAL_API const int32_t *heal_list_neighbours(const heal_list *list); /* both until the next build */
HEAL_API int64_t heal_list_bytes(const heal_list *list);

/* The soft floor of a step: no pair is brought nearer than `distance`, Å, or than it is where that is less, to
   first order and but for a small tolerance; see lammps_heal/step/soft_floor.py. */
HEAL_API heal_floor *heal_floor_create(void); /* null on failure */
HEAL_API void heal_floor_destroy(heal_floor *floor);
HEAL_API int64_t heal_floor_bytes(const heal_floor *floor);
/* For each step; both finite. No vector is longer than max_displacement, Å, and none becomes so. */
HEAL_API int heal_floor_begin(heal_floor *floor, double distance, double max_displacement);
/* *is_any: 1 where the displacements `vectors`, (n_atoms, 4) Å, bring a local atom and a neighbour of its list too
   near; else 0. Of two local atoms each is in the other's list. Of atoms positions, sizes, list and n_threads are
   looked at; they are the same until the next heal_floor_begin, and local vectors those that heal_floor_take_back
   left, or zero for atoms that stay. The same for any number of threads. */
HEAL_API int heal_floor_look(heal_floor *floor, const heal_atoms *atoms, const double *vectors,
                             int32_t *is_any);
/* The local vectors of pairs that the last heal_floor_look found become less. Their fourth number becomes their
   length. */
HEAL_API int heal_floor_take_back(heal_floor *floor, double *vectors);

#ifdef __cplusplus
}
#endif

#endif
