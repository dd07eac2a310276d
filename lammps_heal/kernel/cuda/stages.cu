// The stages of a healing step on a card, in the order in which cuda_kernel.cpp starts them. Formulas and
// symbols are those of network.py; arithmetic and rounding are those of the CPU's stages, in ../stages.
//
// STAGE(name) is a function of the task and of the number of its thread. Threads of one stage share nothing
// but sums, in integers or in doubles of numbers in fixed point, which are exact in any order: no barriers,
// no shared memory, so that a loop over threads on a CPU does the same (tests/kernel/fake_cuda.cpp).

#include "cuda_task.h"

#ifndef STAGE
#define DEVICE __device__ __forceinline__
#define STAGE(name)                                                                                          \
  DEVICE void name##_of(const CudaTask &task, int64_t thread);                                               \
  extern "C" __global__ void __launch_bounds__(256)                                                          \
      name(const __grid_constant__ CudaTask task, int64_t n_threads)                                         \
  {                                                                                                          \
    const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;                      \
    if (thread < n_threads)                                                                                  \
      name##_of(task, thread);                                                                               \
  }                                                                                                          \
  DEVICE void name##_of(const CudaTask &task, int64_t thread)
#endif

using namespace lammps_heal;

namespace
{

// Sums from any thread. int64_t is no type of atomicAdd.
DEVICE int64_t add(int64_t *to, int64_t number)
{
  return static_cast<int64_t>(
      atomicAdd(reinterpret_cast<unsigned long long *>(to), static_cast<unsigned long long>(number)));
}

struct alignas(16) Four {
  float v[4];
};

DEVICE Four load_four(const float *p)
{
  return *reinterpret_cast<const Four *>(p);
}

// Cells: their numbers are far from the limits of int.
struct Cell {
  int x, y, z;
};

// Atoms beyond it share the outermost cells.
constexpr double FURTHEST_CELL = 1 << 30;

DEVICE int cell_along(double coordinate, double origin, double cells_per_length)
{
  const double cell = floor((coordinate - origin) * cells_per_length);
  return static_cast<int>(cell > FURTHEST_CELL    ? FURTHEST_CELL
                          : cell < -FURTHEST_CELL ? -FURTHEST_CELL
                                                  : cell);
}

DEVICE Cell cell_of(const CudaTask &task, double x, double y, double z)
{
  return {cell_along(x, task.origin[0], task.cells_per_length),
          cell_along(y, task.origin[1], task.cells_per_length),
          cell_along(z, task.origin[2], task.cells_per_length)};
}

// Cells in a row along x have buckets in a row. Others may have the same bucket.
DEVICE int64_t bucket_of(const CudaTask &task, const Cell &cell)
{
  const unsigned row = static_cast<unsigned>(cell.y) * 73856093u ^ static_cast<unsigned>(cell.z) * 19349663u;
  return (row + static_cast<unsigned>(cell.x)) & (task.n_buckets - 1);
}

struct Vector {
  double x, y, z;
};

DEVICE Vector position_of(const CudaTask &task, int64_t atom)
{
  return {task.positions[3 * atom], task.positions[3 * atom + 1], task.positions[3 * atom + 2]};
}

DEVICE bool is_finite(double number)
{
  return number - number == 0.0;
}

DEVICE bool is_finite(const Vector &v)
{
  return is_finite(v.x) && is_finite(v.y) && is_finite(v.z);
}

// Written out, so that all stages find the same edges, however the compiler fuses sums elsewhere.
DEVICE float square_of(float x, float y, float z)
{
  return fmaf(x, x, fmaf(y, y, z * z));
}

// Calls found(neighbour) for each neighbour of the atom within the cutoff, each once: of the atoms in a
// bucket, those that are in the cell that is looked at.
template <typename Found>
DEVICE void for_each_neighbour(const CudaTask &task, const PlacedAtom &own, Found found)
{
  const Cell centre = cell_of(task, own.x, own.y, own.z);
  const float cutoff_square = task.cutoff * task.cutoff;
  for (int z = centre.z - 1; z <= centre.z + 1; z++)
    for (int y = centre.y - 1; y <= centre.y + 1; y++)
      for (int x = centre.x - 1; x <= centre.x + 1; x++) {
        const int64_t bucket = bucket_of(task, {x, y, z});
        const int64_t end = task.buckets[bucket];
        for (int64_t k = bucket > 0 ? task.buckets[bucket - 1] : 0; k < end; k++) {
          const PlacedAtom other = task.placed[k];
          const float square =
              square_of(static_cast<float>(other.x - own.x), static_cast<float>(other.y - own.y),
                        static_cast<float>(other.z - own.z));
          if (!(square < cutoff_square) || other.atom == own.atom)
            continue;
          const Cell cell = cell_of(task, other.x, other.y, other.z);
          if (cell.x == x && cell.y == y && cell.z == z)
            found(static_cast<int32_t>(other.atom));
        }
      }
}

// Whether neighbour a comes before b: by atom id, then by position. No two are equal.
DEVICE bool comes_before(const CudaTask &task, int32_t a, int32_t b)
{
  if (task.ids && task.ids[a] != task.ids[b])
    return task.ids[a] < task.ids[b];
  if (!task.ids)
    return a < b;
  const Vector p = position_of(task, a), q = position_of(task, b);
  return p.x != q.x ? p.x < q.x : p.y != q.y ? p.y < q.y : p.z != q.z ? p.z < q.z : a < b;
}

// Where in the tables an edge is: the number of its interval, and a fraction of it, -1/2 to 1/2. Neither
// comparison holds for NaN: it becomes 0.
struct Place {
  int interval;
  float fraction;
};

DEVICE Place place_of(const CudaTask &task, float intervals)
{
  const float from_zero = intervals > 0.0f ? intervals : 0.0f;
  const float last = static_cast<float>(task.weights.n_intervals - 1);
  const int interval = static_cast<int>(from_zero < last ? from_zero : last);
  return {interval, intervals - static_cast<float>(interval) - 0.5f};
}

// Coefficients of R or Q of an edge, (N_COEFFICIENTS, N_DEGREES, n_channels), in the table of the neighbour's
// species.
DEVICE const float *coefficients_of(const CudaTask &task, const float *table, int64_t edge, int interval)
{
  const PackedWeights &w = task.weights;
  const int64_t species = task.species ? task.species[task.neighbours[edge]] : 0;
  return table + (species * w.n_intervals + interval) * (N_COEFFICIENTS * N_DEGREES * w.n_channels);
}

// Y_lm, as in ../stages/spherical_harmonics.h: those of degree l are l^2 to (l + 1)^2 - 1.
DEVICE void spherical_harmonics(const CudaEdge &u, float (&h)[N_HARMONICS])
{
  constexpr float root3 = 1.7320508075688772f, root15 = 3.872983346207417f;
  constexpr float root5_8 = 0.7905694150420949f, root3_8 = 0.6123724356957945f;
  const float x = u.x, y = u.y, z = u.z, x2 = x * x, y2 = y * y, z2 = z * z, x2_y2 = x2 - y2;
  h[0] = 1.0f;
  h[1] = x;
  h[2] = y;
  h[3] = z;
  h[4] = root3 * x * y;
  h[5] = root3 * y * z;
  h[6] = 1.5f * z2 - 0.5f;
  h[7] = root3 * x * z;
  h[8] = 0.5f * root3 * x2_y2;
  h[9] = root5_8 * y * (3.0f * x2 - y2);
  h[10] = root15 * x * y * z;
  h[11] = root3_8 * y * (5.0f * z2 - 1.0f);
  h[12] = 0.5f * z * (5.0f * z2 - 3.0f);
  h[13] = root3_8 * x * (5.0f * z2 - 1.0f);
  h[14] = 0.5f * root15 * z * x2_y2;
  h[15] = root5_8 * x * (x2 - 3.0f * y2);
}

// As ../stages/padded_xyz.h and ../kernel.h: sums of such numbers in doubles are exact.
DEVICE double round_to_fixed_point(float value)
{
  constexpr float SHIFT = 0.09375f;    // 1.5 * 2^-4
  return value + SHIFT - SHIFT;
}

DEVICE double round_to_fixed_point(double value)
{
  constexpr double SHIFT = 6144.0;    // 1.5 * 2^12
  return value + SHIFT - SHIFT;
}

}    // namespace

