#include "reference_file.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>

using namespace lammps_heal;

namespace
{

using Words = std::vector<std::string>;

// Columns of a data file's atoms, as far as they matter here, by atom style.
struct Columns {
  int id, type, x;
};
const std::map<std::string, Columns> STYLES = {
    {"atomic", {0, 1, 2}}, {"charge", {0, 1, 3}},    {"bond", {0, 2, 3}},
    {"angle", {0, 2, 3}},  {"molecular", {0, 2, 3}}, {"full", {0, 2, 4}},
};
// Of a row of atom style atomic, without and with image flags.
constexpr size_t ATOMIC = 5, ATOMIC_WITH_IMAGES = 8;

// Lines of a file, without their comments.
class Lines
{
 public:
  explicit Lines(const std::string &path) : path(path), stream(path)
  {
    if (!stream)
      throw problem(std::strerror(errno));
  }

  // Whether there is one more.
  bool next()
  {
    std::string line;
    if (!std::getline(stream, line))
      return false;
    number++;
    const auto comment = line.find('#');
    hint = comment == std::string::npos ? "" : line.substr(comment + 1);
    words.clear();
    const std::string text = line.substr(0, comment);
    for (size_t begin = 0; (begin = text.find_first_not_of(" \t\r", begin)) != std::string::npos;) {
      const size_t end = std::min(text.find_first_of(" \t\r", begin), text.size());
      words.push_back(text.substr(begin, end - begin));
      begin = end;
    }
    return true;
  }

  void require_next()
  {
    if (!next())
      throw problem("it is cut off");
  }

  std::runtime_error problem(const std::string &what) const
  {
    const auto line = number > 0 ? ", line " + std::to_string(number) : "";
    return std::runtime_error("the sites of \"" + path + "\"" + line + " cannot be read (" + what +
                              "): name a data file or a text dump of the undamaged crystal");
  }

  double real(size_t column) const
  {
    double value = NAN;
    read(column, value);
    if (!std::isfinite(value))
      throw problem("\"" + words.at(column) + "\" is no number");
    return value;
  }

  int64_t integer(size_t column) const
  {
    int64_t value = -1;
    read(column, value);
    if (value < 0)
      throw problem("\"" + words.at(column) + "\" is no whole number from 0");
    return value;
  }

  Words words;         // of the line
  std::string hint;    // behind its #

 private:
  std::string path;
  std::ifstream stream;
  int64_t number = 0;

