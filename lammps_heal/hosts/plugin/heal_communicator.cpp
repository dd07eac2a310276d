#include "heal_communicator.h"

#include "comm.h"

#include <algorithm>

using namespace LAMMPS_NS;

void HealCommunicator::reverse(double *communicated)
{
  vectors = communicated;
  lmp->comm->reverse_comm(fix);
}

void HealCommunicator::forward(double *communicated)
{
  vectors = communicated;
  lmp->comm->forward_comm(fix);
}

void HealCommunicator::largest(double *values, int n)
{
  MPI_Allreduce(MPI_IN_PLACE, values, n, MPI_DOUBLE, MPI_MAX, lmp->world);
}

int HealCommunicator::pack_forward_comm(int n, const int *list, double *buf) const
{
  for (int k = 0; k < n; k++)
    std::copy_n(vector_of(list[k]), N_VALUES, buf + N_VALUES * k);
  return N_VALUES * n;
}

void HealCommunicator::unpack_forward_comm(int n, int first, const double *buf) const
{
  for (int k = 0; k < n; k++)
    std::copy_n(buf + N_VALUES * k, N_VALUES, vector_of(first + k));
}

int HealCommunicator::pack_reverse_comm(int n, int first, double *buf) const
{
  for (int k = 0; k < n; k++)
    std::copy_n(vector_of(first + k), N_VALUES, buf + N_VALUES * k);
  return N_VALUES * n;
}

void HealCommunicator::unpack_reverse_comm(int n, const int *list, const double *buf) const
{
  for (int k = 0; k < n; k++)
    for (int d = 0; d < N_VALUES; d++)
      vector_of(list[k])[d] += buf[N_VALUES * k + d];
}
