#pragma once

#include "actors/raft/core/leader_core.hpp"
#include "test/actors/raft/core_builder.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace troupe::raft {

/// Leads term `from.term`, for which it voted for itself; the entry that opens the term is asked
/// for, but neither on its disk nor acknowledged.
struct leading {
  explicit leading(standing from) : core{make_replica(with_own_vote(std::move(from)))} {
    opening = core.start();
  }

  static standing with_own_vote(standing from) {
    from.voted_for = us;
    return from;
  }

  output accepted(std::uint64_t match, member_id by = second, std::uint64_t read_round = 0) {
    return core.on(append_reply{.term = core.state().term(),
                                .follower = by,
                                .success = true,
                                .match = {match},
                                .read_round = read_round});
  }

  output rejected(std::uint64_t hint, member_id by = second) {
    return core.on(
      append_reply{.term = core.state().term(), .follower = by, .success = false, .match = {hint}});
  }

  output proposed(std::string payload, std::uint64_t counter = 1) {
    return core.on(propose{{{.counter = counter, .payload = blob{std::move(payload)}}}});
  }

  output written(const output& step) {
    return core.on(raft::written(step, core.state()));
  }

  leader_core core;
  output opening;
};

inline std::size_t entries_sent(const output& step, member_id to) {
  std::size_t count = 0;
  for (const auto& rpc : sent<append>(step, to, false))
    count += rpc.entries.size();
  return count;
}

/// A leader of three that has committed the first entry of its term.
struct established : leading {
  explicit established(standing from = {.term = 1}) : leading{std::move(from)} {
    written(opening);
    accepted(1, second);
    accepted(1, third);
  }

  std::uint64_t round_asked(const output& step) {
    return sent<append>(step, second, false).at(0).read_round;
  }
};

} // namespace troupe::raft
