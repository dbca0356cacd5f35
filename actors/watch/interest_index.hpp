#pragma once

#include "actors/watch/range_tree.hpp"
#include "actors/watch/watch_interest.hpp"
#include "storage/mvcc/event.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::watch {

/// Everybody who wants to hear the same. The numbers are small and used again.
using group_id = std::uint32_t;

inline constexpr group_id no_group = 0xffffffff;

/// Which groups a change concerns. Interests in one key are found by hash, the others in a tree of
/// their ranges: O(log n) and what is found.
class interest_index {
public:
  interest_index() = default;
  interest_index(const interest_index&) = delete;
  interest_index& operator=(const interest_index&) = delete;

  /// The group of this interest, made if there is none.
  group_id group_of(const watch_interest& interest);

  /// Forgets a group. @pre group_of() has made it, and it was not forgotten since.
  void forget(group_id group);

  /// Whether its members want to know what was there before.
  bool wants_previous(group_id group) const {
    return groups_[group].previous;
  }

  /// Adds to `found` every group that wants to hear of such a change; in the same order for the
  /// same history of calls.
  void find(std::string_view key, mvcc::event::type kind, std::vector<group_id>& found) const;

  /// Groups there are.
  std::size_t size() const {
    return size_;
  }

private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  using key_map = std::unordered_map<std::string, group_id, text_hash, std::equal_to<>>;

  /// Groups of the same keys form a chain.
  struct group {
    /// Where the chain begins: there are millions of these, and each is one or the other.
    union {
      key_map::value_type* key = nullptr;
      range_tree::node* range;
    };
    /// Of the chain, or of the free numbers.
    group_id next = no_group;
    bool puts = false;
    bool deletions = false;
    bool previous = false;
    enum class place : std::uint8_t { nowhere, key, range };
    place at = place::nowhere;

    bool wants(const watch_interest& interest) const {
      return puts == interest.puts && deletions == interest.deletions
             && previous == interest.previous;
    }
  };

  group_id& head_of(const group& of) const;
  group_id new_group();
  void collect(group_id chain, mvcc::event::type kind, std::vector<group_id>& found) const;

  key_map keys_;
  range_tree ranges_;
  std::vector<group> groups_;
  group_id free_ = no_group;
  std::size_t size_ = 0;
};

} // namespace troupe::watch
