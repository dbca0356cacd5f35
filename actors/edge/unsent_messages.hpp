#pragma once

#include "messages/blob.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace troupe {

/// Messages of one stream on their way to the client, each behind its gRPC prefix (a zero byte and
/// the length in four bytes, big endian). Messages are shared, not copied, until their bytes leave.
class unsent_messages {
public:
  static constexpr std::size_t prefix_size = 5;

  /// One message: the bytes of `head`, then those of `tail`.
  void push(blob head, blob tail);

  /// Bytes left, prefixes included.
  std::size_t bytes() const {
    return bytes_;
  }

  /// True if no message was added since the last one left.
  bool empty() const {
    return bytes_ == 0;
  }

  /// Appends the next `length` bytes to `to`; there must be as many.
  void move_to(std::vector<char>& to, std::size_t length);

  void clear();

private:
  struct message {
    blob head;
    blob tail;

    std::size_t size() const {
      return head.size() + tail.size();
    }

    /// The rest of the part that holds byte `at` of the framed message.
    std::string_view from(std::size_t at, std::string_view prefix) const;
  };

  /// The first `first_` of them are done.
  std::vector<message> messages_;
  std::size_t first_ = 0;
  /// Bytes of the first message that have left, its prefix included.
  std::size_t offset_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace troupe
