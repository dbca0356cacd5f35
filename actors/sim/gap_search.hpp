#pragma once

#include "actors/sim/revision_makers.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::sim {

/// Finds for each gap an operation without an answer, or the end of a lease, so that every answer
/// is what the store would have given.
class gap_search {
public:
  enum class outcome : std::uint8_t { found, impossible, given_up };

  /// All live longer.
  gap_search(const std::vector<operation>& history, const key_universe& keys, const sightings& seen,
             const revision_order& order, std::uint64_t most_states);

  outcome run();

  std::uint64_t states() const {
    return states_;
  }

  std::uint64_t gaps() const {
    return makers_.gaps().size();
  }

  /// The contradiction at the latest revision that was reached.
  const std::string& explanation() const {
    return explanation_;
  }

private:
  using maker = revision_makers::maker;
  using gap = revision_makers::gap;
  using gap_set = std::set<std::size_t>;

  /// Why there is no way on: what these gaps were filled with, and that all operations of these
  /// shapes are taken.
  struct conflict {
    outcome end = outcome::found;
    gap_set culprits;
    std::set<std::size_t> shapes;

    void add(conflict&& other) {
      culprits.merge(other.culprits);
      shapes.merge(other.shapes);
    }
  };

  /// Executes from `revision`, that of a gap or the first, to the end.
  conflict go_on(std::int64_t revision);
  conflict choose(std::size_t gap);
  conflict try_all(std::size_t gap);
  std::uint64_t hash_state(std::size_t gap) const;
  conflict try_maker(std::size_t gap, const maker& who);
  std::vector<const maker*> by_urgency(const gap& at) const;
  std::int64_t urgency(const maker& who, std::int64_t revision) const;
  std::optional<mismatch> execute(const maker& who, std::int64_t revision);
  std::optional<mismatch> count_puts(std::int64_t revision) const;
  std::int64_t count_gaps(const std::vector<std::size_t>& gaps, std::int64_t after,
                          std::int64_t upto) const;
  std::optional<mismatch> compare_sightings(std::int64_t revision) const;
  conflict compare_shown(std::int64_t revision);
  conflict blame(const mismatch& wrong, std::int64_t revision, const operation* by);
  void explain(const std::string& what, std::int64_t revision, const operation* by,
               const gap_set& culprits);
  std::string describe_maker(const maker& who) const;

  const key_universe& keys_;
  const sightings& seen_;
  const revision_order& order_;
  std::uint64_t most_states_;
  kv_model model_;
  revision_makers makers_;
  /// For each maker's number: the gap that it fills.
  std::vector<std::size_t> fills_;
  /// For each shape: how many of it are taken.
  std::vector<std::size_t> taken_;
  /// States from which there is no way on, and why. By hash: one in some 10^12 searches of a
  /// million states takes one for another.
  std::unordered_map<std::uint64_t, conflict> dead_ends_;
  std::uint64_t states_ = 0;
  std::int64_t explained_revision_ = 0;
  std::string explanation_;
};

} // namespace troupe::sim
