#include "actors/edge/unsent_messages.hpp"

#include "messages/ensure.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace troupe {

namespace {

// A stream that once had many messages waiting does not keep the room for them.
constexpr std::size_t max_kept_places = 16;

std::array<char, unsent_messages::prefix_size> prefix_of(std::size_t size) {
  auto n = static_cast<std::uint32_t>(size);
  return {0, static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
          static_cast<char>(n)};
}

} // namespace

void unsent_messages::push(blob head, blob tail) {
  message added{std::move(head), std::move(tail)};
  ensure(added.size() <= UINT32_MAX, "a message fits its gRPC prefix");
  bytes_ += prefix_size + added.size();
  messages_.push_back(std::move(added));
}

std::string_view unsent_messages::message::from(std::size_t at, std::string_view prefix) const {
  if (at < prefix_size)
    return prefix.substr(at);
  at -= prefix_size;
  return at < head.size() ? head.view().substr(at) : tail.view().substr(at - head.size());
}

void unsent_messages::move_to(std::vector<char>& to, std::size_t length) {
  ensure(length <= bytes_, "only what is there is sent");
  bytes_ -= length;
  while (length > 0) {
    const auto& message = messages_[first_];
    auto prefix = prefix_of(message.size());
    auto part = message.from(offset_, {prefix.data(), prefix_size}).substr(0, length);
    to.insert(to.end(), part.begin(), part.end());
    length -= part.size();
    offset_ += part.size();
    if (offset_ == prefix_size + message.size()) {
      messages_[first_++] = {};
      offset_ = 0;
    }
  }
  if (bytes_ == 0) {
    clear();
  } else if (first_ > max_kept_places && first_ > messages_.size() / 2) {
    // The places of what has left: a stream whose client is always a little behind never clears.
    messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void unsent_messages::clear() {
  messages_.clear();
  if (messages_.capacity() > max_kept_places)
    messages_.shrink_to_fit();
  first_ = 0;
  offset_ = 0;
  bytes_ = 0;
}

} // namespace troupe
