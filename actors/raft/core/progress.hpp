#pragma once

#include "messages/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace troupe::raft {

/// What a leader knows about one follower's log.
///
///   probe --accepted--> replicate        probe: where do the logs meet? one append at a time
///     ^                     |            replicate: appends follow each other unanswered
///     +------rejected-------+
struct progress {
  enum class mode : std::uint8_t { probe, replicate };

  mode state = mode::probe;
  /// The next entry to send (paper figure 2, nextIndex); above `match_index`.
  log_index next_index;
  /// The follower's log equals ours up to here, on its disk (matchIndex). Never falls.
  log_index match_index;
  /// The highest commit index it was sent; what is lost is repeated by the heartbeat.
  log_index commit_sent;
  /// The newest read round it answered in this term.
  std::uint64_t read_round = 0;

  /// Whether an append with entries may leave now.
  bool may_send_entries(std::size_t limit) const;

  /// An append with entries up to `last` has left.
  void on_sent(log_index last);

  /// @param match what the follower says is equal and on its disk.
  void on_accepted(log_index match);

  /// @param hint the last index at which the logs may still meet.
  void on_rejected(log_index hint);

  /// A heartbeat is due: what was sent may be lost, so probing goes on.
  void on_heartbeat();

private:
  bool probe_sent_ = false;
  /// The last index of each append that has not been answered.
  std::deque<log_index> in_flight_;
};

} // namespace troupe::raft
