#include "actors/raft/core/candidate_core.hpp"

#include "actors/raft/core/term_rules.hpp"
#include "messages/ensure.hpp"

#include <utility>

namespace troupe::raft {

candidate_core::candidate_core(replica state, bool transfer)
    : role_core(std::move(state)), transfer_(transfer) {
  ensure(state_.may_campaign(), "only a voter campaigns");
}

output candidate_core::start() {
  return campaign();
}

output candidate_core::on(const request_vote& rpc) {
  output step;
  if (rpc.pre) {
    step.to_send_durable.push_back(answer_pre_vote(state_, rpc, false));
    return finish(std::move(step));
  }
  if (compare(rpc.term, state_.term()) == term_order::newer)
    return follow();
  step.to_send_durable.push_back(deny_vote(state_, rpc));
  return finish(std::move(step));
}

output candidate_core::on(const request_vote_reply& reply) {
  if (reply.pre && reply.granted)
    return finish({});
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

output candidate_core::on(const tick&) {
  // An only voter waits for nothing but its own disk, and a new term would not make that faster.
  if (state_.is_only_voter() || ++waited_ < election_timeout_)
    return finish({});
  transfer_ = false;
  if (!state_.config().pre_vote)
    return campaign();
  auto step = finish({});
  step.next_role = role_change{raft_role::pre_candidate, std::move(state_)};
  return step;
}

output candidate_core::on(const link_found& link) {
  output step;
  if (state_.voters().contains(link.peer) && !votes_.contains(link.peer))
    step.to_send_durable.push_back(ask_for_vote(state_, link.peer, false, transfer_));
  return finish(std::move(step));
}

output candidate_core::follow() {
  auto step = finish({});
  step.next_role = step_down(std::move(state_), true);
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
  step.to_send_durable = ask_for_votes(state_, false, transfer_);
  return finish(std::move(step));
}

output candidate_core::lead_if_elected(output step) {
  step = finish(std::move(step));
  // Our own vote has to be on disk even if the others suffice: else a crash could undo it.
  if (votes_.contains(state_.id())
      && is_quorum(state_.voters(), [&](member_id id) { return votes_.contains(id); }))
    step.next_role = role_change{raft_role::leader, std::move(state_)};
  return step;
}

} // namespace troupe::raft