// ---- edges

STAGE(count_buckets)
{
  const Vector p = position_of(task, thread);
  if (is_finite(p))
    add(task.buckets + bucket_of(task, cell_of(task, p.x, p.y, p.z)), 1);
}

STAGE(add_up)
{
  const int64_t begin = thread * SUM_LENGTH;
  int64_t sum = 0;
  for (int64_t k = begin; k < begin + SUM_LENGTH && k < task.n_summed; k++)
    sum += task.summed[k];
  task.sums[thread] = sum;
}

// sums: of all those before each SUM_LENGTH numbers.
STAGE(add_those_before)
{
  const int64_t begin = thread * SUM_LENGTH;
  int64_t sum = task.sums[thread];
  for (int64_t k = begin; k < begin + SUM_LENGTH && k < task.n_summed; k++) {
    const int64_t own = task.summed[k];
    task.summed[k] = sum;
    sum += own;
  }
}

// In no order: edges are put in one below.
STAGE(place_atoms)
{
  const Vector p = position_of(task, thread);
  if (is_finite(p))
    task.placed[add(task.buckets + bucket_of(task, cell_of(task, p.x, p.y, p.z)), 1)] = {p.x, p.y, p.z,
                                                                                         thread};
}

// first: zeros before.
STAGE(count_edges)
{
  const PlacedAtom own = task.placed[thread];
  if (own.atom >= task.nlocal)
    return;
  int64_t n = 0;
  for_each_neighbour(task, own, [&](int32_t) { n++; });
  task.first[own.atom] = n;
}

