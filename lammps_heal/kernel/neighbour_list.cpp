#include "neighbour_list.h"

#include "cells.h"
#include "dispatch.h"
#include "order_by_id.h"
#include "threads.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

#ifdef __linux__
#include <sys/mman.h>
#endif

using namespace lammps_heal;

namespace
{

constexpr double ROOM = 1.05;    // for more neighbours than the mean
constexpr int64_t MORE_ROOM = 8;
// Of an atom; no crystal has as many, but a file with other units than Å, or zeros, has.
constexpr int64_t MOST_NEIGHBOURS = 1 << 16;

// What all threads share.
struct Search {
  const Cells &cells;
  const std::vector<int32_t> &order;
  const InstructionSet &functions;
  float square;    // Å^2, within which neighbours are
  double cutoff;
};

// Local atoms whose lists one thread writes, one behind the other, and its room for them.
struct Part {
  int64_t begin, end;
  int32_t *lists;
  int64_t room;
};

// In large pages where it fills one: touching small ones for the first time takes longer than writing them.
int32_t *allocate(int64_t n)
{
  constexpr size_t LARGE_PAGE = size_t(1) << 21;
  const bool is_large = n * sizeof(int32_t) >= LARGE_PAGE;
  const size_t page = is_large ? LARGE_PAGE : ALIGNMENT;
  const size_t n_bytes = (n * sizeof(int32_t) + page - 1) / page * page;
  auto *made = static_cast<int32_t *>(std::aligned_alloc(page, n_bytes));
  if (!made)
    throw std::bad_alloc();
#ifdef __linux__
  if (is_large)
    madvise(made, n_bytes, MADV_HUGEPAGE);
#endif
  return made;
}

// Writes ranks of the atom's neighbours, its own too, in order, and returns how many; 0 where it is in no
// cell.
int64_t find_ranks(const Search &search, int64_t atom, int32_t *found)
{
  if (!search.cells.has(atom))
    return 0;
  const int64_t n = search.cells.find_near(search.functions, atom, search.square, found);
  if (n > MOST_NEIGHBOURS)
    throw std::runtime_error("an atom has " + std::to_string(n) + " neighbours within " +
                             std::to_string(search.cutoff) + " Å, at most " +
                             std::to_string(MOST_NEIGHBOURS) +
                             " can be: give lengths in Å, and delete atoms that are at one place");
  return n;
}

void sort(const Search &search, int32_t *ranks, int64_t n)
{
  if (n <= MOST_SORTED)
    search.functions.sort_few(ranks, n);
  else
    std::sort(ranks, ranks + n);
}

// Writes how many neighbours each atom has to `counts`; returns how much room all of them need. Lists that do
// not fit are not written.
int64_t fill(const Search &search, Part part, int64_t *counts)
{
  std::vector<int32_t> near(search.order.size() + MOST_SORTED + EDGE_PADDING);
  int64_t needed = 0;
  for (int64_t atom = part.begin; atom < part.end; atom++) {
    const int64_t n = find_ranks(search, atom, near.data());
    counts[atom] = n == 0 ? 0 : n - 1;    // it has found itself too
    if (needed + n <= part.room) {
      sort(search, near.data(), n);
      int32_t *written = part.lists + needed;
      for (int64_t k = 0; k < n; k++) {
        *written = search.order[near[k]];
        written += *written != atom;
      }
    }
    needed += counts[atom];
  }
  return needed + 1;
}

// How local atoms are divided among threads.
struct Division {
  int64_t nlocal, n_parts, in_part;

  int64_t begin(int64_t part) const
  {
    return std::min(part * in_part, nlocal);
  }
};

// The counts of list.first become sums, and lists that threads have written move together.
void join(NeighbourList &list, const Division &division, int64_t room)
{
  for (int64_t i = 0; i < division.nlocal; i++)
    list.first[i + 1] += list.first[i];
  for (int64_t part = 1; part < division.n_parts; part++) {
    const int64_t begin = list.first[division.begin(part)], end = list.first[division.begin(part + 1)];
    std::memmove(&list.neighbours[begin], &list.neighbours[part * division.in_part * room],
                 (end - begin) * sizeof(int32_t));
  }
}

void ensure_capacity(NeighbourList &list, int64_t n)
{
  if (list.capacity >= n)
    return;
  list.neighbours.reset();
  list.capacity = 0;
  list.neighbours.reset(allocate(n));
  list.capacity = n;
}

// For each atom. The last list's where it should do: to touch new memory takes longer than to write the list.
int64_t first_room(const NeighbourList &list, const Division &division, double mean, int64_t n_atoms)
{
  const int64_t most = std::min(n_atoms, MOST_NEIGHBOURS);
  const double guess = std::min(mean, static_cast<double>(most));
  const int64_t room = std::min(static_cast<int64_t>(ROOM * guess) + MORE_ROOM, most);
  const int64_t had = list.capacity / (division.n_parts * division.in_part);
  return had >= std::min(static_cast<int64_t>(guess), room) ? had : room;
}

}    // namespace

void NeighbourList::Free::operator()(int32_t *neighbours) const
{
  std::free(neighbours);
}

int64_t NeighbourList::n_bytes() const
{
  return static_cast<int64_t>(first.capacity() * sizeof(int64_t)) +
         capacity * static_cast<int64_t>(sizeof(int32_t));
}

void lammps_heal::find_neighbours(const ListedAtoms &atoms, double cutoff, int n_threads,
                                  const char *instruction_set, NeighbourList &list)
{
  const auto &functions = find_instruction_set(instruction_set);
  list.first.assign(atoms.nlocal + 1, 0);
  if (atoms.nlocal == 0)
    return;
  const auto order = order_by_id(atoms.positions, atoms.ids, atoms.n_atoms);
  const Cells cells(atoms.positions, order, cutoff);
  const double sphere = 4.0 / 3.0 * M_PI * cutoff * cutoff * cutoff;
  const double mean = sphere * static_cast<double>(atoms.n_atoms) / cells.volume();
  // Floats are fast and a little wrong: a few pairs more cost nothing, and none must be missing.
  const double reach = cutoff + 4.0 * std::numeric_limits<float>::epsilon() * cells.furthest();
  const Search search = {cells, order, functions, static_cast<float>(reach * reach), cutoff};
  Division division = {atoms.nlocal, std::min<int64_t>(n_threads, atoms.nlocal), 0};
  division.in_part = (division.nlocal + division.n_parts - 1) / division.n_parts;
  int64_t room = first_room(list, division, mean, atoms.n_atoms);
  for (;;) {
    const int64_t in_part = division.in_part * room;
    ensure_capacity(list, division.n_parts * in_part);
    std::vector<int64_t> needed(division.n_parts);
    in_threads(static_cast<int>(division.n_parts), [&](int k) {
      const Part part = {division.begin(k), division.begin(k + 1), list.neighbours.get() + k * in_part,
                         in_part};
      needed[k] = fill(search, part, list.first.data() + 1);
    });
    const int64_t most = *std::max_element(needed.begin(), needed.end());
    if (most <= in_part)
      break;
    room = most / division.in_part + MORE_ROOM;
  }
  join(list, division, room);
}
