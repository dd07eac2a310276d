#include "model_archive.h"

#include "sha256.h"
#include "zip_archive.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <locale>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

using namespace lammps_heal;

static constexpr int FORMAT_VERSION = 6;
static const char FORMAT[] = "lammps-heal";
static constexpr std::string_view FOLDER = "heal/";
static const char HASH[] = "sha256.txt";
static const char METADATA[] = "metadata.txt";
static constexpr double LONGEST = 1000.0;     // Å; no length of a crystal's model is longer
static constexpr double HEAVIEST = 1000.0;    // g/mol
// Larger ones would be no networks of this kind; with them no product of sizes overflows.
static constexpr int MOST_CHANNELS = 1024, MOST_HIDDEN = 65536, MOST_LAYERS = 64, MOST_INTERVALS = 1000000;
static constexpr int MOST_RECORDED = 10000, MOST_ELEMENTS = 200;
static constexpr size_t LONGEST_NAME = 32;
static constexpr uint64_t N_COEFFICIENTS = 3, N_DEGREES = 4;

using Entries = std::map<std::string_view, std::string_view>;    // content by name without "heal/"

// What is wrong with a file that may once have been a model.
[[noreturn]] static void damaged(const std::string &what)
{
  throw std::runtime_error("is damaged (" + what + "): export it anew with \"lammps-heal export\"");
}

// Extra files of a TorchScript archive lie in ARCHIVE/extra/.
static Entries entries_of(std::string_view file)
{
  constexpr std::string_view EXTRA = "/extra/";
  std::vector<ZipEntry> all;
  try {
    all = read_zip_archive(file);
  } catch (const std::runtime_error &reason) {
    throw std::runtime_error("is damaged or no model file (" + std::string(reason.what()) +
                             "): name a file written by \"lammps-heal export\"");
  }
  Entries entries;
  std::set<std::string> names;
  for (const auto &entry : all) {
    // Of two entries of one name some readers take the one, others the other.
    std::string name_in_lower_case(entry.name);
    for (char &letter : name_in_lower_case)
      letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    if (!names.insert(name_in_lower_case).second)
      damaged("two of its entries have the same name");
    const auto slash = entry.name.find('/');
    if (slash == std::string_view::npos || entry.name.substr(slash, EXTRA.size()) != EXTRA)
      continue;
    const auto name = entry.name.substr(slash + EXTRA.size());
    if (name.substr(0, FOLDER.size()) != FOLDER)
      continue;
    if (!entry.is_stored)
      damaged("its entries are compressed, and must be stored as they are");
    entries.emplace(name.substr(FOLDER.size()), entry.content);
  }
  if (!entries.count(METADATA))
    throw std::runtime_error(
        "is a model of an older lammps-heal: export it anew with \"lammps-heal export\"");
  return entries;
}

static std::string_view entry_of(const Entries &entries, const std::string &name)
{
  const auto found = entries.find(name);
  if (found == entries.end())
    damaged("it has no " + std::string(FOLDER) + name);
  return found->second;
}

static std::string hash_of(const Entries &entries)
{
  Sha256 digest;
  for (const auto &[name, content] : entries) {
    if (name == HASH)
      continue;
    digest.update(name.data(), name.size());
    uint8_t zero_and_size[9] = {};
    for (int k = 0; k < 8; k++)
      zero_and_size[k + 1] = static_cast<uint8_t>(static_cast<uint64_t>(content.size()) >> (8 * k));
    digest.update(zero_and_size, sizeof(zero_and_size));
    digest.update(content.data(), content.size());
  }
  return digest.hexdigest();
}

// Lines "key value value ...".
class Metadata
{
 public:
  explicit Metadata(std::string_view text)
  {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string key;
      if (!(words >> key))
        continue;
      auto &values = values_of[key];
      if (!values.empty())
        damaged("its metadata says one thing twice");
      for (std::string word; words >> word;)
        values.push_back(word);
    }
  }

  bool has(const std::string &key) const
  {
    return values_of.count(key) > 0;
  }

  const std::vector<std::string> &words(const std::string &key) const
  {
    const auto found = values_of.find(key);
    if (found == values_of.end())
      damaged("its metadata has no " + key);
    return found->second;
  }

  std::string word(const std::string &key) const
  {
    if (words(key).size() != 1)
      damaged("its metadata's " + key + " is not one word");
    return words(key)[0];
  }

  // That messages can show.
  std::vector<std::string> names(const std::string &key) const
  {
    for (const auto &name : words(key))
      if (name.size() > LONGEST_NAME || !std::all_of(name.begin(), name.end(), is_of_a_name))
        damaged("its metadata's " + key + " makes no sense");
    return words(key);
  }

  int integer(const std::string &key, int smallest, int largest) const
  {
    const double value = number(key, word(key), smallest, largest);
    if (value != std::floor(value))
      damaged("its metadata's " + key + " is no integer");
    return static_cast<int>(value);
  }

  // Above zero.
  double length(const std::string &key) const
  {
    const double value = number(key, word(key), 0.0, LONGEST);
    if (value == 0.0)
      damaged("its metadata's " + key + " is not above 0");
    return value;
  }

  std::vector<double> masses(const std::string &key) const
  {
    std::vector<double> values;
    for (const auto &value : words(key))
      values.push_back(number(key, value, 1.0, HEAVIEST));
    return values;
  }

 private:
  std::map<std::string, std::vector<std::string>> values_of;

  static bool is_of_a_name(char c)
  {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  }

  static double number(const std::string &key, const std::string &text, double smallest, double largest)
  {
    std::istringstream stream(text);
    stream.imbue(std::locale::classic());
    double value = 0.0;
    if (!(stream >> value) || stream.peek() != std::istringstream::traits_type::eof() ||
        !(value >= smallest && value <= largest))
      damaged("its metadata's " + key + " makes no sense");
    return value;
  }
};

