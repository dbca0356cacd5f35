#pragma once

#include "actors/sim/sightings.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
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

/// Who can have made the gaps: as much as is known before any order is tried.
class revision_makers {
public:
  /// One who can make a revision: a branch of an open operation, or the end of a lease.
  struct maker {
    std::size_t number = 0; ///< the same for both branches: one happens, and once
    const operation* by = nullptr;
    bool succeeded = true;
    lease_id lease;
    history_time earliest = 0;
    std::vector<key_index> touched; ///< at most these; sorted
    /// Of the operation. Those of one shape differ only in values that no answer shows: if one does
    /// not fit, none does.
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

  static constexpr auto none = static_cast<std::size_t>(-1);

  /// All live longer.
  revision_makers(const std::vector<operation>& history, const key_universe& keys,
                  const sightings& seen, const revision_order& order);

  /// The gap that cannot have a maker of its own, and why; nothing if each can.
  const std::optional<std::pair<std::size_t, std::string>>& shortage() const {
    return shortage_;
  }

  /// By revision; in all that follows gaps are named by their place here.
  const std::vector<gap>& gaps() const {
    return gaps_;
  }

  /// The gap that `revision` is, or `none`.
  std::size_t gap_at(std::int64_t revision) const {
    return gap_at_[revision];
  }

  /// Gaps at which some maker can touch `key`, or put it.
  const std::vector<std::size_t>& gaps_of(key_index key) const {
    return gaps_of_[key];
  }

  const std::vector<std::size_t>& puts_of(key_index key) const {
    return puts_of_[key];
  }

  /// Makers have numbers and shapes below these.
  std::size_t numbers() const {
    return numbers_;
  }

  std::size_t shapes() const {
    return shapes_;
  }

  /// Whether an answer or a condition can tell which revision and value `now` has.
  bool is_told_apart(key_index key, const held_value& now) const;

private:
  using written_keys = std::vector<std::pair<key_index, const sighting*>>;

  void find_makers(const std::vector<operation>& history);
  void add_maker(const operation& by, bool succeeded, std::size_t number);
  void add_lease_ends(const std::vector<operation>& history);
  void note_seen(const std::vector<operation>& history);
  void note_compares(const operation& by);
  void name_shapes();
  std::string shape_of(const maker& who) const;
  void find_gaps();
  bool can_make(const maker& who, std::int64_t revision, const written_keys& written,
                const std::vector<key_index>& created) const;
  bool fits(const kv_request& request, std::int64_t revision) const;
  void find_shortage();
  bool match(std::size_t gap, std::vector<bool>& tried, std::vector<std::size_t>& taken) const;
  void settle_only_makers();
  void index_keys(std::size_t gap);

  const key_universe& keys_;
  const sightings& seen_;
  const revision_order& order_;
  std::vector<maker> makers_;
  std::size_t numbers_ = 0;
  std::size_t shapes_ = 0;
  /// Values of keys that answers show or conditions ask for.
  std::set<std::pair<std::string_view, std::string_view>> seen_values_;
  /// Mod revisions that conditions ask for, and keys of which they ask for more than equality.
  std::set<std::pair<key_index, std::int64_t>> compared_revisions_;
  std::vector<bool> compared_closely_;
  std::vector<gap> gaps_;
  std::vector<std::size_t> gap_at_;
  std::vector<std::vector<std::size_t>> gaps_of_;
  std::vector<std::vector<std::size_t>> puts_of_;
  std::optional<std::pair<std::size_t, std::string>> shortage_;
};

} // namespace troupe::sim
