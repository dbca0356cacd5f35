#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::mvcc {

/// The keys k with begin <= k, and k < *end if there is an end; in the order of unsigned bytes.
/// A single key is [key, key + '\0').
struct key_range {
  std::string begin;
  std::optional<std::string> end;

  /// By etcd's addressing: `range_end` empty = just `key`, the one byte 00 = every key from `key`
  /// on, else [key, range_end), which is empty if range_end <= key.
  static key_range of(std::string_view key, std::string_view range_end);

  bool contains(std::string_view key) const {
    return key >= begin && (!end || key < *end);
  }

  bool empty() const {
    return end && *end <= begin;
  }

  /// True if the range was made of one key: its end is `begin` and a zero byte.
  bool single() const;

  friend bool operator==(const key_range&, const key_range&) = default;
};

} // namespace troupe::mvcc