static void require_format(const Metadata &metadata)
{
  if (metadata.word("format") != FORMAT)
    damaged("its metadata is not of " + std::string(FORMAT));
  const int version = metadata.integer("format_version", 0, 1000000);
  if (version != FORMAT_VERSION)
    throw std::runtime_error("has format version " + std::to_string(version) + ", needed " +
                             std::to_string(FORMAT_VERSION) +
                             ": export it anew with this version of lammps-heal (\"lammps-heal export\")");
}

static void read_metadata(const Metadata &metadata, Model &model)
{
  metadata.word("structure");
  model.structure = metadata.names("structure")[0];
  model.structures = metadata.names(metadata.has("structures") ? "structures" : "structure");
  if (model.structures.empty() || model.structures[0] != model.structure)
    damaged("its metadata's structures do not begin with its structure");
  model.elements = metadata.names("elements");
  model.masses = metadata.masses("masses");
  if (model.elements.empty() || model.elements.size() > MOST_ELEMENTS ||
      model.masses.size() != model.elements.size())
    damaged("its metadata's elements and masses do not fit");
  model.lattice_constant = metadata.length("lattice_constant");
  model.cutoff = metadata.length("cutoff");
  model.max_displacement = metadata.length("max_displacement");
  model.n_channels = metadata.integer("n_channels", 1, MOST_CHANNELS);
  model.n_hidden = metadata.integer("n_hidden", 1, MOST_HIDDEN);
  model.n_layers = metadata.integer("n_layers", 0, MOST_LAYERS);
  model.n_intervals = metadata.integer("n_intervals", 1, MOST_INTERVALS);
  model.n_species = metadata.integer("n_species", 1, MOST_ELEMENTS);
  if (model.n_species != 1 && model.n_species != static_cast<int>(model.elements.size()))
    damaged("its metadata's n_species is neither 1 nor the number of its elements");
  model.n_record = metadata.integer("n_record", 1, MOST_RECORDED);
  model.weights_hash = metadata.word("weights_hash");
}

// Little-endian numbers, as the machines are on which LAMMPS runs.
template <typename Number>
static std::vector<Number> array_of(const Entries &entries, const std::string &name, uint64_t n_numbers)
{
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "model files are little-endian");
  const auto content = entry_of(entries, name);
  if (content.size() != n_numbers * sizeof(Number))
    damaged(std::string(FOLDER) + name + " has " + std::to_string(content.size()) + " bytes, needed " +
            std::to_string(n_numbers * sizeof(Number)));
  std::vector<Number> numbers(n_numbers);
  if (n_numbers > 0)
    std::memcpy(numbers.data(), content.data(), content.size());
  const auto is_finite = [](Number value) { return std::isfinite(static_cast<double>(value)); };
  if (!std::all_of(numbers.begin(), numbers.end(), is_finite))
    damaged(std::string(FOLDER) + name + " has numbers that are not finite");
  return numbers;
}

static void read_arrays(const Entries &entries, Model &model)
{
  const uint64_t n = model.n_channels, n_hidden = model.n_hidden;
  const uint64_t n_coefficients = model.n_intervals * N_COEFFICIENTS;
  const uint64_t sizes[4] = {N_DEGREES * n, n_hidden, n_hidden,
                             5 * n + 1};    // inputs, then outputs of each layer
  model.radial = array_of<float>(entries, "radial.f32", n_coefficients * 2 * N_DEGREES * n);
  model.messages = array_of<float>(entries, "messages.f32", n_coefficients * 2 * model.n_layers);
  model.mixing = array_of<float>(entries, "mixing.f32", N_DEGREES * n * n);
  for (int k = 0; k < 3; k++) {
    const auto number = std::to_string(k);
    model.weights[k] = array_of<float>(entries, "weight" + number + ".f32", sizes[k + 1] * sizes[k]);
    model.biases[k] = array_of<float>(entries, "bias" + number + ".f32", sizes[k + 1]);
  }
  const uint64_t n_species = model.n_species > 1 ? model.n_species : 0;
  model.species_factors = array_of<float>(entries, "species_factors.f32", n_species * 2 * n);
  model.species_bias = array_of<float>(entries, "species_bias.f32", n_species * n_hidden);
  model.record_positions = array_of<double>(entries, "record_positions.f64", 3 * uint64_t(model.n_record));
  model.record_cell = array_of<double>(entries, "record_cell.f64", 9);
  model.record_displacement =
      array_of<double>(entries, "record_displacement.f64", 3 * uint64_t(model.n_record));
  model.record_species = array_of<int32_t>(entries, "record_species.i32", uint64_t(model.n_record));
  for (int32_t species : model.record_species)
    if (species < 0 || species >= model.n_species)
      damaged("its record has a species that the model has not");
}

Model lammps_heal::read_model(std::string_view file, const std::string &name)
{
  try {
    const auto entries = entries_of(file);
    const Metadata metadata(entry_of(entries, METADATA));
    require_format(metadata);
    Model model = {};
    model.name = name;
    model.file_hash = hash_of(entries);
    const auto recorded = entry_of(entries, HASH);
    if (recorded.substr(0, recorded.find_last_not_of('\n') + 1) != model.file_hash)
      damaged("its entries do not have the hash that it records");
    read_metadata(metadata, model);
    read_arrays(entries, model);
    return model;
  } catch (const std::runtime_error &reason) {
    throw std::runtime_error("model file \"" + name + "\" " + reason.what());
  }
}