STAGE(find_edges)
{
  const PlacedAtom own = task.placed[thread];
  if (own.atom >= task.nlocal)
    return;
  int64_t edge = task.first[own.atom];
  for_each_neighbour(task, own, [&](int32_t neighbour) {
    task.centres[edge] = static_cast<int32_t>(own.atom);
    task.unordered[edge++] = neighbour;
  });
}

// An edge's place is how many of its centre's come before it.
STAGE(order_edges)
{
  const int32_t centre = task.centres[thread], neighbour = task.unordered[thread];
  const int64_t begin = task.first[centre], end = task.first[centre + 1];
  int64_t edge = begin;
  for (int64_t k = begin; k < end; k++)
    edge += comes_before(task, task.unordered[k], neighbour);
  const Vector own = position_of(task, centre), other = position_of(task, neighbour);
  const double dx = other.x - own.x, dy = other.y - own.y, dz = other.z - own.z;
  const float x = static_cast<float>(dx), y = static_cast<float>(dy), z = static_cast<float>(dz);
  const float length = sqrtf(square_of(x, y, z)), inverse = 1.0f / length;
  task.neighbours[edge] = neighbour;
  task.edges[edge] = {x * inverse, y * inverse, z * inverse, length * task.intervals_per_length};
  const unsigned bits = __float_as_uint(length);
  if (bits < *task.nearest)    // few are, and all others need not wait for each other
    atomicMin(task.nearest, bits);
  if (dx * dx + dy * dy + dz * dz < SMALLEST_DISTANCE * SMALLEST_DISTANCE)
    atomicMin(reinterpret_cast<unsigned long long *>(task.overlap),
              static_cast<unsigned long long>(centre) << 32 | static_cast<unsigned long long>(neighbour));
}

// ---- pair forces

// A_klm of one atom and channel.
STAGE(sum_moments)
{
  const PackedWeights &w = task.weights;
  const int64_t atom = thread / w.n_channels;
  const int channel = static_cast<int>(thread % w.n_channels), stride = N_DEGREES * w.n_channels;
  float sums[N_HARMONICS] = {};
  const int64_t end = task.first[atom + 1];
  for (int64_t e = task.first[atom]; e < end; e++) {
    const CudaEdge edge = task.edges[e];
    const Place place = place_of(task, edge.intervals);
    const float *const c = coefficients_of(task, w.r, e, place.interval) + channel;
    float y[N_HARMONICS];
    spherical_harmonics(edge, y);
#pragma unroll
    for (int l = 0; l < N_DEGREES; l++) {
      const float *const of_degree = c + l * w.n_channels;
      const float r =
          (of_degree[2 * stride] * place.fraction + of_degree[stride]) * place.fraction + of_degree[0];
#pragma unroll
      for (int h = l * l; h < (l + 1) * (l + 1); h++)
        sums[h] += r * y[h];
    }
  }
#pragma unroll
  for (int h = 0; h < N_HARMONICS; h++)
    task.moments[(atom * N_HARMONICS + h) * w.n_channels + channel] = sums[h];
}

