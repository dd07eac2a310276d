// SHA-256 (FIPS 180-4): torch checks no checksum of a model file's weights, so the host does.

#ifndef HEAL_SHA256_H
#define HEAL_SHA256_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace lammps_heal
{

class Sha256
{
 public:
  void update(const void *data, size_t n_bytes);
  std::string hexdigest();    // once, at the end

 private:
  void compress();

  std::array<uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> block;
  size_t n_in_block = 0;
  uint64_t n_total = 0;
};

}    // namespace lammps_heal

#endif
