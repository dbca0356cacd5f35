#pragma once

#include <atomic>
#include <cstdint>

namespace troupe {

/// A number that one thread writes and any thread reads.
class edge_counter {
public:
  void add(std::uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  void set(std::uint64_t n) {
    value_.store(n, std::memory_order_relaxed);
  }

  void raise_to(std::uint64_t n) {
    if (n > value_.load(std::memory_order_relaxed))
      set(n);
  }

  std::uint64_t get() const {
    return value_.load(std::memory_order_relaxed);
  }

private:
  std::atomic<std::uint64_t> value_ = 0;
};

/// What an edge did so far; written by its multiplexer thread, read by metrics.
struct edge_counters {
  edge_counter connections_accepted;
  edge_counter connections_open;
  /// Closed by the edge for misbehaviour: floods, stalls, timeouts.
  edge_counter connections_cut;
  edge_counter bytes_received;
  /// Handed to the kernel.
  edge_counter bytes_sent;
  /// Requests and messages handed on, in `batches` messages.
  edge_counter events;
  edge_counter batches;
  edge_counter answers;
  edge_counter http_requests;
  /// How late the last tick came, and the latest ever.
  edge_counter loop_lag_microseconds;
  edge_counter max_loop_lag_microseconds;
  /// Ticks at which no connection was accepted because of the limits.
  edge_counter accept_pauses;
  /// Held at the last tick: bytes of unfinished requests and of unsent answers.
  edge_counter request_bytes_held;
  edge_counter answer_bytes_held;
};

} // namespace troupe
