// Memory that is kept and not cleared: new memory is slow to touch.

#ifndef HEAL_BUFFER_H
#define HEAL_BUFFER_H

#include "instruction_set.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>

namespace lammps_heal
{

template <typename Number> class Buffer
{
 public:
  // Of n numbers, aligned to ALIGNMENT; what they were is lost where there was less. Throws std::bad_alloc.
  Number *ensure_capacity(size_t n)
  {
    if (n > capacity) {
      numbers.reset();
      capacity = 0;
      if (n > std::numeric_limits<ptrdiff_t>::max() / sizeof(Number) - ALIGNMENT)
        throw std::bad_alloc();
      const size_t n_bytes = (n * sizeof(Number) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      numbers.reset(static_cast<Number *>(std::aligned_alloc(ALIGNMENT, n_bytes)));
      if (!numbers)
        throw std::bad_alloc();
      capacity = n;
    }
    return numbers.get();
  }
  Number *zeros(size_t n)
  {
    Number *const all = ensure_capacity(n);
    std::fill_n(all, n, Number());
    return all;
  }
  Number *get() const
  {
    return numbers.get();
  }
  size_t n_bytes() const
  {
    return capacity * sizeof(Number);
  }

 private:
  struct Free {
    void operator()(Number *p) const
    {
      std::free(p);
    }
  };
  std::unique_ptr<Number[], Free> numbers;
  size_t capacity = 0;
};

}    // namespace lammps_heal

#endif
