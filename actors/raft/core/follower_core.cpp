#include "actors/raft/core/follower_core.hpp"

#include <utility>

namespace troupe::raft {

follower_core::follower_core(replica state)
    : following_core(std::move(state), raft_role::follower) {}

output follower_core::on(const tick&) {
  output step;
  wait(step);
  if (waited_ < election_timeout_)
    return finish(std::move(step));
  lose_leader(step);
  const bool asks_first = state_.config().pre_vote && !state_.is_only_voter();
  step = finish(std::move(step));
  return end(std::move(step),
             {asks_first ? raft_role::pre_candidate : raft_role::candidate, std::move(state_)});
}

output follower_core::on(const timeout_now& rpc) {
  auto step = finish({});
  // Whoever does not know this leader does not have its log either.
  if (rpc.term != state_.term() || rpc.leader != state_.leader())
    return step;
  state_.forget_leader();
  return end(std::move(step), {.role = raft_role::candidate,
                               .state = std::move(state_),
                               .repeat_message = false,
                               .transfer = true});
}

output follower_core::on(const link_lost& link) {
  output step;
  if (link.peer == state_.leader()) {
    lose_leader(step);
    waited_ = 0;
    election_timeout_ = state_.draw_short_pause();
  }
  return finish(std::move(step));
}

} // namespace troupe::raft
