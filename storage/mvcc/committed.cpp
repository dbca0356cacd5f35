#include "storage/mvcc/committed.hpp"

#include "storage/mvcc/record.hpp"

#include <string>
#include <utility>

namespace troupe::mvcc {

namespace {

using found_t = storage::read_view::found;

errc to_errc(found_t result) {
  return result == found_t::below_floor ? errc::compacted : errc::none;
}

std::optional<std::string_view> end_of(const key_range& range) {
  return range.end ? std::optional<std::string_view>{*range.end} : std::nullopt;
}

} // namespace

errc committed::get(std::string_view key, std::int64_t at, std::optional<key_value>& found) const {
  found.reset();
  std::string value;
  const auto result = view_.get_version(key, at, value);
  if (result != found_t::yes)
    return to_errc(result);
  key_head head;
  const auto skip = decode_head(value, head);
  value.erase(0, skip);
  found = key_value{std::string{key},  std::move(value), head.create_revision,
                    head.mod_revision, head.version,     head.lease};
  return errc::none;
}

errc committed::visit(const key_range& range, std::int64_t at,
                      const std::function<bool(const key_value_view&)>& show) const {
  key_head head;
  return to_errc(view_.visit_versions(range.begin, end_of(range), at,
                                      [&](std::string_view key, std::string_view record) {
                                        const auto skip = decode_head(record, head);
                                        return show({key, record.substr(skip), head.create_revision,
                                                     head.mod_revision, head.version, head.lease});
                                      }));
}

errc committed::visit_keys(const key_range& range, std::int64_t at,
                           const std::function<bool(std::string_view)>& show) const {
  return to_errc(
    view_.visit_versions(range.begin, end_of(range), at,
                         [&](std::string_view key, std::string_view) { return show(key); }));
}

errc committed::count(const key_range& range, std::int64_t at, std::int64_t& keys) const {
  keys = 0;
  if (range.empty())
    return errc::none;
  const auto inner = range.single() ? std::nullopt : counts_.count(range, at);
  if (!inner)
    return walk(range, at, keys);
  if (const auto result = walk({range.begin, inner->begin}, at, keys); result != errc::none)
    return result;
  if (inner->end)
    if (const auto result = walk({*inner->end, range.end}, at, keys); result != errc::none)
      return result;
  keys += inner->keys;
  return errc::none;
}

errc committed::walk(const key_range& range, std::int64_t at, std::int64_t& keys) const {
  if (range.empty())
    return errc::none;
  return visit_keys(range, at, [&](std::string_view) {
    ++keys;
    return true;
  });
}

} // namespace troupe::mvcc