  template <typename Number> void read(size_t column, Number &value) const
  {
    if (column >= words.size())
      throw problem("column " + std::to_string(column + 1) + " is missing");
    const auto &word = words[column];
    const char *const begin = word.data() + (word[0] == '+'), *const end = word.data() + word.size();
    if (const auto done = std::from_chars(begin, end, value); done.ec != std::errc() || done.ptr != end)
      throw problem("\"" + word + "\" is no number of its kind");
  }
};

struct Bounds {
  double low[3] = {}, high[3] = {}, xy = 0.0, xz = 0.0, yz = 0.0;
};

ReferenceCrystal crystal_in(const Bounds &bounds, const Lines &lines)
{
  ReferenceCrystal crystal = {};
  for (int d = 0; d < 3; d++) {
    crystal.origin[d] = bounds.low[d];
    crystal.vectors[d][d] = bounds.high[d] - bounds.low[d];
    if (!(crystal.vectors[d][d] > 0.0))
      throw lines.problem("its box has no volume");
  }
  crystal.vectors[1][0] = bounds.xy;
  crystal.vectors[2][0] = bounds.xz;
  crystal.vectors[2][1] = bounds.yz;
  return crystal;
}

// The cell's vectors are lower triangular.
std::array<double, 3> fraction_of(const ReferenceCrystal &crystal, std::array<double, 3> place)
{
  const auto &h = crystal.vectors;
  for (int d = 2; d >= 0; d--) {
    place[d] -= crystal.origin[d];
    for (int k = d + 1; k < 3; k++)
      place[d] -= place[k] * h[k][d];
    place[d] /= h[d][d];
  }
  return place;
}

// --- data files

bool is_header(const Words &words, std::initializer_list<const char *> last)
{
  return words.size() >= last.size() && std::equal(last.begin(), last.end(), words.end() - last.size());
}

Columns columns_of_style(const Lines &heading, const Lines &first_row, std::string style)
{
  style.erase(0, style.find_first_not_of(' '));
  style.erase(std::min(style.find_first_of(" \t\r"), style.size()));
  const auto known = STYLES.find(style);
  if (known != STYLES.end())
    return known->second;
  if (!style.empty())
    throw heading.problem("atom style " + style +
                          " is not among atomic, charge, bond, angle, molecular, full");
  const size_t n = first_row.words.size();
  if (n != ATOMIC && n != ATOMIC_WITH_IMAGES)
    throw first_row.problem(
        "its atom style is unknown: write \"Atoms # charge\", or which it is, above them");
  return STYLES.at("atomic");
}

ReferenceCrystal read_data(Lines &lines)
{
  Bounds bounds;
  int64_t n_atoms = -1;
  for (;;) {
    lines.require_next();
    const auto &words = lines.words;
    if (is_header(words, {"atoms"}) && words.size() == 2)
      n_atoms = lines.integer(0);
    for (int d = 0; d < 3; d++) {
      const std::string axis(1, "xyz"[d]);
      if (is_header(words, {(axis + "lo").c_str(), (axis + "hi").c_str()})) {
        bounds.low[d] = lines.real(0);
        bounds.high[d] = lines.real(1);
      }
    }
    if (is_header(words, {"xy", "xz", "yz"})) {
      bounds.xy = lines.real(0);
      bounds.xz = lines.real(1);
      bounds.yz = lines.real(2);
    }
    if (is_header(words, {"avec"}))
      throw lines.problem("general triclinic boxes are not read");
    if (!words.empty() && words[0] == "Atoms")
      break;
  }
  if (n_atoms < 1)
    throw lines.problem("its header has no line with the number of atoms");
  auto crystal = crystal_in(bounds, lines);
  const std::string style = lines.hint;
  do
    lines.require_next();
  while (lines.words.empty());
  const Columns columns = columns_of_style(lines, lines, style);
  for (int64_t k = 0; k < n_atoms; k++) {
    if (k > 0)
      lines.require_next();
    const auto x = static_cast<size_t>(columns.x);
    const auto fraction = fraction_of(crystal, {lines.real(x), lines.real(x + 1), lines.real(x + 2)});
    crystal.sites.push_back(
        {fraction, lines.integer(columns.id), static_cast<int32_t>(lines.integer(columns.type))});
  }
  return crystal;
}

// --- dumps

struct DumpColumns {
  int id = -1, type = -1;
  int place[3] = {-1, -1, -1};
  bool is_scaled = false;
};

DumpColumns columns_of(const Lines &heading)
{
  DumpColumns columns;
  for (int k = 2; k < static_cast<int>(heading.words.size()); k++) {
    const auto &name = heading.words[k];
    columns.id = name == "id" ? k - 2 : columns.id;
    columns.type = name == "type" ? k - 2 : columns.type;
    if (name.empty() || name[0] < 'x' || name[0] > 'z')
      continue;
    const auto kind = name.substr(1);    // unwrapped, scaled, or both
    if (kind.empty() || kind == "u" || kind == "s" || kind == "su") {
      columns.place[name[0] - 'x'] = k - 2;
      columns.is_scaled = kind == "s" || kind == "su";
    }
  }
  if (std::min({columns.place[0], columns.place[1], columns.place[2]}) < 0)
    throw heading.problem("it has no columns x y z");
  return columns;
}

// A dump has the box around a tilted one.
Bounds read_bounds(Lines &lines)
{
  if (std::find(lines.words.begin(), lines.words.end(), "abc") != lines.words.end())
    throw lines.problem("general triclinic boxes are not read");
  const bool is_tilted = std::find(lines.words.begin(), lines.words.end(), "xy") != lines.words.end();
  Bounds bounds;
  double *const tilts[3] = {&bounds.xy, &bounds.xz, &bounds.yz};
  for (int d = 0; d < 3; d++) {
    lines.require_next();
    bounds.low[d] = lines.real(0);
    bounds.high[d] = lines.real(1);
    *tilts[d] = is_tilted ? lines.real(2) : 0.0;
  }
  const auto &[xy, xz, yz] = std::array<double, 3>{bounds.xy, bounds.xz, bounds.yz};
  bounds.low[0] -= std::min({0.0, xy, xz, xy + xz});
  bounds.high[0] -= std::max({0.0, xy, xz, xy + xz});
  bounds.low[1] -= std::min(0.0, yz);
  bounds.high[1] -= std::max(0.0, yz);
  return bounds;
}

ReferenceCrystal read_dump(Lines &lines)
{
  Bounds bounds;
  int64_t n_atoms = -1;
  for (;; lines.require_next()) {
    if (lines.words.size() < 2 || lines.words[0] != "ITEM:")
      continue;
    if (lines.words[1] == "NUMBER") {
      lines.require_next();
      n_atoms = lines.integer(0);
    } else if (lines.words[1] == "BOX") {
      bounds = read_bounds(lines);
    } else if (lines.words[1] == "ATOMS") {
      break;
    }
  }
  const DumpColumns columns = columns_of(lines);
  auto crystal = crystal_in(bounds, lines);
  for (int64_t k = 0; k < n_atoms; k++) {
    lines.require_next();
    std::array<double, 3> place;
    for (int d = 0; d < 3; d++)
      place[d] = lines.real(columns.place[d]);
    crystal.sites.push_back({columns.is_scaled ? place : fraction_of(crystal, place),
                             columns.id < 0 ? k + 1 : lines.integer(columns.id),
                             columns.type < 0 ? 1 : static_cast<int32_t>(lines.integer(columns.type))});
  }
  return crystal;
}

}    // namespace

ReferenceCrystal lammps_heal::read_reference(const std::string &path)
{
  Lines lines(path);
  lines.require_next();
  const bool is_dump = !lines.words.empty() && lines.words[0] == "ITEM:";
  auto crystal = is_dump ? read_dump(lines) : read_data(lines);
  if (crystal.sites.empty())
    throw lines.problem("there are no atoms in it");
  return crystal;
}
