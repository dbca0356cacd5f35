#pragma once

#include "actors/watch/interest_index.hpp"

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

namespace troupe::watch {

/// Who is in which group. A watcher is in at most one, and is named by `id()`. While a group is
/// walked through in slices, members may come and go: who was there at the start and stays is met
/// exactly once, who comes later is not met.
template <class Watcher>
class hub_members {
public:
  /// @pre nobody with this id is a member. `after`: the watcher has no use for changes up to it.
  void add(Watcher who, group_id group, std::int64_t after) {
    if (groups_.size() <= group)
      groups_.resize(group + std::size_t{1});
    auto& members = groups_[group];
    seats_[who.id()] = {group, static_cast<std::uint32_t>(members.size())};
    members.push_back({std::move(who), after});
  }

  /// @returns the group it was in, if it was in one.
  std::optional<group_id> remove(std::uint64_t id) {
    const auto found = seats_.find(id);
    if (found == seats_.end())
      return std::nullopt;
    auto [group, place] = found->second;
    seats_.erase(found);
    // Who is still to be met stays before those who are not.
    if (group == walked_ && place < unmet_)
      place = fill(group, place, --unmet_);
    auto& members = groups_[group];
    fill(group, place, static_cast<std::uint32_t>(members.size()) - 1);
    members.pop_back();
    release_memory(members);
    return group;
  }

  bool empty(group_id group) const {
    return groups_[group].empty();
  }

  /// Watchers there are.
  std::size_t size() const {
    return seats_.size();
  }

  /// Begins to walk through a group.
  void walk(group_id group) {
    walked_ = group;
    unmet_ = static_cast<std::uint32_t>(groups_[group].size());
  }

  /// Meets up to `most` more members that have use for changes up to `last`. @returns how many were
  /// shown.
  template <class Show>
  std::size_t meet(std::size_t most, std::int64_t last, const Show& show) {
    std::size_t shown = 0;
    for (const auto& members = groups_[walked_]; unmet_ > 0 && shown < most;)
      if (const auto& next = members[--unmet_]; next.after < last) {
        show(next.who);
        ++shown;
      }
    return shown;
  }

  /// Whether the walk is over.
  bool met_all() const {
    return unmet_ == 0;
  }

private:
  struct member {
    Watcher who;
    std::int64_t after;
  };

  /// Most groups have one member.
  using member_list = boost::container::small_vector<member, 1>;

  static void release_memory(member_list& of) {
    if (of.empty()) {
      std::destroy_at(&of);
      std::construct_at(&of);
    } else if (of.capacity() > 64 && of.size() < of.capacity() / 4) {
      of.shrink_to_fit();
    }
  }

  struct seat {
    group_id group;
    std::uint32_t place;
  };

  /// Moves the member at `from` to `place`, where nobody sits any more. @returns the place that is
  /// free now.
  std::uint32_t fill(group_id group, std::uint32_t place, std::uint32_t from) {
    auto& members = groups_[group];
    if (place != from) {
      members[place] = std::move(members[from]);
      seats_[members[place].who.id()].place = place;
    }
    return from;
  }

  std::unordered_map<std::uint64_t, seat> seats_;
  std::deque<member_list> groups_;
  group_id walked_ = no_group;
  /// Of the members of `walked_`, the first ones are still to be met.
  std::uint32_t unmet_ = 0;
};

} // namespace troupe::watch
