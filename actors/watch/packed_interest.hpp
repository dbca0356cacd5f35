#pragma once

#include "actors/watch/watch_interest.hpp"

#include <cstdint>
#include <string>

namespace troupe::watch {

/// A `watch_interest` in half the room, and without memory of its own for a key of up to 15 bytes:
/// every watcher keeps one.
class packed_interest {
public:
  packed_interest() = default;
  explicit packed_interest(const watch_interest& interest);

  watch_interest unpack() const;

  bool puts() const {
    return (flags_ & with_puts) != 0;
  }

  bool deletions() const {
    return (flags_ & with_deletions) != 0;
  }

  bool previous() const {
    return (flags_ & with_previous) != 0;
  }

private:
  static constexpr std::uint8_t with_puts = 1;
  static constexpr std::uint8_t with_deletions = 2;
  static constexpr std::uint8_t with_previous = 4;
  static constexpr std::uint8_t single_key = 8;
  static constexpr std::uint8_t with_end = 16;

  /// The first key, and behind it the end of the range unless there is none or it follows from the
  /// key.
  std::string bytes_;
  std::uint32_t first_size_ = 0;
  std::uint8_t flags_ = with_puts | with_deletions;
};

} // namespace troupe::watch
