#include "storage/mvcc/key_range.hpp"

namespace troupe::mvcc {

key_range key_range::of(std::string_view key, std::string_view range_end) {
  using namespace std::string_view_literals;
  key_range range{std::string{key}, std::nullopt};
  if (range_end.empty())
    range.end = range.begin + '\0';
  else if (range_end != "\0"sv)
    range.end = std::string{range_end};
  return range;
}

bool key_range::single() const {
  return end && end->size() == begin.size() + 1 && end->back() == '\0' && end->starts_with(begin);
}

} // namespace troupe::mvcc
