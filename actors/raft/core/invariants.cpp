#include "actors/raft/core/invariants.hpp"

#include "actors/raft/core/leader_core.hpp"
#include "messages/ensure.hpp"

namespace troupe::raft {

void check(const replica& state) {
  const auto& log = state.log();
  ensure(log.before_first().index <= state.applied_index(), "only applied entries are forgotten");
  ensure(state.applied_index() <= state.delivered_index(), "nothing is applied before its time");
  ensure(state.delivered_index() <= state.commit_index(), "only committed entries are applied");
  ensure(state.commit_index() <= log.last().index, "what is committed is in the log");
  ensure(state.durable_index() <= log.last().index, "what is durable is in the log");
  ensure(state.hard().commit <= state.commit_index(), "the commit hint is not ahead of the truth");
  ensure(state.durable_batch() <= state.batch(), "storage answers what it was asked");
  ensure(state.membership().at <= log.last().index, "the configuration in force is in the log");
  auto before = log.before_first();
  for (auto i = before.index + 1; i <= log.last().index; i = i + 1) {
    const auto& id = log.at(i).id;
    ensure(id.index == i, "each entry is where its index says");
    ensure(id.term >= before.term, "terms never fall along the log");
    before = id;
  }
  ensure(before.term <= state.term(), "no entry is of a term we have not seen");
}

void check(const leader_core& leader) {
  check(leader.state());
  const auto last = leader.state().log().last().index;
  ensure(leader.state().hard().voted_for == leader.state().id(), "a leader voted for itself");
  for (const auto& [id, follower] : leader.followers()) {
    ensure(id != leader.state().id(), "a leader does not follow itself");
    ensure(follower.match_index < follower.next_index, "what matches is not sent again");
    ensure(follower.next_index <= last + 1, "only what exists is sent");
    ensure(follower.leaving != leader.state().membership().what.contains(id),
           "a leader follows the configuration in force");
  }
}

} // namespace troupe::raft
