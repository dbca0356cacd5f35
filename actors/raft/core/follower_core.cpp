#include "actors/raft/core/follower_core.hpp"

#include "actors/raft/core/term_rules.hpp"
#include "messages/ensure.hpp"

#include <algorithm>
#include <utility>

namespace troupe::raft {

follower_core::follower_core(replica state)
    : state_(std::move(state)), election_timeout_(state_.draw_election_timeout()) {}

output follower_core::start() {
  return finish({});
}

output follower_core::on(const request_vote& rpc) {
  output step;
  adopt_if_newer(rpc.term);
  if (compare(rpc.term, state_.term()) == term_order::stale || !may_vote_for(state_, rpc)) {
    step.to_send_durable.push_back(deny_vote(state_, rpc));
    return finish(std::move(step));
  }
  state_.vote_for(rpc.candidate);
  waited_ = 0;
  step.to_send_durable.push_back(
    {rpc.candidate, request_vote_reply{state_.term(), state_.id(), true}});
  return finish(std::move(step));
}

output follower_core::on(const request_vote_reply& reply) {
  adopt_if_newer(reply.term);
  return finish({});
}

output follower_core::on(const append& rpc) {
  output step;
  if (compare(rpc.term, state_.term()) == term_order::stale) {
    step.to_send_durable.push_back(refuse_append(state_, rpc));
    return finish(std::move(step));
  }
  if (!is_well_formed(rpc))
    return finish(std::move(step));
  adopt_if_newer(rpc.term);
  hear_from(rpc.leader);

  const auto& log = state_.log();
  append_reply reply{.term = state_.term(),
                     .follower = state_.id(),
                     .success = false,
                     .match = {},
                     .read_round = rpc.read_round};
  // What lies before the kept tail is applied here, so it equals the leader's (paper 5.4.3).
  if (rpc.prev.index >= log.before_first().index && !log.holds(rpc.prev)) {
    reply.match = meeting_hint(rpc.prev);
  } else {
    take_entries(rpc);
    const auto last = rpc.prev.index + rpc.entries.size();
    // Only what this leader has shown to be equal, however long our log is.
    state_.commit_to(std::min(rpc.commit, last));
    reply.success = true;
    reply.match = last;
  }
  step.to_send_durable.push_back({rpc.leader, reply});
  return finish(std::move(step));
}

output follower_core::on(const append_reply& reply) {
  adopt_if_newer(reply.term);
  return finish({});
}

output follower_core::on(const persisted& done) {
  state_.on_persisted(done);
  return finish({});
}

output follower_core::on(const applied& done) {
  state_.on_applied(done.upto);
  return finish({});
}

output follower_core::on(const tick&) {
  if (!state_.is_voter() || ++waited_ < election_timeout_)
    return finish({});
  auto step = finish({});
  step.next_role = role_change{raft_role::candidate, std::move(state_)};
  return step;
}

output follower_core::on(const propose& request) {
  output step;
  step.refused.push_back(refuse(request, errc::not_leader));
  return finish(std::move(step));
}

output follower_core::on(const read_index_request& request) {
  output step;
  step.reads.push_back({request.round, errc::not_leader, {}});
  return finish(std::move(step));
}

raft_status follower_core::status() const {
  return {raft_role::follower, state_.term(), leader_, state_.commit_index(),
          state_.log().last().index};
}

output follower_core::finish(output step) {
  state_.finish(step);
  return step;
}

void follower_core::adopt_if_newer(term_t theirs) {
  if (compare(theirs, state_.term()) != term_order::newer)
    return;
  state_.adopt(theirs);
  leader_ = {};
}

void follower_core::hear_from(member_id leader) {
  ensure(leader_ == member_id{} || leader_ == leader, "one leader per term");
  leader_ = leader;
  waited_ = 0;
  election_timeout_ = state_.draw_election_timeout();
}

void follower_core::take_entries(const append& rpc) {
  for (const auto& next : rpc.entries) {
    if (next.id.index <= state_.log().before_first().index || state_.log().holds(next.id))
      continue;
    if (next.id.index <= state_.log().last().index)
      state_.cut_from(next.id.index);
    state_.append(next);
  }
}

log_index follower_core::meeting_hint(entry_id prev) const {
  // An entry of a newer term than the leader's at `prev` cannot be in the leader's log before it.
  const auto& log = state_.log();
  auto hint = std::min(prev.index - 1, log.last().index);
  while (hint > state_.commit_index() && log.term_at(hint).value() > prev.term)
    hint = hint - 1;
  return hint;
}

} // namespace troupe::raft
