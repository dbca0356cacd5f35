#pragma once

#include "actors/edge/http_rules.hpp"
#include "actors/metrics/rpc_counters.hpp"

#include <cstddef>
#include <memory>

namespace troupe {

/// What the connections of one edge share: the bytes they hold together and how many they may,
/// where their calls are counted, and what goes over HTTP/1.1.
struct edge_shared {
  /// Parts of requests that are not complete, and open streams. Beyond it a connection that holds
  /// more than its fair share of them loses the request with which it grows: "too many requests".
  std::size_t requests = 0;
  std::size_t max_requests = 268'435'456;
  /// Answers not yet sent. Beyond it new calls of a connection that holds more than its fair share
  /// of them get "too many requests", as do requests for the gateway over HTTP/1.1, where each
  /// connection has only one answer. Bytes that several answers share count for each.
  std::size_t answers = 0;
  std::size_t max_answers = 1'073'741'824;
  /// Null: nowhere.
  std::shared_ptr<metrics::rpc_counters> calls;
  http_rules http;

  /// Whether a connection that holds `held` of a `total` shall take no more: beyond `max`, if it
  /// holds more than a sixteenth of that, so that a few cannot shut out the others; beyond twice as
  /// much, in any case.
  static bool refuses(std::size_t total, std::size_t max, std::size_t held) {
    return total > max && (held > max / 16 || total / 2 > max);
  }
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
