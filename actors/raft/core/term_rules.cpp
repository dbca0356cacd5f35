#include "actors/raft/core/term_rules.hpp"

#include <algorithm>
#include <utility>

namespace troupe::raft {

term_order compare(term_t theirs, term_t ours) {
  if (theirs == ours)
    return term_order::current;
  return theirs < ours ? term_order::stale : term_order::newer;
}

raft_role passive_role(const replica& state) {
  return state.may_campaign() ? raft_role::follower : raft_role::learner;
}

role_change step_down(replica state, bool repeat) {
  state.forget_leader();
  const auto role = passive_role(state);
  return {role, std::move(state), repeat};
}

bool may_vote_for(const replica& state, const request_vote& rpc) {
  const auto vote = state.hard().voted_for;
  return (vote == member_id{} || vote == rpc.candidate) && rpc.last >= state.log().last();
}

envelope answer_pre_vote(const replica& state, const request_vote& rpc, bool hears_leader) {
  const auto order = compare(rpc.term, state.term());
  const bool free = order == term_order::newer
                      ? rpc.last >= state.log().last()
                      : order == term_order::current && may_vote_for(state, rpc);
  const bool granted = free && !hears_leader;
  // A denial tells who is behind our term.
  return {rpc.candidate,
          request_vote_reply{granted ? rpc.term : state.term(), state.id(), granted, true}};
}

envelope ask_for_vote(const replica& state, member_id voter, bool pre, bool transfer) {
  return {voter, request_vote{.term = pre ? state.term() + 1 : state.term(),
                              .candidate = state.id(),
                              .last = state.log().last(),
                              .pre = pre,
                              .transfer = transfer}};
}

std::vector<envelope> ask_for_votes(const replica& state, bool pre, bool transfer) {
  std::vector<envelope> result;
  const auto& [incoming, outgoing] = state.voters();
  for (auto voter : incoming)
    if (voter != state.id())
      result.push_back(ask_for_vote(state, voter, pre, transfer));
  for (auto voter : outgoing)
    if (voter != state.id() && !std::ranges::binary_search(incoming, voter))
      result.push_back(ask_for_vote(state, voter, pre, transfer));
  return result;
}

envelope deny_vote(const replica& state, const request_vote& rpc) {
  return {rpc.candidate, request_vote_reply{state.term(), state.id(), false}};
}

envelope refuse_append(const replica& state, const append& rpc) {
  return {rpc.leader, append_reply{.term = state.term(),
                                   .follower = state.id(),
                                   .success = false,
                                   .match = state.commit_index(),
                                   .read_round = rpc.read_round}};
}

propose_refused refuse(const std::vector<proposal>& proposals, errc reason) {
  propose_refused result{.counters = {}, .reason = reason};
  for (const auto& proposal : proposals)
    result.counters.push_back(proposal.counter);
  return result;
}

bool is_well_formed(const append& rpc) {
  auto before = rpc.prev;
  if (before.index == log_index{} && before.term != term_t{})
    return false;
  for (const auto& next : rpc.entries) {
    if (next.id.index != before.index + 1 || next.id.term < before.term)
      return false;
    if (next.kind == entry_kind::configuration && !decode_configuration(next.payload))
      return false;
    before = next.id;
  }
  return before.term <= rpc.term;
}

} // namespace troupe::raft
