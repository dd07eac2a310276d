// SHA-256 (FIPS 180-4): neither zip nor torch checks what a model file holds. In a header, since two
// libraries use it.

#ifndef HEAL_SHA256_H
#define HEAL_SHA256_H

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace lammps_heal
{

// First 32 bits of the fractional parts of the cube roots of the first 64 primes.
inline constexpr uint32_t SHA256_ROUND_CONSTANTS[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

class Sha256
{
 public:
  void update(const void *data, size_t n_bytes);
  std::string hexdigest();    // once, at the end

 private:
  void compress();
  static uint32_t rotated(uint32_t word, int n_bits)
  {
    return word >> n_bits | word << (32 - n_bits);
  }

  std::array<uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> block;
  size_t n_in_block = 0;
  uint64_t n_total = 0;
};

inline void Sha256::update(const void *data, size_t n_bytes)
{
  auto *bytes = static_cast<const uint8_t *>(data);
  n_total += n_bytes;
  while (n_bytes > 0) {
    const size_t n = std::min(n_bytes, block.size() - n_in_block);
    std::copy_n(bytes, n, block.begin() + n_in_block);
    n_in_block += n;
    bytes += n;
    n_bytes -= n;
    if (n_in_block == block.size())
      compress();
  }
}

inline std::string Sha256::hexdigest()
{
  const uint64_t n_bits = 8 * n_total;
  const uint8_t end_mark = 0x80, zero = 0;
  update(&end_mark, 1);
  while (n_in_block != 56)
    update(&zero, 1);
  for (int shift = 56; shift >= 0; shift -= 8) {
    const uint8_t byte = n_bits >> shift;
    update(&byte, 1);
  }
  std::string hex;
  for (uint32_t word : state) {
    char eight[9];
    std::snprintf(eight, sizeof(eight), "%08x", word);
    hex += eight;
  }
  return hex;
}

inline void Sha256::compress()
{
  uint32_t w[64];
  for (int i = 0; i < 16; i++)
    w[i] = uint32_t(block[4 * i]) << 24 | uint32_t(block[4 * i + 1]) << 16 | uint32_t(block[4 * i + 2]) << 8 |
           uint32_t(block[4 * i + 3]);
  for (int i = 16; i < 64; i++) {
    const uint32_t s0 = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const uint32_t s1 = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (int i = 0; i < 64; i++) {
    const uint32_t s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
    const uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + SHA256_ROUND_CONSTANTS[i] + w[i];
    const uint32_t s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
    const uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const uint32_t added[8] = {a, b, c, d, e, f, g, h};
  for (int i = 0; i < 8; i++)
    state[i] += added[i];
  n_in_block = 0;
}

}    // namespace lammps_heal

#endif
