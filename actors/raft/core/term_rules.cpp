#include "actors/raft/core/term_rules.hpp"

#include <utility>

namespace troupe::raft {

term_order compare(term_t theirs, term_t ours) {
  if (theirs == ours)
    return term_order::current;
  return theirs < ours ? term_order::stale : term_order::newer;
}

role_change step_down(replica state) {
  return {raft_role::follower, std::move(state), true};
}

bool may_vote_for(const replica& state, const request_vote& rpc) {
  const auto vote = state.hard().voted_for;
  return (vote == member_id{} || vote == rpc.candidate) && rpc.last >= state.log().last();
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

propose_refused refuse(const propose& request, errc reason) {
  propose_refused result{.counters = {}, .reason = reason};
  for (const auto& proposal : request.proposals)
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
    before = next.id;
  }
  return before.term <= rpc.term;
}

} // namespace troupe::raft
