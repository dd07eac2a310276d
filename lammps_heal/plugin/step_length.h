// How a healing step is lengthened; the same as `lengthened` in lammps_heal/healing.py.

#ifndef HEAL_STEP_LENGTH_H
#define HEAL_STEP_LENGTH_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace lammps_heal
{

// Factor of a displacement of this squared length, Å^2, in healing step 1, 2, ...: 1 + (s - 1) (1 - square /
// limit^2), where s is the step's of `lengths`, which are repeated; 1 beyond the limit, Å.
inline double step_factor(double square, int64_t step, const std::vector<double> &lengths, double limit)
{
  const auto n = static_cast<int64_t>(lengths.size());
  const double length = lengths[((step - 1) % n + n) % n];
  return 1.0 + (length - 1.0) * std::max(0.0, 1.0 - square / (limit * limit));
}

}    // namespace lammps_heal

#endif
