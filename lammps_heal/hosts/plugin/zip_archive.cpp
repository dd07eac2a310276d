// PKWARE's APPNOTE.TXT 6.3.10: local headers with their contents (4.3.7), then a central directory (4.3.12),
// then its end records (4.3.14 to 4.3.16). The directory is read first, as every reader does, since only it
// is always complete.

#include "zip_archive.h"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

using namespace lammps_heal;

static constexpr uint64_t LOCAL_HEADER_SIZE = 30, DIRECTORY_ENTRY_SIZE = 46, END_SIZE = 22;
static constexpr uint64_t END_64_SIZE = 56, LOCATOR_64_SIZE = 20;
static constexpr uint64_t LONGEST_COMMENT = 0xFFFF;
static constexpr uint64_t IN_64_BITS = 0xFFFFFFFF, COUNT_IN_64_BITS = 0xFFFF;    // look in the 64-bit records
static constexpr uint64_t EXTRA_64 = 0x0001;    // header id of a field with the values of 64 bits
static constexpr uint64_t ENCRYPTED = 0x0001, METHOD_STORED = 0;
static constexpr uint64_t MOST_ENTRIES = 100000;    // a model has some fifty

static std::string_view part(std::string_view file, uint64_t offset, uint64_t n_bytes)
{
  if (offset > file.size() || n_bytes > file.size() - offset)
    throw std::runtime_error("it is cut off");
  return file.substr(offset, n_bytes);
}

// A little-endian number.
static uint64_t number(std::string_view file, uint64_t offset, int n_bytes)
{
  const auto bytes = part(file, offset, n_bytes);
  uint64_t value = 0;
  for (int k = n_bytes - 1; k >= 0; k--)
    value = value << 8 | static_cast<uint8_t>(bytes[k]);
  return value;
}

static bool has_signature(std::string_view file, uint64_t offset, char first, char second)
{
  const auto bytes = part(file, offset, 4);
  return bytes[0] == 'P' && bytes[1] == 'K' && bytes[2] == first && bytes[3] == second;
}

// Offset of the end record, behind which lies a comment of the length that it says.
static uint64_t find_end(std::string_view file)
{
  if (file.size() >= END_SIZE) {
    const uint64_t last = file.size() - END_SIZE;
    const uint64_t furthest = std::min(last, LONGEST_COMMENT);
    for (uint64_t back = 0; back <= furthest; back++)
      if (has_signature(file, last - back, 5, 6) && number(file, last - back + 20, 2) == back)
        return last - back;
  }
  throw std::runtime_error("it has no directory of entries");
}

struct Directory {
  uint64_t n_entries, n_bytes, offset;
};

static Directory find_directory(std::string_view file)
{
  const uint64_t end = find_end(file);
  Directory directory = {number(file, end + 10, 2), number(file, end + 12, 4), number(file, end + 16, 4)};
  if (directory.n_entries == COUNT_IN_64_BITS || directory.n_bytes == IN_64_BITS ||
      directory.offset == IN_64_BITS) {
    if (end < LOCATOR_64_SIZE || !has_signature(file, end - LOCATOR_64_SIZE, 6, 7))
      throw std::runtime_error("its directory is damaged");
    const uint64_t end_64 = number(file, end - LOCATOR_64_SIZE + 8, 8);
    if (part(file, end_64, END_64_SIZE).empty() || !has_signature(file, end_64, 6, 6))
      throw std::runtime_error("its directory is damaged");
    directory = {number(file, end_64 + 32, 8), number(file, end_64 + 40, 8), number(file, end_64 + 48, 8)};
  }
  if (directory.n_entries > MOST_ENTRIES)
    throw std::runtime_error("its directory has too many entries");
  part(file, directory.offset, directory.n_bytes);
  return directory;
}

struct Sizes {
  uint64_t original, packed, offset;
};

// Values that do not fit the directory's entry, in an extra field, in this order.
static void read_extra_64(std::string_view extra, Sizes &sizes)
{
  for (uint64_t offset = 0; offset + 4 <= extra.size();) {
    const uint64_t id = number(extra, offset, 2), n_bytes = number(extra, offset + 2, 2);
    auto field = part(extra, offset + 4, n_bytes);
    offset += 4 + n_bytes;
    if (id != EXTRA_64)
      continue;
    for (uint64_t *value : {&sizes.original, &sizes.packed, &sizes.offset})
      if (*value == IN_64_BITS) {
        *value = number(field, 0, 8);
        field.remove_prefix(8);
      }
  }
}

// entry: where it begins in the directory. Moves it to the next one.
static ZipEntry read_entry(std::string_view file, std::string_view directory, uint64_t &entry)
{
  if (!has_signature(directory, entry, 1, 2))
    throw std::runtime_error("its directory is damaged");
  const uint64_t flags = number(directory, entry + 8, 2), method = number(directory, entry + 10, 2);
  Sizes sizes = {number(directory, entry + 24, 4), number(directory, entry + 20, 4),
                 number(directory, entry + 42, 4)};
  const uint64_t name_size = number(directory, entry + 28, 2), extra_size = number(directory, entry + 30, 2);
  const uint64_t comment_size = number(directory, entry + 32, 2);
  const auto name = part(directory, entry + DIRECTORY_ENTRY_SIZE, name_size);
  read_extra_64(part(directory, entry + DIRECTORY_ENTRY_SIZE + name_size, extra_size), sizes);
  entry += DIRECTORY_ENTRY_SIZE + name_size + extra_size + comment_size;

  part(file, sizes.offset, LOCAL_HEADER_SIZE);
  if (!has_signature(file, sizes.offset, 3, 4))
    throw std::runtime_error("an entry is not where its directory says");
  const uint64_t content = sizes.offset + LOCAL_HEADER_SIZE + number(file, sizes.offset + 26, 2) +
                           number(file, sizes.offset + 28, 2);
  const bool is_stored = method == METHOD_STORED && !(flags & ENCRYPTED) && sizes.packed == sizes.original;
  return {name, part(file, content, sizes.packed), is_stored};
}

std::vector<ZipEntry> lammps_heal::read_zip_archive(std::string_view file)
{
  const auto directory = find_directory(file);
  const auto bytes = part(file, directory.offset, directory.n_bytes);
  std::vector<ZipEntry> entries;
  uint64_t entry = 0;
  for (uint64_t k = 0; k < directory.n_entries; k++)
    entries.push_back(read_entry(file, bytes, entry));
  return entries;
}
