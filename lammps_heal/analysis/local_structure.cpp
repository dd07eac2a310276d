// Coordination and common-neighbour labels; see heal_analysis.h.

#include "heal_analysis.h"

#include "status.h"
#include "threads.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

using namespace lammps_heal;

namespace
{

constexpr int MOST = 32;    // atoms looked at around one; a crystal has 18 at the most, what has more is none
constexpr int SHELL = 12, BCC_SHELL = 14, DIAMOND_BONDS = 4;
constexpr int64_t ATOMS_AT_ONCE = 4096;    // of a thread
// Of a shell's mean distance: half-way between the first and the second shell of the lattice.
const double FCC_CUTOFF = 0.5 * (1.0 + std::sqrt(2.0));
const double BCC_CUTOFF = 0.5 * (1.0 + std::sqrt(2.0));    // of the lattice constant, which the mean gives
const double BCC_FIRST = 2.0 / std::sqrt(3.0);             // lattice constant ÷ first neighbours' distance

struct Near {
  double square, x, y, z;    // from the centre
};

// Atoms around one, nearest first.
struct Surroundings {
  int n = 0;
  bool is_crowded = false;
  std::array<Near, MOST> atoms;
};

// Which of the atoms are bonded to each other: bit j of row i.
using Bonds = std::array<uint32_t, BCC_SHELL>;

Surroundings surroundings_of(const heal_structure &s, int64_t i, double search)
{
  Surroundings around;
  const double *const centre = s.positions + 3 * i;
  for (int64_t k = s.first[i]; k < s.first[i + 1]; k++) {
    const double *const p = s.positions + 3 * static_cast<int64_t>(s.neighbours[k]);
    const double x = p[0] - centre[0], y = p[1] - centre[1], z = p[2] - centre[2];
    const double square = x * x + y * y + z * z;
    if (!(square < search * search))
      continue;
    around.is_crowded = around.n == MOST;
    if (around.is_crowded)
      break;
    int place = around.n++;
    for (; place > 0 && around.atoms[place - 1].square > square; place--)
      around.atoms[place] = around.atoms[place - 1];
    around.atoms[place] = {square, x, y, z};
  }
  return around;
}

double mean_distance(const Near *atoms, int n)
{
  double sum = 0.0;
  for (int k = 0; k < n; k++)
    sum += std::sqrt(atoms[k].square);
  return sum / n;
}

Bonds bonds_between(const Near *atoms, int n, double cutoff)
{
  Bonds bonds = {};
  for (int i = 1; i < n; i++)
    for (int j = 0; j < i; j++) {
      const double x = atoms[i].x - atoms[j].x, y = atoms[i].y - atoms[j].y, z = atoms[i].z - atoms[j].z;
      if (x * x + y * y + z * z < cutoff * cutoff) {
        bonds[i] |= 1u << j;
        bonds[j] |= 1u << i;
      }
    }
  return bonds;
}

// Bonds among `atoms`, those of the largest cluster that bonds join, and how many atoms there are.
struct Signature {
  int common, bonds, chain;
  bool operator==(const Signature &) const = default;
};

Signature signature(const Bonds &bonds, int i)
{
  const uint32_t common = bonds[i];
  Signature found = {std::popcount(common), 0, 0};
  uint32_t left = common;
  while (left) {
    uint32_t cluster = left & -left, reached = cluster;
    int twice = 0;
    for (uint32_t fresh = cluster; fresh; fresh = reached & ~cluster, cluster = reached)
      for (uint32_t some = fresh; some; some &= some - 1) {
        const uint32_t bonded = bonds[std::countr_zero(some)] & common;
        twice += std::popcount(bonded);
        reached |= bonded;
      }
    found.bonds += twice / 2;
    found.chain = std::max(found.chain, twice / 2);
    left &= ~cluster;
  }
  return found;
}

// fcc, hcp or icosahedral by the common neighbours of 12 atoms, or HEAL_OTHER.
int label_of_twelve(const Near *atoms)
{
  const Bonds bonds = bonds_between(atoms, SHELL, FCC_CUTOFF * mean_distance(atoms, SHELL));
  int n_421 = 0, n_422 = 0, n_555 = 0;
  for (int i = 0; i < SHELL; i++) {
    const Signature s = signature(bonds, i);
    n_421 += s == Signature{4, 2, 1};
    n_422 += s == Signature{4, 2, 2};
    n_555 += s == Signature{5, 5, 5};
  }
  if (n_421 == SHELL)
    return HEAL_FCC;
  if (n_421 == SHELL / 2 && n_422 == SHELL / 2)
    return HEAL_HCP;
  return n_555 == SHELL ? HEAL_ICOSAHEDRAL : HEAL_OTHER;
}

bool is_bcc(const Near *atoms)
{
  constexpr int FIRST = 8;
  const double lattice_constant = (FIRST * BCC_FIRST * mean_distance(atoms, FIRST) +
                                   (BCC_SHELL - FIRST) * mean_distance(atoms + FIRST, BCC_SHELL - FIRST)) /
                                  BCC_SHELL;
  const Bonds bonds = bonds_between(atoms, BCC_SHELL, BCC_CUTOFF * lattice_constant);
  int n_666 = 0, n_444 = 0;
  for (int i = 0; i < BCC_SHELL; i++) {
    const Signature s = signature(bonds, i);
    n_666 += s == Signature{6, 6, 6};
    n_444 += s == Signature{4, 4, 4};
  }
  return n_666 == FIRST && n_444 == BCC_SHELL - FIRST;
}

int label(const Surroundings &around, bool is_diamond)
{
  if (around.is_crowded)
    return HEAL_OTHER;
  if (is_diamond) {
    if (around.n < DIAMOND_BONDS + SHELL)
      return HEAL_OTHER;
    const int of_second = label_of_twelve(&around.atoms[DIAMOND_BONDS]);
    return of_second == HEAL_FCC   ? HEAL_CUBIC_DIAMOND
           : of_second == HEAL_HCP ? HEAL_HEXAGONAL_DIAMOND
                                   : HEAL_OTHER;
  }
  if (around.n < SHELL)
    return HEAL_OTHER;
  const int of_twelve = label_of_twelve(around.atoms.data());
  if (of_twelve == HEAL_OTHER && around.n >= BCC_SHELL && is_bcc(around.atoms.data()))
    return HEAL_BCC;
  return of_twelve;
}

void require_structure(const heal_structure *s, const void *values, const void *results)
{
  require(s && s->nlocal >= 0 && s->n_atoms >= s->nlocal,
          "a structure needs numbers of atoms that make sense");
  require(s->nlocal == 0 || (s->positions && s->first && s->neighbours && values && results),
          "a structure with atoms needs positions, a neighbour list and room for what is found");
  require(s->nearest > 0.0 && std::isfinite(s->nearest) && s->bond > 0.0 && std::isfinite(s->bond),
          "the nearest-neighbour distance and the bond length must be lengths above 0 Å, got %g and %g",
          s->nearest, s->bond);
}

// work(i) for each local atom, in chunks of threads.
template <typename Work> void for_each_atom(const heal_structure &s, const Work &work)
{
  const auto n_chunks = static_cast<int>((s.nlocal + ATOMS_AT_ONCE - 1) / ATOMS_AT_ONCE);
  const int n_parts = std::clamp(n_chunks, 1, std::max(s.n_threads, 1));
  in_threads(n_parts, [&](int part) {
    for (int64_t i = part * s.nlocal / n_parts; i < (part + 1) * s.nlocal / n_parts; i++)
      work(i);
  });
}

}    // namespace

