#pragma once

#include "actors/edge/connection.hpp"
#include "actors/edge/edge_config.hpp"

#include <caf/io/connection_handle.hpp>
#include <cstdint>
#include <memory>
#include <queue>
#include <unordered_map>
#include <vector>

namespace troupe {

/// One accepted connection and what the broker keeps beside it.
struct client {
  client(const connection_limits& limits, edge_shared& shared, call_id origin,
         caf::io::connection_handle h, std::string remote, time_point now)
      : link(limits, shared, origin, std::move(remote), now), handle(h), number(origin.connection),
        last_progress(now) {}

  connection link;
  caf::io::connection_handle handle;
  std::uint64_t number;
  /// Size of the read buffer.
  std::size_t read_bytes = 0;
  /// Bytes given to the socket's buffers and not yet taken by the kernel.
  std::size_t unsent = 0;
  /// When the kernel last took bytes, or when `unsent` rose from zero.
  time_point last_progress;
  /// Earliest entry of this client in the queue of checks.
  time_point scheduled = time_point::max();
  bool touched = false;
  /// It is in the multiplexer's loop for reading, as new ones are.
  bool reading = true;
  bool switching = false;
  /// We sent our last byte; at `closing_due` the client's patience with closing ends too.
  bool closing = false;
  time_point closing_due = time_point::max();
  /// What it sent after that.
  std::size_t ignored_bytes = 0;
};

/// The connections of an edge by handle and by number, and which of them is to be looked after
/// when.
class client_table {
public:
  /// `config` outlives the client.
  client& add(caf::io::connection_handle handle, const edge_config& config, std::string remote,
              time_point now);

  edge_shared& shared() {
    return shared_;
  }

  /// Null if there is none.
  client* find(caf::io::connection_handle handle);

  /// By `call_id::connection`, which is never reused; null once it is closed.
  client* find(std::uint64_t number);

  void remove(client& c);

  std::size_t size() const {
    return by_handle_.size();
  }

  /// Has `next_due` return this client once `when` has come, unless it will earlier.
  void check_at(client& c, time_point when);

  /// A client whose time has come; null if there is none left.
  client* next_due(time_point now);

  template <class F>
  void for_each(F f) {
    for (auto& slot : slots_)
      if (slot)
        f(*slot);
  }

private:
  // A number is a counter above the place in `slots_`.
  static constexpr unsigned slot_bits = 24;

  struct check {
    time_point when;
    std::uint64_t number;

    bool operator>(const check& other) const {
      return when > other.when;
    }
  };

  /// Outlives the clients.
  edge_shared shared_;
  std::vector<std::unique_ptr<client>> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t counter_ = 0;
  std::unordered_map<caf::io::connection_handle, client*> by_handle_;
  std::priority_queue<check, std::vector<check>, std::greater<>> checks_;
};

} // namespace troupe
