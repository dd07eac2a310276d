#include "ghost_exchange.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

using namespace lammps_heal;

static constexpr int MOST_IMAGES = 100;    // of the cell along one of its vectors
static constexpr int MOST_VALUES = 3;      // of an atom that are communicated at once
static constexpr int TAG = 22;

GhostExchange::GhostExchange(MPI_Comm world, StopIfAny stop_if_any) :
    world(world), stop_if_any(std::move(stop_if_any))
{
  MPI_Comm_rank(world, &me);
  MPI_Comm_size(world, &n_ranks);
  boxes.resize(n_ranks);
  boxes_of_atoms.resize(n_ranks);
}

void GhostExchange::find_ghosts(const double *positions, int64_t n_local, const PeriodicCell &cell,
                                double reach)
{
  nlocal = n_local;
  gather_boxes({positions, n_local}, boxes);
  boxes_of_atoms = boxes;
  choose_ghosts(positions, cell, reach);
}

void GhostExchange::find_ghosts_around(const double *positions, int64_t n_local, const Points &around,
                                       const PeriodicCell &cell, double reach)
{
  nlocal = n_local;
  gather_boxes(around, boxes);
  gather_boxes({positions, n_local}, boxes_of_atoms);
  choose_ghosts(positions, cell, reach);
}

void GhostExchange::choose_ghosts(const double *positions, const PeriodicCell &cell, double reach)
{
  stop_if_any(problem_of([&]() {
    choose_shifts(cell, reach);
    choose_sent(positions, reach);
  }));
  find_sources();
  stop_if_any(problem_of([&]() {
    of_sent.resize(MOST_VALUES * sent.size());
    of_ghosts.resize(MOST_VALUES * n_ghosts);
    requests.resize(destinations.size() + sources.size());
  }));
}

