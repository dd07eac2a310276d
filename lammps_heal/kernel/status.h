// How C functions end: arguments are checked, exceptions become a status and the text of heal_last_error().

#ifndef HEAL_STATUS_H
#define HEAL_STATUS_H

#include "heal_kernel.h"

#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <new>

namespace lammps_heal
{

constexpr size_t ERROR_LENGTH = 512;    // characters; of no string: to keep a message must not need memory

// This thread's text, for ERROR_LENGTH characters.
char *error_text() noexcept;

inline void set_error(const char *text)
{
  std::snprintf(error_text(), ERROR_LENGTH, "%s", text);
}

struct WrongArgument : std::exception {
  const char *what() const noexcept override
  {
    return error_text();
  }
};

// Throws with a message as printf makes it, where the condition does not hold.
__attribute__((format(printf, 2, 3))) inline void require(bool condition, const char *format, ...)
{
  if (condition)
    return;
  va_list values;
  va_start(values, format);
  std::vsnprintf(error_text(), ERROR_LENGTH, format, values);
  va_end(values);
  throw WrongArgument();
}

// The status that work returns, or HEAL_FAILED where it throws.
template <typename Work> int attempt(const Work &work) noexcept
{
  try {
    return work();
  } catch (const WrongArgument &) {
  } catch (const std::bad_alloc &) {
    set_error("there is not enough memory: use fewer threads, or fewer atoms in a process");
  } catch (const std::exception &reason) {
    set_error(reason.what());
  } catch (...) {
    set_error("an unknown exception");
  }
  return HEAL_FAILED;
}

}    // namespace lammps_heal

#endif
