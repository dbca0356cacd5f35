#pragma once

#include "actors/metrics/rpc_counters.hpp"

#include <cstddef>
#include <memory>

namespace troupe {

/// What the connections of one edge share: the bytes they hold together and how many they may, and
/// where their calls are counted.
struct edge_shared {
  /// Parts of requests that are not complete. A connection that goes beyond loses the request with
  /// which it did: "too many requests".
  std::size_t requests = 0;
  std::size_t max_requests = 268'435'456;
  /// Answers not yet sent. Beyond it new calls get "too many requests". Bytes that several answers
  /// share count for each.
  std::size_t answers = 0;
  std::size_t max_answers = 1'073'741'824;
  /// Null: nowhere.
  std::shared_ptr<metrics::rpc_counters> calls;
};

/// What one connection holds of a total; leaves the total when it ends.
class byte_share {
public:
  /// `total` outlives the share.
  explicit byte_share(std::size_t& total) : total_(total) {}

  byte_share(const byte_share&) = delete;
  byte_share& operator=(const byte_share&) = delete;

  ~byte_share() {
    total_ -= bytes_;
  }

  void set(std::size_t bytes) {
    total_ += bytes - bytes_;
    bytes_ = bytes;
  }

  void add(std::size_t bytes) {
    set(bytes_ + bytes);
  }

  /// There must be as many.
  void remove(std::size_t bytes) {
    set(bytes_ - bytes);
  }

  std::size_t bytes() const {
    return bytes_;
  }

private:
  std::size_t& total_;
  std::size_t bytes_ = 0;
};

} // namespace troupe
