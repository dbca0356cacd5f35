#include "actors/watch/interest_index.hpp"

#include "messages/ensure.hpp"

namespace troupe::watch {

group_id& interest_index::head_of(const group& of) const {
  return of.at == group::place::key ? of.key->second : of.range->value;
}

group_id interest_index::new_group() {
  ++size_;
  if (free_ == no_group) {
    ensure(groups_.size() < no_group, "a group has a number");
    groups_.emplace_back();
    return static_cast<group_id>(groups_.size() - 1);
  }
  const auto id = free_;
  free_ = groups_[id].next;
  return id;
}

group_id interest_index::group_of(const watch_interest& interest) {
  group made{.puts = interest.puts, .deletions = interest.deletions, .previous = interest.previous};
  if (interest.keys.single()) {
    made.at = group::place::key;
    made.key = &*keys_.try_emplace(interest.keys.begin, no_group).first;
  } else {
    made.at = group::place::range;
    made.range = ranges_.find_or_add(interest.keys, no_group);
  }
  auto& head = head_of(made);
  for (auto id = head; id != no_group; id = groups_[id].next)
    if (groups_[id].wants(interest))
      return id;
  const auto id = new_group();
  made.next = head;
  head = id;
  groups_[id] = made;
  return id;
}

void interest_index::forget(group_id id) {
  const auto gone = groups_[id];
  ensure(gone.at != group::place::nowhere, "the group exists");
  auto* link = &head_of(gone);
  while (*link != id)
    link = &groups_[*link].next;
  *link = gone.next;
  if (head_of(gone) == no_group) {
    if (gone.at == group::place::key)
      keys_.erase(keys_.find(gone.key->first));
    else
      ranges_.erase(gone.range);
  }
  groups_[id] = group{.next = free_};
  free_ = id;
  --size_;
}

void interest_index::collect(group_id chain, mvcc::event::type kind,
                             std::vector<group_id>& found) const {
  for (auto id = chain; id != no_group; id = groups_[id].next)
    if (kind == mvcc::event::type::put ? groups_[id].puts : groups_[id].deletions)
      found.push_back(id);
}

void interest_index::find(std::string_view key, mvcc::event::type kind,
                          std::vector<group_id>& found) const {
  if (const auto entry = keys_.find(key); entry != keys_.end())
    collect(entry->second, kind, found);
  ranges_.stab(key, [&](group_id chain) { collect(chain, kind, found); });
}

} // namespace troupe::watch