// M_klm and p_kl of one atom and channel.
STAGE(mix_moments)
{
  const PackedWeights &w = task.weights;
  const int n = w.n_channels;
  const int64_t atom = thread / n;
  const int channel = static_cast<int>(thread % n);
  const float *const moments = task.moments + atom * N_HARMONICS * n;
  float *const mixed = task.mixed + atom * N_HARMONICS * n + channel;
  float *const invariants = task.invariants + atom * N_DEGREES * n + channel;
  invariants[0] = moments[channel];
#pragma unroll
  for (int l = 1; l < N_DEGREES; l++) {
    const float *const mixing = w.mixing + (l - 1) * n * n + channel;
    float invariant = 0.0f;
#pragma unroll
    for (int h = l * l; h < (l + 1) * (l + 1); h++) {
      float sum = 0.0f;
      for (int k = 0; k < n; k++)
        sum += mixing[k * n] * moments[h * n + k];
      mixed[h * n] = sum;
      invariant += sum * moments[h * n + channel];
    }
    invariants[l * n] = invariant;
  }
}

// One output of ROW_ATOMS atoms: weights are read once for all of them. n_in: a multiple of four. SiLU behind
// all but the last.
STAGE(dense_layer)
{
  const PackedWeights &w = task.weights;
  const int64_t begin = thread / task.n_out * ROW_ATOMS;
  const int output = static_cast<int>(thread % task.n_out);
  const float *in[ROW_ATOMS];
  float sums[ROW_ATOMS];
#pragma unroll
  for (int a = 0; a < ROW_ATOMS; a++) {
    const int64_t atom = begin + a < task.nlocal ? begin + a : task.nlocal - 1;
    in[a] = task.in + atom * task.n_in;
    sums[a] = w.biases[task.dense][output];
    if (task.dense == 0 && task.species)
      sums[a] += w.species_bias[static_cast<int64_t>(task.species[atom]) * task.n_out + output];
  }
  const float *const weights = w.weights[task.dense] + output;
  for (int i = 0; i < task.n_in; i += 4) {
    const float *const column = weights + static_cast<int64_t>(i) * task.n_out;
    const float own[4] = {column[0], column[task.n_out], column[2 * task.n_out], column[3 * task.n_out]};
#pragma unroll
    for (int a = 0; a < ROW_ATOMS; a++) {
      const Four four = load_four(in[a] + i);
      sums[a] += own[0] * four.v[0] + own[1] * four.v[1] + own[2] * four.v[2] + own[3] * four.v[3];
    }
  }
#pragma unroll
  for (int a = 0; a < ROW_ATOMS; a++)
    if (begin + a < task.nlocal)
      task.out[(begin + a) * task.n_out + output] =
          task.dense + 1 < N_DENSE ? sums[a] / (1.0f + expf(-sums[a])) : sums[a];
}

// B of one atom, as ../stages/mobility.h.
STAGE(write_mobilities)
{
  const int n = task.weights.n_channels;
  const float *const t = task.outputs + thread * task.weights.n_outputs + N_DEGREES * n;
  const float *const mixed = task.mixed + (thread * N_HARMONICS + 4) * n;
  float tensor[5];
#pragma unroll
  for (int m = 0; m < 5; m++) {
    tensor[m] = 0.0f;
    for (int k = 0; k < n; k++)
      tensor[m] += mixed[m * n + k] * t[k];
  }
  constexpr float half = 0.8660254037844386f;    // of the root of 3
  const float xy = half * tensor[0], yz = half * tensor[1], zz = tensor[2], xz = half * tensor[3],
              x2_y2 = half * tensor[4], both = 1.0f + t[n] - 0.5f * zz;
  const float rows[9] = {both + x2_y2, xy, xz, xy, both - x2_y2, yz, xz, yz, both + 1.5f * zz};
#pragma unroll
  for (int i = 0; i < 9; i++)
    task.mobilities[9 * thread + i] = task.length_scale * rows[i];
}

// M_klm becomes g_kl M_klm, g_k0 for degree 0, of one atom and channel.
STAGE(gate_moments)
{
  const int n = task.weights.n_channels;
  const int64_t atom = thread / n;
  const int channel = static_cast<int>(thread % n);
  const float *const g = task.outputs + atom * task.weights.n_outputs + channel;
  float *const gated = task.mixed + atom * N_HARMONICS * n + channel;
  gated[0] = g[0];
#pragma unroll
  for (int l = 1; l < N_DEGREES; l++)
#pragma unroll
    for (int h = l * l; h < (l + 1) * (l + 1); h++)
      gated[h * n] *= g[l * n];
}

