// Work in several threads, of which the system may refuse some.

#ifndef HEAL_THREADS_H
#define HEAL_THREADS_H

#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace lammps_heal
{

// Calls work(0) to work(n_parts - 1), in as many threads as the system gives, this one included. Where work
// throws, the other parts go on to their end, and then the exception of one leaves.
template <typename Work> void in_threads(int n_parts, const Work &work)
{
  std::atomic<int> next = 0;
  std::atomic_flag has_failed = {};
  std::exception_ptr problem;
  auto take_parts = [&]() noexcept {
    for (int part; (part = next.fetch_add(1)) < n_parts;)
      try {
        work(part);
      } catch (...) {
        if (!has_failed.test_and_set())
          problem = std::current_exception();
      }
  };
  std::vector<std::thread> others;
  others.reserve(n_parts > 1 ? n_parts - 1 : 0);
  try {
    for (int k = 1; k < n_parts; k++)
      others.emplace_back(take_parts);
  } catch (const std::exception &) {
    // No more threads, or no memory for them: those that there are do the work of all.
  }
  take_parts();
  for (auto &other : others)
    other.join();
  if (problem)
    std::rethrow_exception(problem);
}

}    // namespace lammps_heal

#endif
