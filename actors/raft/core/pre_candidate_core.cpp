#include "actors/raft/core/pre_candidate_core.hpp"

#include "actors/raft/core/term_rules.hpp"
#include "messages/ensure.hpp"

#include <utility>

namespace troupe::raft {

pre_candidate_core::pre_candidate_core(replica state) : role_core(std::move(state)) {
  ensure(state_.may_campaign(), "only a voter campaigns");
}

output pre_candidate_core::start() {
  return ask();
}

output pre_candidate_core::on(const request_vote& rpc) {
  output step;
  if (rpc.pre) {
    step.to_send_durable.push_back(answer_pre_vote(state_, rpc, false));
    return finish(std::move(step));
  }
  const auto order = compare(rpc.term, state_.term());
  if (order == term_order::newer || (order == term_order::current && may_vote_for(state_, rpc)))
    return follow(true);
  step.to_send_durable.push_back(deny_vote(state_, rpc));
  return finish(std::move(step));
}

output pre_candidate_core::on(const request_vote_reply& reply) {
  if (!reply.pre || !reply.granted)
    return compare(reply.term, state_.term()) == term_order::newer ? follow(true) : finish({});
  if (reply.term == state_.term() + 1)
    votes_.insert(reply.voter);
  auto step = finish({});
  if (is_quorum(state_.voters(), [&](member_id id) { return votes_.contains(id); }))
    step.next_role = role_change{raft_role::candidate, std::move(state_)};
  return step;
}

output pre_candidate_core::on(const append& rpc) {
  if (compare(rpc.term, state_.term()) != term_order::stale)
    return follow(true);
  output step;
  step.to_send_durable.push_back(refuse_append(state_, rpc));
  return finish(std::move(step));
}

output pre_candidate_core::on(const append_reply& reply) {
  if (compare(reply.term, state_.term()) == term_order::newer)
    return follow(true);
  return finish({});
}

output pre_candidate_core::on(const persisted& done) {
  state_.on_persisted(done);
  return finish({});
}

output pre_candidate_core::on(const tick&) {
  return ++waited_ < election_timeout_ ? finish({}) : ask();
}

output pre_candidate_core::on(const link_found& link) {
  output step;
  if (state_.voters().contains(link.peer) && !votes_.contains(link.peer))
    step.to_send_now.push_back(ask_for_vote(state_, link.peer, true, false));
  return finish(std::move(step));
}

output pre_candidate_core::ask() {
  votes_ = {state_.id()};
  waited_ = 0;
  election_timeout_ = state_.draw_election_timeout();
  output step;
  step.to_send_now = ask_for_votes(state_, true, false);
  return finish(std::move(step));
}

output pre_candidate_core::follow(bool repeat) {
  auto step = finish({});
  step.next_role = step_down(std::move(state_), repeat);
  return step;
}

} // namespace troupe::raft
