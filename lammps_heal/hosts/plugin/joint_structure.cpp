#include "joint_structure.h"

#include "heal_kernel.h"

#include <algorithm>
#include <stdexcept>

using namespace lammps_heal;

static constexpr struct {
  int label;
  const char *structure;
} LABELS[] = {{HEAL_FCC, "fcc"},
              {HEAL_HCP, "hcp"},
              {HEAL_BCC, "bcc"},
              {HEAL_CUBIC_DIAMOND, "diamond"},
              {HEAL_HEXAGONAL_DIAMOND, "diamond"}};

JointStructure::JointStructure(const std::vector<std::string> &structures, double lattice_constant,
                               MPI_Comm world, StopIfAny stop_if_any) : world(world), stop_if_any(stop_if_any)
{
  for (const auto &structure : structures) {
    const auto &found = shells_of(structure);
    const auto is_like = [&](const auto *other) { return other->coordination == found.coordination; };
    if (std::none_of(shells.begin(), shells.end(), is_like))
      shells.push_back(&found);
  }
  shells_of_label.fill(-1);
  for (const auto &[label, structure] : LABELS)
    for (size_t k = 0; k < shells.size(); k++)
      if (shells_of(structure).coordination == shells[k]->coordination)
        shells_of_label[label] = static_cast<int32_t>(k);
  nearest_distance = shells[0]->nearest * lattice_constant;
  coordinations.resize(shells.size());
  residuals.resize(shells.size());
  votes.resize(shells.size());
}

double JointStructure::search() const
{
  double most = 0.0;
  for (const auto *some : shells)
    most = std::max({most, some->bond, some->is_diamond ? HEAL_SEARCH_DIAMOND : HEAL_SEARCH});
  return most * nearest_distance;
}

heal_structure JointStructure::by_shells(const HealedCopy &copy, size_t number, int n_threads) const
{
  heal_structure structure = {};
  structure.positions = copy.positions();
  structure.n_atoms = copy.n_atoms();
  structure.nlocal = copy.nlocal();
  structure.first = copy.list().first();
  structure.neighbours = copy.list().neighbours();
  structure.nearest = nearest_distance;
  structure.bond = shells[number]->bond * nearest_distance;
  structure.is_diamond = shells[number]->is_diamond;
  structure.n_threads = n_threads;
  return structure;
}

static void require_ok(int status)
{
  if (status != HEAL_OK)
    throw std::runtime_error(heal_last_error());
}

void JointStructure::look_at(HealedCopy &copy, int n_threads)
{
  stop_if_any(problem_of([&]() {
    const int64_t n = copy.nlocal();
    own.assign(n, 0);
    labels.assign(n, HEAL_OTHER);
    std::vector<int32_t> found(n);
    for (size_t k = 0; k < shells.size(); k++) {
      const auto structure = by_shells(copy, k, n_threads);
      coordinations[k].resize(n);
      residuals[k].resize(n);
      require_ok(heal_local_structure(&structure, coordinations[k].data(), found.data()));
      require_ok(heal_bonded_average(&structure, copy.last_step(), residuals[k].data()));
      // The shells of diamond give its labels, the others all but those.
      for (int64_t i = 0; i < n; i++)
        labels[i] = labels[i] == HEAL_OTHER ? found[i] : labels[i];
    }
  }));
  if (shells.size() > 1)
    find_own_shells(copy, n_threads);
}

// By the atom's label; else by most of the labelled atoms bonded to it, or of the crystal where these are equal.
void JointStructure::find_own_shells(HealedCopy &copy, int n_threads)
{
  const int64_t n = copy.nlocal();
  const auto is_narrower = [](const auto *one, const auto *other) { return one->bond < other->bond; };
  const size_t widest = std::max_element(shells.begin(), shells.end(), is_narrower) - shells.begin();
  std::vector<int64_t> counts(shells.size());
  for (size_t k = 0; k < shells.size(); k++) {
    stop_if_any(problem_of([&]() {
      is_labelled.assign(copy.n_atoms(), 0.0);
      votes[k].resize(n);
      for (int64_t i = 0; i < n; i++)
        is_labelled[i] = shells_of_label[labels[i]] == static_cast<int32_t>(k);
    }));
    counts[k] = std::count(is_labelled.begin(), is_labelled.begin() + n, 1.0);
    copy.forward_values(is_labelled.data());
    stop_if_any(problem_of([&]() {
      const auto structure = by_shells(copy, widest, n_threads);
      require_ok(heal_bonded_average(&structure, is_labelled.data(), votes[k].data()));
    }));
  }
  MPI_Allreduce(MPI_IN_PLACE, counts.data(), static_cast<int>(counts.size()), MPI_INT64_T, MPI_SUM, world);
  const auto most = std::max_element(counts.begin(), counts.end()) - counts.begin();
  for (int64_t i = 0; i < n; i++) {
    own[i] = static_cast<int32_t>(most);
    for (size_t k = 0; k < shells.size(); k++)
      if (votes[k][i] > votes[own[i]][i])
        own[i] = static_cast<int32_t>(k);
    if (shells_of_label[labels[i]] >= 0)
      own[i] = shells_of_label[labels[i]];
  }
}

double JointStructure::n_bytes() const
{
  size_t n = sizeof(int32_t) * (labels.capacity() + own.capacity()) + sizeof(double) * is_labelled.capacity();
  for (size_t k = 0; k < shells.size(); k++)
    n += sizeof(int32_t) * coordinations[k].capacity() +
         sizeof(double) * (residuals[k].capacity() + votes[k].capacity());
  return static_cast<double>(n);
}
