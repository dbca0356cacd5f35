#pragma once

#include "actors/sim/network.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <ostream>
#include <string>
#include <string_view>

namespace troupe::sim {

/// One thing that happened, for the timeline: a message between two nodes, or a mark on one.
struct trace_event {
  enum class type : std::uint8_t { delivered, lost, fault, role, client };

  type kind = type::delivered;
  sim_time sent{0};
  /// When it arrived or happened.
  sim_time at{0};
  node_number from = 0;
  node_number to = 0;
  std::string text;
};

/// What happened in a run, line by line: the same for the same seed. The last lines and events are
/// kept; all of them count in the hash.
class trace {
public:
  /// @param sink gets every line, too; may be null. Outlives the trace.
  explicit trace(std::ostream* sink) : sink_(sink) {}

  void line(sim_time now, std::string_view text);
  void event(trace_event what);

  /// FNV-1a of all lines.
  std::uint64_t hash() const {
    return hash_;
  }

  std::uint64_t lines() const {
    return lines_;
  }

  const std::deque<std::string>& last_lines() const {
    return last_lines_;
  }

  const std::deque<trace_event>& last_events() const {
    return last_events_;
  }

private:
  static constexpr std::size_t kept_lines = 200;
  static constexpr std::size_t kept_events = 4000;

  std::ostream* sink_;
  std::uint64_t hash_ = 14695981039346656037U;
  std::uint64_t lines_ = 0;
  std::deque<std::string> last_lines_;
  std::deque<trace_event> last_events_;
};

} // namespace troupe::sim
