/* TorchScript's C interface: the parts of one healing step by the TorchScript of a model file, on the CPU or
   on CUDA.

   The only library that links torch. fix heal opens it (dlopen) where TorchScript is asked for. Its functions
   mirror those of heal_kernel.h, which has the order of a step, the shapes and the meaning of heal_atoms;
   here n_threads is ignored, and the number of layers is the model's.

   Errors: functions that return int return HEAL_OK or another status of heal_kernel.h;
   heal_torchscript_last_error() then says why, for the thread that called. No exception leaves a function. */

#ifndef HEAL_TORCHSCRIPT_H
#define HEAL_TORCHSCRIPT_H

#include "heal_kernel.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef HEAL_TORCHSCRIPT_API
#define HEAL_TORCHSCRIPT_API
#endif

enum { HEAL_TORCHSCRIPT_ABI_VERSION = 2 }; /* of this header */

/* The TorchScript of one model file on one device, and what pair forces leave for mobilities and layers: for
   one caller. */
typedef struct heal_torchscript heal_torchscript;

HEAL_TORCHSCRIPT_API int32_t heal_torchscript_abi_version(void);
HEAL_TORCHSCRIPT_API const char *heal_torchscript_last_error(void); /* UTF-8, one line */

/* Why the installed torch does not fit this library; null where it does. */
HEAL_TORCHSCRIPT_API const char *heal_torchscript_problem(void);

HEAL_TORCHSCRIPT_API int32_t heal_torchscript_n_cuda_devices(void); /* 0 without a torch with CUDA, too */
HEAL_TORCHSCRIPT_API void heal_torchscript_set_threads(int32_t n_threads); /* of torch in this process */

/* file: the bytes of a model file. weights_hash: what its metadata says of the parameters, which is verified.
   device: "cpu", or "cuda:0" and so on. length_scale: this crystal's lengths in those of the model. Null on
   failure; the error is what is wrong with the file, as in "model file ... has a TorchScript that cannot be
   used (...)". */
HEAL_TORCHSCRIPT_API heal_torchscript *heal_torchscript_create(const char *file, int64_t n_bytes,
                                                               const char *weights_hash, const char *device,
                                                               double length_scale);
HEAL_TORCHSCRIPT_API void heal_torchscript_destroy(heal_torchscript *module); /* null is allowed */

/* As heal_pair_forces. ids: (nlocal,), the order in which atoms are taken, so that results do not depend on
   that of rows; or null. atoms->length_scale is ignored: it is that of heal_torchscript_create. */
HEAL_TORCHSCRIPT_API int heal_torchscript_pair_forces(heal_torchscript *module, const heal_atoms *atoms,
                                                      const int64_t *ids, double *vectors, int64_t *overlap);
HEAL_TORCHSCRIPT_API int heal_torchscript_apply_mobilities(heal_torchscript *module, double *vectors);
/* As heal_message_layer, of the atoms of heal_torchscript_pair_forces. */
HEAL_TORCHSCRIPT_API int heal_torchscript_message_layer(heal_torchscript *module, int32_t layer,
                                                        double *vectors);

#ifdef __cplusplus
}
#endif

#endif
