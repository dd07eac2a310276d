// Outputs of fix heal, and its per-atom array, which goes with the atoms.

#include "fix_heal.h"

#include "atom.h"
#include "memory.h"

#include <algorithm>

using namespace LAMMPS_NS;

double FixHeal::compute_scalar()
{
  return compute_vector(0);
}

double FixHeal::compute_vector(int n)
{
  if (observer)
    return observer->value(n);
  const double values[4] = {rms, largest, static_cast<double>(n_capped), static_cast<double>(n_moved)};
  return values[n];
}

double FixHeal::memory_usage()
{
  const double of_array = static_cast<double>(sizeof(double)) * atom->nmax * size_peratom_cols;
  if (observer)
    return of_array + observer->n_bytes();
  return of_array + step->n_bytes() + neighbours.n_bytes() + static_cast<double>(moves.capacity()) +
         static_cast<double>(sizeof(int32_t) * species.capacity());
}

void FixHeal::grow_arrays(int nmax)
{
  memory->grow(array_atom, nmax, size_peratom_cols, "heal:array_atom");
}

void FixHeal::copy_arrays(int i, int j, int /*delflag*/)
{
  std::copy_n(array_atom[i], size_peratom_cols, array_atom[j]);
}

void FixHeal::set_arrays(int i)
{
  std::fill_n(array_atom[i], size_peratom_cols, 0.0);
}

int FixHeal::pack_exchange(int i, double *buf)
{
  std::copy_n(array_atom[i], size_peratom_cols, buf);
  return size_peratom_cols;
}

int FixHeal::unpack_exchange(int nlocal, double *buf)
{
  std::copy_n(buf, size_peratom_cols, array_atom[nlocal]);
  return size_peratom_cols;
}
