#include "actors/edge/byte_queue.hpp"

#include "messages/ensure.hpp"

#include <utility>

namespace troupe {

namespace {

// Small pieces share the memory of one of this size; larger ones are worth a piece of their own.
constexpr std::size_t piece_bytes = 4'096;

} // namespace

void byte_queue::append(std::string_view bytes) {
  if (bytes.empty())
    return;
  if (pieces_.empty() || pieces_.back().size() + bytes.size() > piece_bytes)
    pieces_.emplace_back();
  pieces_.back().append(bytes);
  bytes_ += bytes.size();
}

void byte_queue::append(std::string&& bytes) {
  if (bytes.size() < piece_bytes)
    return append(std::string_view{bytes});
  bytes_ += bytes.size();
  pieces_.push_back(std::move(bytes));
}

std::string_view byte_queue::front() const {
  return empty() ? std::string_view{} : std::string_view{pieces_.front()}.substr(offset_);
}

void byte_queue::move_to(std::vector<char>& to, std::size_t length) {
  ensure(length <= bytes_, "only what is there is sent");
  while (length > 0) {
    auto part = front().substr(0, length);
    to.insert(to.end(), part.begin(), part.end());
    length -= part.size();
    bytes_ -= part.size();
    offset_ += part.size();
    if (offset_ == pieces_.front().size()) {
      pieces_.pop_front();
      offset_ = 0;
    }
  }
}

void byte_queue::clear() {
  pieces_.clear();
  offset_ = 0;
  bytes_ = 0;
}

} // namespace troupe
