#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Bytes on their way to the client, in the order in which they were added. What is large is taken
/// over, not copied, until it leaves.
class byte_queue {
public:
  void append(std::string_view bytes);

  /// As `append`, but takes over the memory unless there is little in it.
  void append(std::string&& bytes);

  void append(const char* text) {
    append(std::string_view{text});
  }

  std::size_t bytes() const {
    return bytes_;
  }

  bool empty() const {
    return bytes_ == 0;
  }

  /// What leaves first, as far as it lies together; empty if nothing is left.
  std::string_view front() const;

  /// Moves the first `length` bytes to the end of `to`; there must be as many.
  void move_to(std::vector<char>& to, std::size_t length);

  void clear();

private:
  std::deque<std::string> pieces_;
  /// Bytes of the first piece that have left.
  std::size_t offset_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace troupe
