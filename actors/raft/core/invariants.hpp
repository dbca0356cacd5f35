#pragma once

#include "actors/raft/core/replica.hpp"

namespace troupe::raft {

class leader_core;

/// Checks a member's whole state, every kept entry included. @throws invariant_error naming the
/// fact that does not hold.
void check(const replica& state);

/// The same for a leader, with what it believes about its followers.
void check(const leader_core& leader);

/// `check` in debug builds; walking the log after each step is too dear elsewhere.
template <class State>
void check_after_step([[maybe_unused]] const State& state) {
#ifdef TROUPE_CHECK_EACH_STEP
  check(state);
#endif
}

} // namespace troupe::raft
