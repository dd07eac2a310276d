// A message-passing layer, v_i <- v_i + sum_j [ a(d) v_j + b(d) u (u . v_j) ].

#ifndef HEAL_MESSAGE_PASSING_H
#define HEAL_MESSAGE_PASSING_H

#include "edges.h"

namespace
{

// Centres whose edges are computed together: those of one are too few to fill the processor.
constexpr int MESSAGE_ATOMS = 8;
constexpr int MESSAGE_FLOATS = 18;    // of scratch, for an edge

// Of the edges in the half neighbour lists of MESSAGE_ATOMS centres.
struct Messages {
  Edges edges;
  float *own_x, *own_y, *own_z;       // v_in of the centre
  float *a, *b;                       // a(d) and b(d)
  float *to_centre, *to_neighbour;    // (n, 4) Å
  int64_t ends[MESSAGE_ATOMS];        // of each centre's edges
};

INLINE size_t messages_floats(int64_t most_edges)
{
  return MESSAGE_FLOATS * (static_cast<size_t>(MESSAGE_ATOMS) * most_edges + EDGE_PADDING);
}

INLINE Messages take_messages(const ThreadTask &task)
{
  const size_t n = static_cast<size_t>(MESSAGE_ATOMS) * task.most_edges + EDGE_PADDING;
  Scratch scratch = {task.scratch};
  Messages taken = {};
  taken.edges = take_edges(scratch, n);
  float **const all[] = {&taken.own_x, &taken.own_y, &taken.own_z, &taken.a, &taken.b};
  for (float **numbers : all)
    *numbers = scratch.take(n);
  taken.to_centre = scratch.take(4 * n);
  taken.to_neighbour = scratch.take(4 * n);
  return taken;
}

// Edge vectors, and v_in of the centres at each of their edges. half: neighbours of all edges.
INLINE void gather_half_lists(const ThreadTask &task, int64_t begin, int n_atoms, const int32_t *half,
                              Messages &m)
{
  int64_t end = 0;
  for (int a = 0; a < n_atoms; a++) {
    const int64_t centre = centre_of(task, begin + a), e = end;
    end += task.n_half[begin + a];
    for (int64_t k = e; k < end; k += LANES) {
      const Components r = edge_vectors(task.positions, half + k, centre);
      store_unaligned<LANES>(m.edges.x + k, r.x);
      store_unaligned<LANES>(m.edges.y + k, r.y);
      store_unaligned<LANES>(m.edges.z + k, r.z);
    }
    const float *const own = task.v_in + 4 * centre;
    for (int64_t k = e; k < end; k += EDGE_PADDING) {
      pad(m.own_x + k, own[0]);
      pad(m.own_y + k, own[1]);
      pad(m.own_z + k, own[2]);
    }
    m.ends[a] = end;
  }
  m.edges.n = end;
}

// Edge by edge, a and b side by side: gathering six coefficients of many edges at once takes twice as long.
INLINE void message_functions(const float *table, Messages &m)
{
  float *__restrict a = m.a, *__restrict b = m.b;
  for (int64_t e = 0; e < m.edges.n; e++) {
    const float *const c = table + static_cast<size_t>(m.edges.interval[e]) * MESSAGE_ROW;
    const float t = m.edges.fraction[e];
    const Floats<4> ab = load_unaligned<4>(c) + (load_unaligned<4>(c + 2) + load_unaligned<4>(c + 4) * t) * t;
    a[e] = ab[0];
    b[e] = ab[1];
  }
}

// Of each edge to its centre and, since a(d), b(d) and u u are the same, to its neighbour.
INLINE void compute_messages(const ThreadTask &task, const int32_t *half, const Messages &m)
{
  const Edges &edges = m.edges;
  for (int64_t e = 0; e < edges.n; e += LANES) {
    const Floats<LANES> x = load<LANES>(edges.x + e), y = load<LANES>(edges.y + e),
                        z = load<LANES>(edges.z + e);
    const Floats<LANES> a = load<LANES>(m.a + e), b = load<LANES>(m.b + e);
    auto write = [&](const Components &v, float *messages) {
      const Floats<LANES> along = b * (x * v.x + y * v.y + z * v.z);
      store_padded_xyz(messages + 4 * e,
                       round_to_fixed_point({a * v.x + along * x, a * v.y + along * y, a * v.z + along * z}));
    };
    write(components_of([&](int k) { return load<4>(task.v_in + 4 * static_cast<int64_t>(half[e + k])); }),
          m.to_centre);
    write({load<LANES>(m.own_x + e), load<LANES>(m.own_y + e), load<LANES>(m.own_z + e)}, m.to_neighbour);
  }
}

INLINE void add_messages(const ThreadTask &task, int64_t begin, int n_atoms, const int32_t *half,
                         const Messages &m)
{
  int64_t e = 0;
  for (int a = 0; a < n_atoms; a++) {
    FourDoubles sum = {};
    for (; e < m.ends[a]; e++) {
      vector_of(task.sums, half[e]) += in_double(m.to_neighbour + 4 * e);
      sum += in_double(m.to_centre + 4 * e);
    }
    vector_of(task.sums, centre_of(task, begin + a)) += sum;
  }
}

// A pair of local atoms is computed once, for both; what is added to a ghost is of no use, its owner computes
// it.
void message_layer(const PackedWeights &weights, ThreadTask &task)
{
  Messages messages = take_messages(task);
  const float *const table =
      weights.messages + static_cast<size_t>(task.layer) * weights.n_intervals * MESSAGE_ROW;
  const int32_t *half = half_list_of(task);
  for (int64_t begin = task.begin; begin < task.end; begin += MESSAGE_ATOMS, half += messages.edges.n) {
    const int64_t left = task.end - begin;
    const int n_atoms = static_cast<int>(left < MESSAGE_ATOMS ? left : MESSAGE_ATOMS);
    gather_half_lists(task, begin, n_atoms, half, messages);
    normalise(weights, task.length_scale, messages.edges);
    message_functions(table, messages);
    compute_messages(task, half, messages);
    add_messages(task, begin, n_atoms, half, messages);
  }
}

}    // namespace

#endif
