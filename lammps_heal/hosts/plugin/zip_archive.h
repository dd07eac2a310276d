// The entries of a zip archive, as torch writes its files. Knows neither torch, nor models, nor LAMMPS.

#ifndef HEAL_ZIP_ARCHIVE_H
#define HEAL_ZIP_ARCHIVE_H

#include <string>
#include <string_view>
#include <vector>

namespace lammps_heal
{

struct ZipEntry {
  std::string_view name;
  std::string_view content;    // as it lies in the file
  bool is_stored;              // and not compressed or encrypted
};

// In the order of the archive's directory. The views are of `file`. Every offset and size is checked, so that
// any bytes will do; throws std::runtime_error that says what is wrong, as in "... is damaged (it is cut
// off)".
std::vector<ZipEntry> read_zip_archive(std::string_view file);

}    // namespace lammps_heal

#endif