HEAL_API int heal_local_structure(const heal_structure *structure, int32_t *coordination, int32_t *labels)
{
  return attempt([&]() {
    require_structure(structure, coordination, labels);
    const heal_structure &s = *structure;
    const double search = std::max(s.bond, s.nearest * (s.is_diamond ? HEAL_SEARCH_DIAMOND : HEAL_SEARCH));
    for_each_atom(s, [&](int64_t i) {
      const Surroundings around = surroundings_of(s, i, search);
      const auto *const end = around.atoms.begin() + around.n;
      coordination[i] = static_cast<int32_t>(std::count_if(
          around.atoms.begin(), end, [&](const Near &near) { return near.square < s.bond * s.bond; }));
      labels[i] = label(around, s.is_diamond);
    });
    return HEAL_OK;
  });
}

HEAL_API int heal_bonded_average(const heal_structure *structure, const double *values, double *averages)
{
  return attempt([&]() {
    require_structure(structure, values, averages);
    const heal_structure &s = *structure;
    for_each_atom(s, [&](int64_t i) {
      const double *const centre = s.positions + 3 * i;
      double sum = values[i];
      int n = 1;
      for (int64_t k = s.first[i]; k < s.first[i + 1]; k++) {
        const int64_t j = s.neighbours[k];
        const double *const p = s.positions + 3 * j;
        const double x = p[0] - centre[0], y = p[1] - centre[1], z = p[2] - centre[2];
        if (x * x + y * y + z * z < s.bond * s.bond) {
          sum += values[j];
          n++;
        }
      }
      averages[i] = sum / n;
    });
    return HEAL_OK;
  });
}
