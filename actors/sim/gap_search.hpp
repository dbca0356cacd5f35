#pragma once

#include "actors/sim/sightings.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::sim {

/// The answered operations of a history by the revisions they name. [0] is not used.
struct revision_order {
  /// Who made the revision; null at 1 and where no answered operation did: a gap.
  std::vector<const operation*> writer;
  /// Whose answers show the state at this revision and made none.
  std::vector<std::vector<const operation*>> shown;
  /// The revision came into being no later than this: whoever shows it or a later one has returned
  /// then.
  std::vector<history_time> latest;

  std::int64_t last() const {
    return static_cast<std::int64_t>(writer.size()) - 1;
  }
};

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
    return gaps_.size();
  }

  /// The contradiction at the latest revision that was reached.
  const std::string& explanation() const {
    return explanation_;
  }

private:
  /// One who can make a revision: a branch of an open operation, or the end of a lease.
  struct maker {
    std::size_t number = 0; ///< the same for both branches: one happens, and once
    const operation* by = nullptr;
    bool succeeded = true;
    lease_id lease;
    history_time earliest = 0;
    std::vector<key_index> touched; ///< at most these; sorted
    /// Makers of one shape differ in values only that no answer shows: if one does not fit, none.
    std::size_t shape = 0;

    const std::vector<kv_request>& branch() const {
      return succeeded ? by->call.success : by->call.failure;
    }
  };

  struct gap {
    std::int64_t revision = 0;
    std::vector<const maker*> makers;
    std::vector<key_index> puttable; ///< what makers put; sorted
  };

  using written_keys = std::vector<std::pair<key_index, const sighting*>>;
  using gap_set = std::set<std::size_t>;

  /// Why there is no way on: what these gaps were filled with, and that all makers of these shapes
  /// are taken.
  struct conflict {
    outcome end = outcome::found;
    gap_set culprits;
    std::set<std::size_t> shapes;

    void add(conflict&& other) {
      culprits.merge(other.culprits);
      shapes.merge(other.shapes);
    }
  };

  void find_makers(const std::vector<operation>& history);
  void add_maker(const operation& by, bool succeeded, std::size_t number);
  std::string shape_of(const maker& who) const;
  void note_compares(const operation& by);
  void name_shapes(const std::vector<operation>& history);
  void add_lease_ends(const std::vector<operation>& history, std::size_t number);
  void find_gaps();
  bool can_make(const maker& who, std::int64_t revision, const written_keys& written,
                const std::vector<key_index>& created) const;
  bool fits(const kv_request& request, std::int64_t revision) const;
  void settle_only_makers();
  void index_keys(std::size_t number);
  bool enough_makers();
  /// Answers show these values of keys, or conditions ask for them.
  bool is_seen(const kv_request& put) const {
    return seen_values_.contains({put.key, put.value});
  }

  bool match(std::size_t gap, std::vector<bool>& tried, std::vector<std::size_t>& taken) const;

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
  std::set<std::pair<std::string_view, std::string_view>> seen_values_;
  /// Mod revisions that conditions ask for, and keys of which they ask for more than equality.
  std::set<std::pair<key_index, std::int64_t>> compared_revisions_;
  std::vector<bool> compared_closely_;
  std::vector<maker> makers_;
  std::size_t maker_count_ = 0;
  std::vector<gap> gaps_;
  /// For each revision: the number of its gap, if it is one.
  std::vector<std::size_t> gap_at_;
  /// For each key: gaps at which some maker can touch it.
  std::vector<std::vector<std::size_t>> gaps_of_;
  /// For each key: gaps at which some maker can put it.
  std::vector<std::vector<std::size_t>> puts_of_;
  /// For each maker's number: the gap that it fills.
  std::vector<std::size_t> fills_;
  /// For each shape: how many of its makers are taken.
  std::vector<std::size_t> taken_;
  /// States from which there is no way on, and why. By hash: one in some 10^12 searches of a
  /// million states takes one for another.
  std::unordered_map<std::uint64_t, conflict> dead_ends_;
  std::uint64_t states_ = 0;
  std::int64_t explained_revision_ = 0;
  std::string explanation_;
};

} // namespace troupe::sim
