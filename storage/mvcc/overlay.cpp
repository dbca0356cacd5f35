#include "storage/mvcc/overlay.hpp"

#include "messages/ensure.hpp"

#include <utility>

namespace troupe::mvcc {

std::size_t overlay::add(event e, bool existed) {
  ensure(events_.empty() || events_.back().at < e.at, "events come in the order of revisions");
  const auto index = events_.size();
  const auto known = keys_.find(std::string_view{e.kv.key});
  events_.push_back(std::move(e));
  if (known == keys_.end()) {
    previous_.push_back(none);
    keys_.insert({index, index, existed});
    return none;
  }
  previous_.push_back(known->latest);
  return std::exchange(known->latest, index);
}

const overlay::touched* overlay::find(std::string_view key) const {
  if (events_.empty())
    return nullptr;
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &*found;
}

const event* overlay::as_of(const touched& t, std::int64_t revision) const {
  for (auto index = t.latest; index != none; index = previous_[index])
    if (events_[index].at.main <= revision)
      return &events_[index];
  return nullptr;
}

overlay::keys::const_iterator overlay::begin(const key_range& range) const {
  return keys_.lower_bound(std::string_view{range.begin});
}

overlay::keys::const_iterator overlay::end(const key_range& range) const {
  if (range.empty())
    return begin(range);
  return range.end ? keys_.lower_bound(std::string_view{*range.end}) : keys_.end();
}

std::vector<event> overlay::take() {
  keys_.clear();
  previous_.clear();
  return std::exchange(events_, {});
}

} // namespace troupe::mvcc
