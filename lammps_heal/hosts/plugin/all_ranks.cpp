#include "all_ranks.h"

#include "comm.h"
#include "error.h"

using namespace LAMMPS_NS;

void LAMMPS_NS::stop_if_any(LAMMPS *lmp, const std::string &problem)
{
  const int mine = problem.empty() ? lmp->comm->nprocs : lmp->comm->me;
  int first;
  MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, lmp->world);
  if (first == lmp->comm->nprocs)
    return;
  std::string message = problem;
  auto n_bytes = static_cast<int>(message.size());
  MPI_Bcast(&n_bytes, 1, MPI_INT, first, lmp->world);
  message.resize(n_bytes);
  MPI_Bcast(message.data(), n_bytes, MPI_CHAR, first, lmp->world);
  lmp->error->all(FLERR, "fix heal: {}", message);
}

double LAMMPS_NS::largest_of_all(LAMMPS *lmp, double mine)
{
  double largest;
  MPI_Allreduce(&mine, &largest, 1, MPI_DOUBLE, MPI_MAX, lmp->world);
  return largest;
}
