// Ghosts of any positions, found and updated without LAMMPS's own, which stay as they are. Knows MPI, not
// LAMMPS.

#ifndef HEAL_GHOST_EXCHANGE_H
#define HEAL_GHOST_EXCHANGE_H

#include "healing_step.h"

#include <array>
#include <cstdint>
#include <functional>
#include <mpi.h>
#include <string>
#include <vector>

namespace lammps_heal
{

// Collective: ends all ranks with one message where one has a problem, and does nothing where none has.
using StopIfAny = std::function<void(const std::string &problem)>;

struct Points {
  const double *positions;    // (n, 3) Å, finite
  int64_t n;
};

// vectors[k]: of the cell, Å.
struct PeriodicCell {
  double vectors[3][3];
  bool is_periodic[3];
};

// All functions but the constructor and the sizes are collective.
class GhostExchange : public Communicator
{
 public:
  GhostExchange(MPI_Comm world, StopIfAny stop_if_any);

  // Ghosts become the images of this and other ranks' atoms within `reach`, Å, of the box around this rank's.
  // positions: (nlocal, 3) Å, finite; owned atoms may lie anywhere, in whatever subdomain.
  void find_ghosts(const double *positions, int64_t nlocal, const PeriodicCell &cell, double reach);
  // The same of one kind of atoms around another kind, such as sites around atoms: within `reach` of the box
  // around this rank's `around`.
  void find_ghosts_around(const double *positions, int64_t nlocal, const Points &around,
                          const PeriodicCell &cell, double reach);
  int64_t n_atoms() const
  {
    return nlocal + static_cast<int64_t>(n_ghosts);
  }

  // (n_atoms, 3) Å: ghosts' become their owners', in their own image of the cell.
  void forward_positions(double *positions);
  // (n_atoms,): ghosts' become their owners'.
  void forward_values(double *values);
  // Communicator's, of (n_atoms, 4).
  void forward(double *vectors) override;
  void reverse(double *vectors) override;
  void largest(double *values, int n) override;

 private:
  using Box = std::array<double, 6>;    // smallest, then largest x, y, z; empty where the former is larger
  struct Sent {
    int32_t atom;     // local
    int32_t shift;    // number of the shift of its image
  };
  // What goes to another rank, or comes from it: a part of `sent`, or of the ghosts.
  struct Part {
    int rank;
    size_t begin, end;
  };

  MPI_Comm world;
  StopIfAny stop_if_any;
  int me, n_ranks;
  int64_t nlocal = 0;
  size_t n_ghosts = 0;
  std::vector<Box> boxes, boxes_of_atoms;    // of all ranks: around what needs ghosts, and around atoms
  std::vector<std::array<double, 3>> shifts;
  std::vector<Sent> sent;
  std::vector<Part> destinations, sources;
  std::vector<double> of_sent, of_ghosts;    // what is communicated
  std::vector<MPI_Request> requests;

  void gather_boxes(const Points &points, std::vector<Box> &of_ranks);
  void choose_ghosts(const double *positions, const PeriodicCell &cell, double reach);
  void choose_shifts(const PeriodicCell &cell, double reach);
  void choose_sent(const double *positions, double reach);
  void find_sources();
  void communicate(const std::vector<Part> &from, const std::vector<double> &values,
                   const std::vector<Part> &to, std::vector<double> &received, int n_values);
  template <typename Pack, typename Unpack>
  void forward(int n_values, const Pack &pack, const Unpack &unpack);
};

}    // namespace lammps_heal

#endif
