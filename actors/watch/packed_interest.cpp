#include "actors/watch/packed_interest.hpp"

namespace troupe::watch {

packed_interest::packed_interest(const watch_interest& interest)
    : first_size_(static_cast<std::uint32_t>(interest.keys.begin.size())),
      flags_(static_cast<std::uint8_t>((interest.puts ? with_puts : 0)
                                       | (interest.deletions ? with_deletions : 0)
                                       | (interest.previous ? with_previous : 0))) {
  const auto& [begin, end] = interest.keys;
  if (interest.keys.single()) {
    flags_ |= single_key;
    bytes_ = begin;
  } else if (end) {
    flags_ |= with_end;
    bytes_.reserve(begin.size() + end->size());
    bytes_.append(begin).append(*end);
  } else {
    bytes_ = begin;
  }
}

watch_interest packed_interest::unpack() const {
  watch_interest result{
    .keys = {}, .puts = puts(), .deletions = deletions(), .previous = previous()};
  result.keys.begin = bytes_.substr(0, first_size_);
  if ((flags_ & single_key) != 0)
    result.keys.end = result.keys.begin + '\0';
  else if ((flags_ & with_end) != 0)
    result.keys.end = bytes_.substr(first_size_);
  return result;
}

} // namespace troupe::watch
