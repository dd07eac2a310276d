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

// Four floats or integers that the compiler keeps in one register, on any machine.
using Floats = float __attribute__((vector_size(16)));
using Integers = int32_t __attribute__((vector_size(16)));
constexpr int LANES = 4, N_GROUPS = 4;    // which hold BCC_SHELL atoms, and two that are none
constexpr float FAR_AWAY = 1.0e9f;        // Å, from the others

struct Near {
  float square, x, y, z;    // from the centre
};

// Atoms around one, nearest first.
struct Surroundings {
  int n = 0;
  bool is_crowded = false;
  std::array<Near, MOST> atoms;
};

// Which of the atoms are bonded to each other: bit j of row i.
using Bonds = std::array<uint32_t, BCC_SHELL>;

// Without branches on distances, which no processor foresees.
Surroundings surroundings_of(const heal_structure &s, int64_t i, double search)
{
  const double *const centre = s.positions + 3 * i;
  const auto search_square = static_cast<float>(search * search);
  Near found[MOST + 1];
  int n = 0;
  for (int64_t k = s.first[i]; k < s.first[i + 1] && n <= MOST; k++) {
    const double *const p = s.positions + 3 * static_cast<int64_t>(s.neighbours[k]);
    const auto x = static_cast<float>(p[0] - centre[0]), y = static_cast<float>(p[1] - centre[1]),
               z = static_cast<float>(p[2] - centre[2]);
    found[n] = {x * x + y * y + z * z, x, y, z};
    n += found[n].square < search_square;
  }
  Surroundings around;
  around.is_crowded = n > MOST;
  around.n = std::min(n, MOST);
  int rank[MOST] = {};
  for (int a = 1; a < around.n; a++)
    for (int b = 0; b < a; b++) {
      const int is_behind = found[b].square > found[a].square;
      rank[b] += is_behind;
      rank[a] += 1 - is_behind;
    }
  for (int a = 0; a < around.n; a++)
    around.atoms[rank[a]] = found[a];
  return around;
}

// Bits set; the library's function is a call on machines that may lack the instruction.
int count(uint32_t bits)
{
  bits -= bits >> 1 & 0x55555555;
  bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
  return static_cast<int>(((bits + (bits >> 4)) & 0x0F0F0F0F) * 0x01010101 >> 24);
}

double mean_distance(const Near *atoms, int n)
{
  double sum = 0.0;
  for (int k = 0; k < n; k++)
    sum += std::sqrt(static_cast<double>(atoms[k].square));
  return sum / n;
}

Bonds bonds_between(const Near *atoms, int n, double cutoff)
{
  Floats x[N_GROUPS], y[N_GROUPS], z[N_GROUPS];
  Integers bits[N_GROUPS];
  for (int j = 0; j < N_GROUPS * LANES; j++) {
    const Near absent = {0.0f, FAR_AWAY, FAR_AWAY, FAR_AWAY}, &atom = j < n ? atoms[j] : absent;
    x[j / LANES][j % LANES] = atom.x;
    y[j / LANES][j % LANES] = atom.y;
    z[j / LANES][j % LANES] = atom.z;
    bits[j / LANES][j % LANES] = 1 << j;
  }
  const auto cutoff_square = static_cast<float>(cutoff * cutoff);
  Bonds bonds = {};
  for (int i = 0; i < n; i++) {
    Integers bonded = {};
    for (int group = 0; group < N_GROUPS; group++) {
      const Floats dx = x[group] - atoms[i].x, dy = y[group] - atoms[i].y, dz = z[group] - atoms[i].z;
      bonded |= (dx * dx + dy * dy + dz * dz < cutoff_square) & bits[group];
    }
    const auto all = static_cast<uint32_t>(bonded[0] | bonded[1] | bonded[2] | bonded[3]);
    bonds[i] = all & ~(1u << i);
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
  Signature found = {count(common), 0, 0};
  uint32_t left = common;
  while (left) {
    uint32_t cluster = left & -left, reached = cluster;
    int twice = 0;
    for (uint32_t fresh = cluster; fresh; fresh = reached & ~cluster, cluster = reached)
      for (uint32_t some = fresh; some; some &= some - 1) {
        const uint32_t bonded = bonds[std::countr_zero(some)] & common;
        twice += count(bonded);
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
      coordination[i] = static_cast<int32_t>(std::count_if(around.atoms.begin(), end, [&](const Near &near) {
        return near.square < static_cast<float>(s.bond * s.bond);
      }));
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