void GhostExchange::gather_boxes(const Points &points, std::vector<Box> &of_ranks)
{
  Box box = {HUGE_VAL, HUGE_VAL, HUGE_VAL, -HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
  for (int64_t i = 0; i < points.n; i++)
    for (int d = 0; d < 3; d++) {
      box[d] = std::min(box[d], points.positions[3 * i + d]);
      box[3 + d] = std::max(box[3 + d], points.positions[3 * i + d]);
    }
  MPI_Allgather(box.data(), 6, MPI_DOUBLE, of_ranks.data(), 6, MPI_DOUBLE, world);
}

// Of the cell's images that may hold an atom within `reach` of one here, that of the cell itself among them.
void GhostExchange::choose_shifts(const PeriodicCell &cell, double reach)
{
  Box all = boxes[0];
  for (const auto *of_ranks : {&boxes, &boxes_of_atoms})
    for (const auto &box : *of_ranks)
      for (int d = 0; d < 3; d++) {
        all[d] = std::min(all[d], box[d]);
        all[3 + d] = std::max(all[3 + d], box[3 + d]);
      }
  int n_images[3] = {0, 0, 0};
  for (int k = 0; k < 3; k++) {
    if (!cell.is_periodic[k] || !(all[0] <= all[3]))
      continue;
    const double *const a = cell.vectors[(k + 1) % 3], *const b = cell.vectors[(k + 2) % 3];
    const double normal[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                              a[0] * b[1] - a[1] * b[0]};
    double height = 0.0, extent = 0.0;    // along the normal, times its length
    for (int d = 0; d < 3; d++) {
      height += normal[d] * cell.vectors[k][d];
      extent += std::fabs(normal[d]) * (all[3 + d] - all[d]);
    }
    const double length = std::hypot(normal[0], normal[1], normal[2]);
    const double n = std::ceil((extent + reach * length) / std::fabs(height));
    if (!(n <= MOST_IMAGES))
      throw std::runtime_error("the box is too small or flat: its height along vector " +
                               std::to_string(k + 1) + " is " + std::to_string(height / length) + " Å");
    n_images[k] = static_cast<int>(n);
  }
  shifts.clear();
  for (int a = -n_images[0]; a <= n_images[0]; a++)
    for (int b = -n_images[1]; b <= n_images[1]; b++)
      for (int c = -n_images[2]; c <= n_images[2]; c++) {
        std::array<double, 3> shift;
        for (int d = 0; d < 3; d++)
          shift[d] = a * cell.vectors[0][d] + b * cell.vectors[1][d] + c * cell.vectors[2][d];
        shifts.push_back(shift);
      }
}

// Which images of this rank's atoms each rank needs.
void GhostExchange::choose_sent(const double *positions, double reach)
{
  sent.clear();
  destinations.clear();
  const auto &mine = boxes_of_atoms[me];
  for (int rank = 0; rank < n_ranks; rank++) {
    const size_t begin = sent.size();
    for (size_t k = 0; k < shifts.size(); k++) {
      const auto &shift = shifts[k];
      if (rank == me && shift == std::array<double, 3>{})
        continue;
      double low[3], high[3];    // where an atom's image must be
      bool overlaps = true;
      for (int d = 0; d < 3; d++) {
        low[d] = boxes[rank][d] - reach;
        high[d] = boxes[rank][3 + d] + reach;
        overlaps &= mine[d] + shift[d] <= high[d] && mine[3 + d] + shift[d] >= low[d];
      }
      for (int64_t i = 0; i < nlocal && overlaps; i++) {
        const double *const x = positions + 3 * i;
        if (x[0] + shift[0] >= low[0] && x[0] + shift[0] <= high[0] && x[1] + shift[1] >= low[1] &&
            x[1] + shift[1] <= high[1] && x[2] + shift[2] >= low[2] && x[2] + shift[2] <= high[2])
          sent.push_back({static_cast<int32_t>(i), static_cast<int32_t>(k)});
      }
    }
    if (sent.size() > begin)
      destinations.push_back({rank, begin, sent.size()});
  }
}

void GhostExchange::find_sources()
{
  std::vector<int64_t> n_sent(n_ranks, 0), n_received(n_ranks);
  for (const auto &part : destinations)
    n_sent[part.rank] = static_cast<int64_t>(part.end - part.begin);
  MPI_Alltoall(n_sent.data(), 1, MPI_INT64_T, n_received.data(), 1, MPI_INT64_T, world);
  sources.clear();
  n_ghosts = 0;
  for (int rank = 0; rank < n_ranks; rank++)
    if (n_received[rank] > 0) {
      sources.push_back({rank, n_ghosts, n_ghosts + n_received[rank]});
      n_ghosts += n_received[rank];
    }
}

// n_values doubles of each item, in parts from here to parts there.
void GhostExchange::communicate(const std::vector<Part> &from, const std::vector<double> &values,
                                const std::vector<Part> &to, std::vector<double> &received, int n_values)
{
  int n_requests = 0;
  auto size_of = [n_values](const Part &part) {
    return static_cast<int>((part.end - part.begin) * n_values);
  };
  for (const auto &part : to)
    if (part.rank != me)
      MPI_Irecv(&received[part.begin * n_values], size_of(part), MPI_DOUBLE, part.rank, TAG, world,
                &requests[n_requests++]);
  for (const auto &part : from)
    if (part.rank != me)
      MPI_Isend(&values[part.begin * n_values], size_of(part), MPI_DOUBLE, part.rank, TAG, world,
                &requests[n_requests++]);
  const auto is_mine = [this](const Part &part) { return part.rank == me; };
  const auto here = std::find_if(from.begin(), from.end(), is_mine),
             there = std::find_if(to.begin(), to.end(), is_mine);
  if (here != from.end())
    std::copy_n(&values[here->begin * n_values], size_of(*here), &received[there->begin * n_values]);
  MPI_Waitall(n_requests, requests.data(), MPI_STATUSES_IGNORE);
}

// pack(sent, values), unpack(ghost, values): n_values of an atom.
template <typename Pack, typename Unpack>
void GhostExchange::forward(int n_values, const Pack &pack, const Unpack &unpack)
{
  for (size_t k = 0; k < sent.size(); k++)
    pack(sent[k], &of_sent[k * n_values]);
  communicate(destinations, of_sent, sources, of_ghosts, n_values);
  for (size_t k = 0; k < n_ghosts; k++)
    unpack(nlocal + static_cast<int64_t>(k), &of_ghosts[k * n_values]);
}

void GhostExchange::forward_positions(double *positions)
{
  forward(
      3,
      [&](const Sent &item, double *values) {
        for (int d = 0; d < 3; d++)
          values[d] = positions[3 * static_cast<int64_t>(item.atom) + d] + shifts[item.shift][d];
      },
      [&](int64_t ghost, const double *values) { std::copy_n(values, 3, positions + 3 * ghost); });
}

void GhostExchange::forward_values(double *of_atoms)
{
  forward(
      1, [&](const Sent &item, double *value) { *value = of_atoms[item.atom]; },
      [&](int64_t ghost, const double *value) { of_atoms[ghost] = *value; });
}

void GhostExchange::forward(double *vectors)
{
  forward(
      3,
      [&](const Sent &item, double *values) {
        std::copy_n(vectors + 4 * static_cast<int64_t>(item.atom), 3, values);
      },
      [&](int64_t ghost, const double *values) { std::copy_n(values, 3, vectors + 4 * ghost); });
}

void GhostExchange::reverse(double *vectors)
{
  for (size_t k = 0; k < n_ghosts; k++)
    std::copy_n(vectors + 4 * (nlocal + static_cast<int64_t>(k)), 3, &of_ghosts[3 * k]);
  communicate(sources, of_ghosts, destinations, of_sent, 3);
  for (size_t k = 0; k < sent.size(); k++)
    for (int d = 0; d < 3; d++)
      vectors[4 * static_cast<int64_t>(sent[k].atom) + d] += of_sent[3 * k + d];
}

void GhostExchange::largest(double *values, int n)
{
  MPI_Allreduce(MPI_IN_PLACE, values, n, MPI_DOUBLE, MPI_MAX, world);
}
