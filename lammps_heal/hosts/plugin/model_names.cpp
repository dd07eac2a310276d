#include "model_names.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <vector>

#include <dlfcn.h>

// Compiled in for a plugin that does not lie in the Python package, with the folder of the shipped models.
#ifndef HEAL_MODELS
#define HEAL_MODELS ""
#endif

using namespace lammps_heal;
namespace fs = std::filesystem;

static const char SUFFIX[] = ".pt";
static constexpr uintmax_t LARGEST_FILE = 256u << 20;    // bytes; the shipped ones have less than a million

std::string lammps_heal::plugin_folder()
{
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(&plugin_folder), &info) || !info.dli_fname)
    return "";
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/') + 1);
}

static std::vector<fs::path> folders_of_models()
{
  std::vector<fs::path> folders = {fs::path(plugin_folder()) / "../../model/shipped"};
  if (std::strlen(HEAL_MODELS) > 0)
    folders.emplace_back(HEAL_MODELS);
  return folders;
}

static std::string shipped_names()
{
  std::set<std::string> names;
  for (const auto &folder : folders_of_models()) {
    std::error_code ignored;
    for (const auto &file : fs::directory_iterator(folder, ignored))
      if (file.path().extension() == SUFFIX)
        names.insert(file.path().stem().string());
  }
  std::string words;
  for (const auto &name : names)
    words += (words.empty() ? "" : ", ") + name;
  return words.empty() ? "none is here" : words;
}

std::string lammps_heal::find_model(const std::string &name)
{
  std::error_code ignored;
  const bool is_there = fs::exists(name, ignored);
  if (is_there && !fs::is_directory(name, ignored))
    return name;
  if (name.find('/') == std::string::npos)
    for (const auto &folder : folders_of_models()) {
      const auto path = folder / (name + SUFFIX);
      if (fs::exists(path, ignored))
        return path.string();
    }
  if (is_there)
    return name;    // a folder, which read_model_file refuses
  throw std::runtime_error("there is no model \"" + name +
                           "\": name a file written by \"lammps-heal export\", or a " + "shipped model (" +
                           shipped_names() + ")");
}

std::string lammps_heal::read_model_file(const std::string &path, const std::string &name)
{
  auto unreadable = [&name](const std::string &why) {
    return std::runtime_error("model file \"" + name + "\" cannot be read (" + why +
                              "): name a file written by \"lammps-heal export\", or a shipped model (" +
                              shipped_names() + ")");
  };
  if (!fs::is_regular_file(path))
    throw unreadable(fs::is_directory(path) ? "it is a folder" : "it is no file");
  const auto n_bytes = fs::file_size(path);
  if (n_bytes == 0)
    throw unreadable("it is empty");
  if (n_bytes > LARGEST_FILE)
    throw unreadable("it is larger than any model");
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::string file(n_bytes, '\0');
  if (!stream.read(file.data(), static_cast<std::streamsize>(n_bytes)))
    throw unreadable(errno ? std::strerror(errno) : "it is cut off");
  return file;
}
