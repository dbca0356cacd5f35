#include "actors/raft/core/following_core.hpp"

#include "actors/raft/core/term_rules.hpp"

#include <algorithm>
#include <utility>

namespace troupe::raft {

following_core::following_core(replica state, raft_role role)
    : role_core(std::move(state)), role_(role), election_timeout_(state_.draw_election_timeout()) {}

output following_core::start() {
  return finish({});
}

output following_core::on(const request_vote& rpc) {
  output step;
  // The leader's own request shows that it does not lead any more.
  const bool disturbs = hears_leader() && rpc.candidate != state_.leader();
  if (rpc.pre) {
    step.to_send_durable.push_back(answer_pre_vote(state_, rpc, disturbs));
    return finish(std::move(step));
  }
  if (disturbs && !rpc.transfer) {
    step.to_send_durable.push_back(deny_vote(state_, rpc));
    return finish(std::move(step));
  }
  adopt_if_newer(rpc.term, step);
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

output following_core::on(const request_vote_reply& reply) {
  output step;
  if (!reply.pre || !reply.granted)
    adopt_if_newer(reply.term, step);
  return finish(std::move(step));
}

output following_core::on(const append& rpc) {
  output step;
  if (compare(rpc.term, state_.term()) == term_order::stale) {
    step.to_send_durable.push_back(refuse_append(state_, rpc));
    return finish(std::move(step));
  }
  if (!is_well_formed(rpc))
    return finish(std::move(step));
  adopt_if_newer(rpc.term, step);
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

output following_core::on(const append_reply& reply) {
  output step;
  adopt_if_newer(reply.term, step);
  return finish(std::move(step));
}

output following_core::on(const persisted& done) {
  state_.on_persisted(done);
  return finish({});
}

output following_core::on(const applied& done) {
  state_.on_applied(done.upto);
  return finish({});
}

output following_core::on(const propose& request) {
  output step;
  if (state_.leader() == member_id{})
    step.refused.push_back(refuse(request.proposals, errc::no_leader));
  else if (state_.commit_index() - state_.applied_index() > state_.config().unapplied_entries)
    step.refused.push_back(refuse(request.proposals, errc::too_many_requests));
  else
    forward(request, step);
  return finish(std::move(step));
}

output following_core::on(const read_index_request& request) {
  output step;
  if (state_.leader() == member_id{}) {
    step.reads.push_back({request.round, errc::no_leader, {}});
  } else if (reads_.size() >= state_.config().waiting_reads) {
    step.reads.push_back({request.round, errc::too_many_requests, {}});
  } else {
    reads_.push_back({request.round, 0});
    forward(reads_.back(), step);
  }
  return finish(std::move(step));
}

output following_core::on(const forward_read_reply& reply) {
  output step;
  auto asked = std::ranges::find(reads_, reply.round, &forwarded_read::round);
  // Each round has a number of its own: also an answer to an earlier attempt began after the read
  // (checklist 20).
  if (reply.boot == state_.hard().boot && asked != reads_.end()) {
    reads_.erase(asked);
    step.reads.push_back({reply.round, reply.error, reply.index});
  }
  return finish(std::move(step));
}

output following_core::on(const link_found& link) {
  output step;
  if (link.peer == state_.leader())
    for (const auto& read : reads_)
      forward(read, step);
  return finish(std::move(step));
}

output following_core::finish(output step) {
  state_.finish(step);
  if (passive_role(state_) == role_)
    return step;
  fail_reads(step);
  const auto next = passive_role(state_);
  step.next_role = role_change{next, std::move(state_)};
  return step;
}

output following_core::end(output step, role_change next) {
  fail_reads(step);
  step.next_role = std::move(next);
  return step;
}

bool following_core::hears_leader() const {
  return state_.leader() != member_id{} && waited_ < state_.config().election_timeout_ticks;
}

void following_core::wait(output& step) {
  ++waited_;
  const auto patience = state_.config().election_timeout_ticks;
  for (auto& read : reads_)
    if (++read.waited < patience && read.waited % (patience / 3 + 1) == 0)
      forward(read, step);
  std::erase_if(reads_, [&](const auto& read) {
    if (read.waited < patience)
      return false;
    step.reads.push_back({read.round, errc::leader_changed, {}});
    return true;
  });
}

void following_core::lose_leader(output& step) {
  state_.forget_leader();
  fail_reads(step);
}

void following_core::adopt_if_newer(term_t theirs, output& step) {
  if (compare(theirs, state_.term()) != term_order::newer)
    return;
  state_.adopt(theirs);
  fail_reads(step);
}

void following_core::hear_from(member_id leader) {
  state_.follow(leader);
  waited_ = 0;
  election_timeout_ = state_.draw_election_timeout();
}

void following_core::take_entries(const append& rpc) {
  for (const auto& next : rpc.entries) {
    if (next.id.index <= state_.log().before_first().index || state_.log().holds(next.id))
      continue;
    if (next.id.index <= state_.log().last().index)
      state_.cut_from(next.id.index);
    state_.append(next);
  }
}

log_index following_core::meeting_hint(entry_id prev) const {
  // An entry of a newer term than the leader's at `prev` cannot be in the leader's log before it.
  const auto& log = state_.log();
  auto hint = std::min(prev.index - 1, log.last().index);
  while (hint > state_.commit_index() && log.term_at(hint).value() > prev.term)
    hint = hint - 1;
  return hint;
}

void following_core::forward(const propose& request, output& step) const {
  forward_propose part{state_.id(), state_.hard().boot, {}};
  std::size_t bytes = 0;
  for (const auto& proposal : request.proposals) {
    bytes += proposal.payload.size();
    if (!part.proposals.empty() && bytes > state_.config().append_bytes) {
      step.to_send_now.push_back({state_.leader(), part});
      part.proposals.clear();
      bytes = proposal.payload.size();
    }
    part.proposals.push_back(proposal);
  }
  step.to_send_now.push_back({state_.leader(), std::move(part)});
}

void following_core::forward(const forwarded_read& read, output& step) const {
  step.to_send_now.push_back(
    {state_.leader(), forward_read{state_.id(), state_.hard().boot, read.round}});
}

void following_core::fail_reads(output& step) {
  for (const auto& read : std::exchange(reads_, {}))
    step.reads.push_back({read.round, errc::leader_changed, {}});
}

} // namespace troupe::raft
