// Entry point of the plugin: registers fix heal. Not needed in a LAMMPS source tree, where FixStyle does.

#include "fix_heal.h"
#include "lammpsplugin.h"

#include <cstdio>
#include <cstdlib>

using namespace LAMMPS_NS;

// LAMMPS's C library interface, which keeps its ABI; library.h would declare it with all the rest.
extern "C" int lammps_version(void *lmp);
extern "C" int lammps_extract_setting(void *lmp, const char *keyword);

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

// lammps_heal/hosts/plugin/__init__.py reads this out of the file without loading it.
extern "C" __attribute__((used, visibility("default"))) const char lammps_heal_built_for[] =
    "lammps-heal plugin built for lammps=" TEXT(HEAL_LAMMPS_VERSION) ";";

static void *create_fix_heal(void *lmp, int narg, char **arg)
{
  return static_cast<Fix *>(new FixHeal(static_cast<LAMMPS *>(lmp), narg, arg));
}

extern "C" __attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle,
                                                                         void *register_function)
{
  // C++ classes of another LAMMPS version have another layout: using them would crash later.
  const int version = lammps_version(lmp);
  if (version != HEAL_LAMMPS_VERSION || lammps_extract_setting(lmp, "bigint") != sizeof(bigint) ||
      lammps_extract_setting(lmp, "tagint") != sizeof(tagint)) {
    if (lammps_extract_setting(lmp, "world_rank") == 0)
      std::fprintf(
          stderr,
          "fix heal is not available: the plugin was built for LAMMPS %d (atom ids of %d bytes), this is %d: "
          "build it anew with \"lammps-heal build-plugin\"\n",
          HEAL_LAMMPS_VERSION, static_cast<int>(sizeof(tagint)), version);
    return;
  }
  // Input scripts cannot ask for a fix style (22Jul2025); "variable plugin getenv LAMMPS_HEAL_PLUGIN" they
  // can.
  setenv("LAMMPS_HEAL_PLUGIN", "loaded", 1);

  lammpsplugin_t plugin;
  plugin.version = static_cast<LAMMPS *>(lmp)->version;
  plugin.style = "fix";
  plugin.name = "heal";
  plugin.info = "fix heal, moves atoms toward their lattice sites";
  plugin.author = "the lammps-heal developers";
  plugin.creator.v2 = create_fix_heal;
  plugin.handle = handle;
  reinterpret_cast<lammpsplugin_regfunc>(register_function)(&plugin, lmp);
}
