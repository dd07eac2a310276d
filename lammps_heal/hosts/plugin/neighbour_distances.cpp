#include "neighbour_distances.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace lammps_heal;

// All as in neighbour_shells.py.
static constexpr double FARTHEST = 12.0;    // Å
static constexpr int MOST = 14, TWELVE = 12, EIGHT = 8;
static constexpr int64_t FEWEST = 10;    // atoms inside of a crystal
static constexpr double BCC_OUTER = 1.08;
static const double SECOND_OF_BCC = 2.0 / std::sqrt(3.0);    // nearest-neighbour distances
static const double TWELVE_OF_BCC = (8.0 + 4.0 * SECOND_OF_BCC) / 12.0;
static constexpr double BIN_OF_MEAN = 5.0e-4, BIN_OF_OUTER = 1.0e-4;    // Å, and none
static constexpr double LARGEST_OUTER = 3.0;

// Of as many neighbours as the structure's coordination counts.
static double mean_distance(int coordination)
{
  return coordination == MOST ? (8.0 + 6.0 * SECOND_OF_BCC) / 14.0 : 1.0;
}

// Of the mean of the directions to so many; atoms at surfaces lie above.
static double lopsided(int n_neighbours)
{
  return n_neighbours == 4 ? 0.3 : 0.15;
}

namespace
{

// Counts in bins, so that ranks can add theirs.
class Median
{
 public:
  Median(double bin, double largest) : bin(bin), counts(static_cast<size_t>(std::ceil(largest / bin)) + 1) {}

  void add(double value)
  {
    counts[std::min(static_cast<size_t>(value / bin), counts.size() - 1)]++;
  }
  double of_all(MPI_Comm world)
  {
    MPI_Allreduce(MPI_IN_PLACE, counts.data(), static_cast<int>(counts.size()), MPI_INT64_T, MPI_SUM, world);
    int64_t n = 0, before = 0;
    for (const int64_t count : counts)
      n += count;
    for (size_t k = 0; k < counts.size(); before += counts[k++])
      if (2 * (before + counts[k]) >= n && counts[k] > 0)
        return bin * (static_cast<double>(k) + (0.5 * static_cast<double>(n) - static_cast<double>(before)) /
                                                   static_cast<double>(counts[k]));
    return 0.0;
  }

 private:
  double bin;
  std::vector<int64_t> counts;
};

}    // namespace

bool NeighbourDistances::are_known() const
{
  return n_atoms >= FEWEST;
}

double NeighbourDistances::likelier() const
{
  return outer > BCC_OUTER ? nearest_if_bcc : nearest;
}

NeighbourDistances lammps_heal::neighbour_distances(const ListedPositions &atoms,
                                                    const std::vector<char> *chosen,
                                                    const std::vector<std::string> &structures,
                                                    MPI_Comm world)
{
  const bool is_any_metal = structures.size() > 1;
  const int n = is_any_metal ? MOST : shells_of(structures[0]).coordination;
  const int of_mean = is_any_metal ? TWELVE : n;
  Median means(BIN_OF_MEAN, FARTHEST), outers(BIN_OF_OUTER, LARGEST_OUTER);
  NeighbourDistances result;
  std::array<Neighbour, MOST> near;
  for (int64_t i = 0; i < atoms.nlocal; i++) {
    if ((chosen && !(*chosen)[i]) || !find_nearest(atoms, i, n, near))
      continue;
    double sum = 0.0, of_eight = 0.0, of_twelve = 0.0;
    for (int k = 0; k < n; k++) {
      const double distance = std::sqrt(near[k].square);
      sum += k < of_mean ? distance : 0.0;
      of_eight += k < EIGHT ? distance / EIGHT : 0.0;
      of_twelve += k >= EIGHT && k < TWELVE ? distance / (TWELVE - EIGHT) : 0.0;
    }
    if (!(lopsidedness(near, n) < lopsided(n)))
      continue;
    result.n_atoms++;
    means.add(sum / of_mean);
    outers.add(of_twelve / of_eight);
  }
  MPI_Allreduce(MPI_IN_PLACE, &result.n_atoms, 1, MPI_INT64_T, MPI_SUM, world);
  const double mean = means.of_all(world);
  result.nearest = is_any_metal ? mean : mean / mean_distance(n);
  result.nearest_if_bcc = is_any_metal ? mean / TWELVE_OF_BCC : result.nearest;
  if (is_any_metal)
    result.outer = outers.of_all(world);
  return result;
}
