// Edges: vectors r_ij from a centre to its neighbours within the cutoff, their unit vectors u and lengths d,
// and the half neighbour list.

#ifndef HEAL_EDGES_H
#define HEAL_EDGES_H

#include "padded_xyz.h"

namespace
{

// Of one atom or several, in the order of the list, with room for EDGE_PADDING more.
struct Edges {
  int64_t n;
  float *x, *y, *z;       // Å, then of the unit vector
  int32_t *interval;      // of the tables that the length lies in
  float *fraction;        // where in it, -1/2 to 1/2
  int32_t *neighbours;    // null where the half neighbour list has them
};

// Hands out the scratch of a task.
struct Scratch {
  float *free;

  float *take(size_t n)
  {
    float *const taken = free;
    free += n;
    return taken;
  }
};

// For n edges with padding; n: a multiple of EDGE_PADDING.
INLINE Edges take_edges(Scratch &scratch, size_t n)
{
  Edges edges = {};
  float **const all[] = {&edges.x, &edges.y, &edges.z, &edges.fraction};
  for (float **numbers : all)
    *numbers = scratch.take(n);
  edges.interval = reinterpret_cast<int32_t *>(scratch.take(n));
  return edges;
}

INLINE int64_t centre_of(const ThreadTask &task, int64_t k)
{
  return task.centres ? task.centres[k] : k;
}

INLINE int32_t *half_list_of(const ThreadTask &task)
{
  return task.half + task.half_begin[task.begin / CHUNK_ATOMS];
}

// Å, from the centre to LANES atoms.
INLINE Components edge_vectors(const double *positions, const int32_t *atoms, int64_t centre)
{
  const FourDoubles from_centre = -load_doubles(positions + 4 * centre);
  return components_of([&](int k) {
    return in_single(load_doubles(positions + 4 * static_cast<int64_t>(atoms[k])) + from_centre);
  });
}

// In double precision, which says whether they are at one place.
NOT_INLINE void find_overlap(ThreadTask &task, int64_t centre)
{
  const double *const origin = task.positions + 4 * centre;
  for (int64_t k = task.first[centre]; k < task.first[centre + 1] && task.overlap[0] < 0; k++) {
    const int32_t neighbour = task.neighbours[k];
    const double *const p = task.positions + 4 * static_cast<int64_t>(neighbour);
    const double dx = p[0] - origin[0], dy = p[1] - origin[1], dz = p[2] - origin[2];
    if (neighbour != centre && dx * dx + dy * dy + dz * dz < SMALLEST_DISTANCE * SMALLEST_DISTANCE) {
      task.overlap[0] = centre;
      task.overlap[1] = neighbour;
    }
  }
}

// Edges to the listed atoms within the cutoff: vectors, not yet unit vectors. Overlapping atoms go to
// task.overlap.
INLINE void gather_edges(const PackedWeights &weights, ThreadTask &task, int64_t centre, Edges &edges)
{
  const auto own = static_cast<int32_t>(centre);
  const float cutoff = static_cast<float>(weights.cutoff * task.length_scale),
              cutoff_square = cutoff * cutoff;
  constexpr auto smallest_square = static_cast<float>(SMALLEST_DISTANCE * SMALLEST_DISTANCE);
  const int64_t n_listed = task.first[centre + 1] - task.first[centre];
  const int32_t *const listed = task.neighbours + task.first[centre];
  float *__restrict x = edges.x, *__restrict y = edges.y, *__restrict z = edges.z;
  int32_t *__restrict neighbours = edges.neighbours;
  Selection overlapping = {};
  auto nearest = load_unaligned<LANES>(task.nearest_squares);
  int64_t n = 0;
  for (int64_t k = 0; k < n_listed; k += LANES) {
    alignas(ALIGNMENT) int32_t last[LANES];
    const int32_t *some = listed + k;
    if (n_listed - k < LANES) {    // the centre itself fills it up
      for (int lane = 0; lane < LANES; lane++)
        last[lane] = k + lane < n_listed ? listed[k + lane] : own;
      some = last;
    }
    const Components r = edge_vectors(task.positions, some, centre);
    const Floats<LANES> squares = r.x * r.x + r.y * r.y + r.z * r.z;
    const Integers numbers = load_unaligned(some);
    const Selection is_inside = below(squares, cutoff_square, other_than(numbers, own));    // never for NaN
    overlapping |= below(squares, smallest_square, is_inside);
    nearest = smaller(nearest, squares, is_inside);
    n += append(is_inside, Column{x + n, r.x}, Column{y + n, r.y}, Column{z + n, r.z},
                Column{neighbours + n, numbers});
  }
  edges.n = n;
  store_unaligned<LANES>(task.nearest_squares, nearest);
  if (is_any(overlapping))
    find_overlap(task, centre);
}

// Vectors become unit vectors, lengths become intervals and fractions; padded.
INLINE void normalise(const PackedWeights &weights, double length_scale, Edges &edges)
{
  float *__restrict x = edges.x, *__restrict y = edges.y, *__restrict z = edges.z,
                    *__restrict fraction = edges.fraction;
  int32_t *__restrict interval = edges.interval;
  pad(x + edges.n, static_cast<float>(weights.cutoff * length_scale));
  pad(y + edges.n, 0.0f);
  pad(z + edges.n, 0.0f);
  const float intervals_per_length = weights.intervals_per_length * static_cast<float>(1.0 / length_scale);
  const auto last = static_cast<float>(weights.n_intervals - 1);
  auto read = [](const float *p) { return *reinterpret_cast<const Number *>(p); };
  auto write = [](float *p, Number value) { *reinterpret_cast<Number *>(p) = value; };
  const int64_t n_padded = padded(edges.n, EDGE_PADDING);
  for (int64_t e = 0; e < n_padded; e += STEP) {
    const Number dx = read(x + e), dy = read(y + e), dz = read(z + e);
    const Length d = length_of(square_of(dx, dy, dz));
    write(x + e, dx * d.inverse);
    write(y + e, dy * d.inverse);
    write(z + e, dz * d.inverse);
    const Number in_intervals = d.value * intervals_per_length;
    const Index index = index_of(in_intervals, last);
    *reinterpret_cast<Index *>(interval + e) = index;
    write(fraction + e, in_intervals - as_number(index) - 0.5f);
  }
}

// Those of the edges' neighbours that have a higher number than the centre, padded; returns how many.
INLINE int32_t write_half_list(const Edges &edges, int32_t centre, int32_t *__restrict half)
{
  int64_t n = 0;
  for (int64_t e = 0; e < edges.n; e += LANES) {
    const Integers neighbours = load_unaligned(edges.neighbours + e);
    n += append(above(neighbours, centre, first_lanes(edges.n - e)), Column{half + n, neighbours});
  }
  pad(half + n, centre);
  return static_cast<int32_t>(n);
}

}    // namespace

#endif