// w_ij of one edge, four channels at a time.
STAGE(weigh_edges)
{
  const int n = task.weights.n_channels, stride = N_DEGREES * n;
  const CudaEdge edge = task.edges[thread];
  const Place place = place_of(task, edge.intervals);
  const float *const c = coefficients_of(task, task.weights.q, thread, place.interval);
  const float *const gated = task.mixed + static_cast<int64_t>(task.centres[thread]) * N_HARMONICS * n;
  float y[N_HARMONICS];
  spherical_harmonics(edge, y);
  float weights[4] = {};
  for (int k = 0; k < n; k += 4)
#pragma unroll
    for (int l = 0; l < N_DEGREES; l++) {
      const float *const of_degree = c + l * n + k;
      const Four c0 = load_four(of_degree), c1 = load_four(of_degree + stride),
                 c2 = load_four(of_degree + 2 * stride);
      float angular[4] = {};
#pragma unroll
      for (int h = l * l; h < (l + 1) * (l + 1); h++) {
        const Four g = load_four(gated + h * n + k);
#pragma unroll
        for (int i = 0; i < 4; i++)
          angular[i] += g.v[i] * y[h];
      }
#pragma unroll
      for (int i = 0; i < 4; i++)
        weights[i] += ((c2.v[i] * place.fraction + c1.v[i]) * place.fraction + c0.v[i]) * angular[i];
    }
  task.edge_weights[thread] = weights[0] + weights[1] + (weights[2] + weights[3]);
}

// w_ij u to the atom, and from its neighbours. vectors: zeros before.
STAGE(add_forces)
{
  const int64_t atom = thread / PARTS, end = task.first[atom + 1];
  double sum[3] = {};
  for (int64_t e = task.first[atom] + thread % PARTS; e < end; e += PARTS) {
    const CudaEdge edge = task.edges[e];
    const float weight = task.edge_weights[e];
    const double force[3] = {round_to_fixed_point(weight * edge.x), round_to_fixed_point(weight * edge.y),
                             round_to_fixed_point(weight * edge.z)};
    double *const of_neighbour = task.vectors + 4 * static_cast<int64_t>(task.neighbours[e]);
#pragma unroll
    for (int d = 0; d < 3; d++) {
      sum[d] += force[d];
      atomicAdd(of_neighbour + d, -force[d]);
    }
  }
#pragma unroll
  for (int d = 0; d < 3; d++)
    atomicAdd(task.vectors + 4 * atom + d, sum[d]);
}

STAGE(apply_mobilities)
{
  const float *const b = task.mobilities + 9 * thread;
  double *const vector = task.vectors + 4 * thread;
  const double force[3] = {vector[0], vector[1], vector[2]};
#pragma unroll
  for (int d = 0; d < 3; d++)
    vector[d] = round_to_fixed_point(b[3 * d] * force[0] + b[3 * d + 1] * force[1] + b[3 * d + 2] * force[2]);
}

// ---- message-passing layers

STAGE(round_vectors)
{
#pragma unroll
  for (int d = 0; d < 4; d++) {
    const double rounded = round_to_fixed_point(task.vectors[4 * thread + d]);
    task.vectors[4 * thread + d] = rounded;
    task.v_in[4 * thread + d] = static_cast<float>(rounded);
  }
}

// a(d) v_j + b(d) u (u . v_j) of all neighbours.
STAGE(add_messages)
{
  const int64_t atom = thread / PARTS, end = task.first[atom + 1];
  const float *const table =
      task.weights.messages + static_cast<int64_t>(task.layer) * task.weights.n_intervals * MESSAGE_ROW;
  double sum[3] = {};
  for (int64_t e = task.first[atom] + thread % PARTS; e < end; e += PARTS) {
    const CudaEdge u = task.edges[e];
    const Place place = place_of(task, u.intervals);
    const float *const c = table + place.interval * MESSAGE_ROW;
    const Four c01 = load_four(c);
    const float a = c01.v[0] + (c01.v[2] + c[4] * place.fraction) * place.fraction;
    const float b = c01.v[1] + (c01.v[3] + c[5] * place.fraction) * place.fraction;
    const Four v = load_four(task.v_in + 4 * static_cast<int64_t>(task.neighbours[e]));
    const float along = b * (u.x * v.v[0] + u.y * v.v[1] + u.z * v.v[2]);
    sum[0] += round_to_fixed_point(a * v.v[0] + along * u.x);
    sum[1] += round_to_fixed_point(a * v.v[1] + along * u.y);
    sum[2] += round_to_fixed_point(a * v.v[2] + along * u.z);
  }
#pragma unroll
  for (int d = 0; d < 3; d++)
    atomicAdd(task.vectors + 4 * atom + d, sum[d]);
}
