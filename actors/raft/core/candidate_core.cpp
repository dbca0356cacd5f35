#include "actors/raft/core/candidate_core.hpp"

#include "actors/raft/core/quorum.hpp"
#include "actors/raft/core/term_rules.hpp"
#include "messages/ensure.hpp"

#include <utility>

namespace troupe::raft {

candidate_core::candidate_core(replica state) : state_(std::move(state)) {
  ensure(state_.is_voter(), "only a voter campaigns");
}

output candidate_core::start() {
  return campaign();
}

output candidate_core::on(const request_vote& rpc) {
  if (compare(rpc.term, state_.term()) == term_order::newer)
    return follow();
  output step;
  step.to_send_durable.push_back(deny_vote(state_, rpc));
  return finish(std::move(step));
}

output candidate_core::on(const request_vote_reply& reply) {
  switch (compare(reply.term, state_.term())) {
  case term_order::newer:
    return follow();
  case term_order::stale:
    return finish({});
  case term_order::current:
    break;
  }
  if (reply.granted)
    votes_.insert(reply.voter);
  return lead_if_elected({});
}

output candidate_core::on(const append& rpc) {
  if (compare(rpc.term, state_.term()) != term_order::stale)
    return follow();
  output step;
  step.to_send_durable.push_back(refuse_append(state_, rpc));
  return finish(std::move(step));
}

output candidate_core::on(const append_reply& reply) {
  if (compare(reply.term, state_.term()) == term_order::newer)
    return follow();
  return finish({});
}

output candidate_core::on(const persisted& done) {
  state_.on_persisted(done);
  if (state_.durable_batch() >= own_vote_batch_)
    votes_.insert(state_.id());
  return lead_if_elected({});
}

output candidate_core::on(const applied& done) {
  state_.on_applied(done.upto);
  return finish({});
}

output candidate_core::on(const tick&) {
  // An only voter waits for nothing but its own disk, and a new term would not make that faster.
  if (state_.is_only_voter() || ++waited_ < election_timeout_)
    return finish({});
  return campaign();
}

output candidate_core::on(const propose& request) {
  output step;
  step.refused.push_back(refuse(request, errc::not_leader));
  return finish(std::move(step));
}

output candidate_core::on(const read_index_request& request) {
  output step;
  step.reads.push_back({request.round, errc::not_leader, {}});
  return finish(std::move(step));
}

raft_status candidate_core::status() const {
  return {
    raft_role::candidate, state_.term(), {}, state_.commit_index(), state_.log().last().index};
}

output candidate_core::finish(output step) {
  state_.finish(step);
  return step;
}

output candidate_core::follow() {
  auto step = finish({});
  step.next_role = step_down(std::move(state_));
  return step;
}

output candidate_core::campaign() {
  state_.adopt(state_.term() + 1);
  state_.vote_for(state_.id());
  own_vote_batch_ = state_.batch();
  votes_.clear();
  waited_ = 0;
  election_timeout_ = state_.draw_election_timeout();
  output step;
  for (auto voter : state_.config().voters)
    if (voter != state_.id())
      step.to_send_durable.push_back(
        {voter, request_vote{state_.term(), state_.id(), state_.log().last()}});
  return finish(std::move(step));
}

output candidate_core::lead_if_elected(output step) {
  step = finish(std::move(step));
  // Our own vote has to be on disk even if the others suffice: else a crash could undo it.
  if (votes_.contains(state_.id()) && is_quorum(state_.config().voters, votes_))
    step.next_role = role_change{raft_role::leader, std::move(state_)};
  return step;
}

} // namespace troupe::raft
