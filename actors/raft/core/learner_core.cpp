#include "actors/raft/core/learner_core.hpp"

#include <utility>

namespace troupe::raft {

learner_core::learner_core(replica state) : following_core(std::move(state), raft_role::learner) {}

output learner_core::on(const tick&) {
  output step;
  wait(step);
  if (waited_ >= election_timeout_)
    lose_leader(step);
  return finish(std::move(step));
}

output learner_core::on(const link_lost& link) {
  output step;
  if (link.peer == state_.leader())
    lose_leader(step);
  return finish(std::move(step));
}

} // namespace troupe::raft
