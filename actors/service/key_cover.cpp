#include "actors/service/key_cover.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe::service {

namespace {

using range_end = std::optional<std::string_view>;

bool reaches(const range_end& end, std::string_view key) {
  return !end || key <= *end;
}

range_end later(const range_end& a, const range_end& b) {
  return a && b ? std::max(*a, *b) : range_end{};
}

} // namespace

void key_cover::add_range(std::string_view begin, range_end end) {
  if (end && *end <= begin)
    return;
  auto next = ranges_.upper_bound(begin);
  if (next != ranges_.begin() && reaches(std::prev(next)->second, begin)) {
    --next;
    begin = next->first;
  }
  while (next != ranges_.end() && reaches(end, next->first)) {
    end = later(end, next->second);
    next = ranges_.erase(next);
  }
  ranges_.emplace_hint(next, begin, end);
}

void key_cover::merge(key_cover&& other) {
  if (keys_.size() < other.keys_.size())
    keys_.swap(other.keys_);
  keys_.merge(other.keys_);
  if (ranges_.size() < other.ranges_.size())
    ranges_.swap(other.ranges_);
  for (const auto& [begin, end] : other.ranges_)
    add_range(begin, end);
}

bool key_cover::in_range(std::string_view key) const {
  auto after = ranges_.upper_bound(key);
  if (after == ranges_.begin())
    return false;
  const auto& end = std::prev(after)->second;
  return !end || key < *end;
}

bool key_cover::contains(std::string_view key) const {
  return keys_.contains(key) || in_range(key);
}

bool key_cover::meets(const std::set<std::string_view>& keys) const {
  if (keys.size() <= size())
    return std::any_of(keys.begin(), keys.end(), [this](auto key) { return contains(key); });
  auto met = [&keys](const auto& range) {
    auto first = keys.lower_bound(range.first);
    return first != keys.end() && (!range.second || *first < *range.second);
  };
  return std::any_of(keys_.begin(), keys_.end(), [&keys](auto key) { return keys.contains(key); })
         || std::any_of(ranges_.begin(), ranges_.end(), met);
}

} // namespace troupe::service
