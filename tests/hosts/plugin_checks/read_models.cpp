// Reads model files from standard input, each behind its length (8 bytes, little-endian), and prints a line for each:
// "ok" and the hash of what was read, or what is wrong.

#include "model_archive.h"

#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

int main()
{
  uint64_t n_bytes;
  while (std::fread(&n_bytes, sizeof(n_bytes), 1, stdin) == 1) {
    // Of exactly this size, so that the address sanitizer sees what is read beyond it.
    const std::unique_ptr<char[]> file(new char[n_bytes]);
    if (std::fread(file.get(), 1, n_bytes, stdin) != n_bytes)
      return 1;
    try {
      const auto model = lammps_heal::read_model({file.get(), n_bytes}, "x");
      std::printf("ok %s\n", model.file_hash.c_str());
    } catch (const std::exception &reason) {
      std::printf("%s\n", reason.what());
    }
  }
}
