#pragma once

#include "messages/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace troupe::raft {

/// How much may be on its way to one follower (checklist 17).
struct flight_limits {
  std::size_t appends;
  /// Passed by one append at most.
  std::size_t bytes;
};

/// What a leader knows about one follower's log.
///
///   probe --accepted--> replicate        probe: where do the logs meet? one append at a time
///     ^ ^                   |            replicate: appends follow each other unanswered
///     | +-rejected, link lost            snapshot: one is under way; heartbeats only
///   sent or failed
///     |
///   snapshot <--- the next entry is not kept any more
struct progress {
  enum class mode : std::uint8_t { probe, replicate, snapshot };

  mode state = mode::probe;
  /// The next entry to send (paper figure 2, nextIndex); above `match_index`.
  log_index next_index;
  /// The follower's log equals ours up to here, on its disk (matchIndex). Never falls.
  log_index match_index;
  /// The highest commit index it was sent; what is lost is repeated by the heartbeat.
  log_index commit_sent;
  /// The newest read round it answered in this term.
  std::uint64_t read_round = 0;
  /// The leader's tick in which it last answered anything, or became a follower.
  std::uint64_t heard_at = 0;
  /// It has answered in this term.
  bool has_answered = false;
  /// No snapshot is asked for before this tick: the last one failed.
  std::uint64_t snapshot_not_before = 0;
  /// A snapshot was asked for, and entries behind this index are kept for it until it has caught
  /// up.
  bool catching_up = false;
  log_index kept_behind;
  /// It is not in the configuration any more and only has to hear so: until this tick at most.
  bool leaving = false;
  std::uint64_t leaves_at = 0;

  /// Whether an append with entries may leave now.
  bool may_send_entries(const flight_limits& limits) const;

  /// An append with entries up to `last` has left.
  void on_sent(log_index last, std::size_t bytes);

  /// @param match what the follower says is equal and on its disk.
  /// @param before_first what is kept begins behind it.
  void on_accepted(log_index match, log_index before_first);

  /// @param hint the last index at which the logs may still meet.
  void on_rejected(log_index hint);

  /// A heartbeat is due: what was sent may be lost, so probing goes on.
  void on_heartbeat();

  /// What was on its way is lost.
  void on_link_lost();

  /// A snapshot is asked for; it will hold everything up to `applied` at least.
  void on_snapshot_wanted(log_index applied);

  /// The follower has a snapshot up to `at`.
  void on_snapshot_installed(log_index at);

  /// @param again the first tick in which another one may be asked for.
  void on_snapshot_failed(std::uint64_t again);

private:
  struct flight {
    log_index last;
    std::size_t bytes;
  };

  void probe_from(log_index next);

  bool probe_sent_ = false;
  /// The appends that have not been answered.
  std::deque<flight> in_flight_;
  std::size_t bytes_in_flight_ = 0;
};

} // namespace troupe::raft
