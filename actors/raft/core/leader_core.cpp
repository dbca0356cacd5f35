#include "actors/raft/core/leader_core.hpp"

#include "actors/raft/core/invariants.hpp"
#include "actors/raft/core/quorum.hpp"
#include "actors/raft/core/term_rules.hpp"
#include "messages/ensure.hpp"

#include <algorithm>
#include <utility>

namespace troupe::raft {

leader_core::leader_core(replica state) : state_(std::move(state)) {
  ensure(state_.hard().voted_for == state_.id(), "a leader voted for itself");
  const auto& log = state_.log();
  for (auto voter : state_.config().voters)
    if (voter != state_.id())
      followers_[voter].next_index = log.last().index + 1;
  for (auto i = state_.commit_index() + 1; i <= log.last().index; i = i + 1)
    uncommitted_bytes_ += log.at(i).payload.size();
}

output leader_core::start() {
  output step;
  append_to_log({.counter = 0, .kind = entry_kind::term_start, .payload = {}});
  speak_to_all(step);
  return finish(std::move(step));
}

output leader_core::on(const request_vote& rpc) {
  if (compare(rpc.term, state_.term()) == term_order::newer)
    return follow();
  output step;
  step.to_send_durable.push_back(deny_vote(state_, rpc));
  return finish(std::move(step));
}

output leader_core::on(const request_vote_reply& reply) {
  if (compare(reply.term, state_.term()) == term_order::newer)
    return follow();
  return finish({});
}

output leader_core::on(const append& rpc) {
  output step;
  switch (compare(rpc.term, state_.term())) {
  case term_order::newer:
    return follow();
  case term_order::current:
    ensure(false, "one leader per term");
    break;
  case term_order::stale:
    step.to_send_durable.push_back(refuse_append(state_, rpc));
    break;
  }
  return finish(std::move(step));
}

output leader_core::on(const append_reply& reply) {
  const auto order = compare(reply.term, state_.term());
  if (order == term_order::newer)
    return follow();
  output step;
  const auto found = followers_.find(reply.follower);
  const bool plausible =
    reply.match <= state_.log().last().index && reply.read_round <= read_round_;
  if (order == term_order::stale || found == followers_.end() || !plausible)
    return finish(std::move(step));
  auto& follower = found->second;
  follower.read_round = std::max(follower.read_round, reply.read_round);
  if (reply.success)
    follower.on_accepted(reply.match);
  else
    follower.on_rejected(reply.match);
  advance_commit(step);
  replicate_to(reply.follower, step);
  tell_commit_to(reply.follower, step);
  serve_reads(step);
  return finish(std::move(step));
}

output leader_core::on(const persisted& done) {
  output step;
  state_.on_persisted(done);
  advance_commit(step);
  serve_reads(step);
  return finish(std::move(step));
}

output leader_core::on(const applied& done) {
  state_.on_applied(done.upto);
  return finish({});
}

output leader_core::on(const tick&) {
  output step;
  if (++since_heartbeat_ >= state_.config().heartbeat_ticks) {
    for (auto& [id, follower] : followers_)
      follower.on_heartbeat();
    speak_to_all(step);
  }
  return finish(std::move(step));
}

output leader_core::on(const propose& request) {
  output step;
  if (overloaded(request)) {
    step.refused.push_back(refuse(request, errc::too_many_requests));
    return finish(std::move(step));
  }
  for (const auto& proposal : request.proposals)
    append_to_log(proposal);
  for (const auto& [id, follower] : followers_)
    replicate_to(id, step);
  return finish(std::move(step));
}

output leader_core::on(const read_index_request& request) {
  output step;
  reads_waiting_.push_back(request.round);
  serve_reads(step);
  return finish(std::move(step));
}

raft_status leader_core::status() const {
  return {raft_role::leader, state_.term(), state_.id(), state_.commit_index(),
          state_.log().last().index};
}

output leader_core::finish(output step) {
  state_.finish(step);
  check_after_step(*this);
  return step;
}

output leader_core::follow() {
  output step;
  for (auto* reads : {&reads_in_round_, &reads_waiting_})
    for (auto round : *reads)
      step.reads.push_back({round, errc::leader_changed, {}});
  step = finish(std::move(step));
  step.next_role = step_down(std::move(state_));
  return step;
}

bool leader_core::overloaded(const propose& request) const {
  const auto& limits = state_.config();
  if (state_.commit_index() - state_.applied_index() > limits.unapplied_entries)
    return true;
  // A request larger than the limit still passes when nothing else is on its way.
  std::size_t bytes = 0;
  for (const auto& proposal : request.proposals)
    bytes += proposal.payload.size();
  return uncommitted_bytes_ > 0 && uncommitted_bytes_ + bytes > limits.uncommitted_bytes;
}

void leader_core::append_to_log(proposal what) {
  uncommitted_bytes_ += what.payload.size();
  state_.append({.id = {state_.term(), state_.log().last().index + 1},
                 .kind = what.kind,
                 .origin = {state_.id(), state_.hard().boot, what.counter},
                 .payload = std::move(what.payload)});
}

void leader_core::advance_commit(output& step) {
  std::map<member_id, log_index> match;
  for (const auto& [id, follower] : followers_)
    match[id] = follower.match_index;
  match[state_.id()] = state_.durable_index();
  const auto before = state_.commit_index();
  const auto reached = reached_by_quorum(state_.config().voters, match);
  if (reached <= before || state_.log().term_at(reached) != state_.term())
    return;
  for (auto i = before + 1; i <= reached; i = i + 1)
    uncommitted_bytes_ -= state_.log().at(i).payload.size();
  state_.commit_to(reached);
  for (const auto& [id, follower] : followers_)
    tell_commit_to(id, step);
}

bool leader_core::has_committed_in_term() const {
  return state_.log().term_at(state_.commit_index()) == state_.term();
}

void leader_core::serve_reads(output& step) {
  finish_read_round(step);
  if (reads_waiting_.empty() || !reads_in_round_.empty() || !has_committed_in_term())
    return;
  reads_in_round_ = std::exchange(reads_waiting_, {});
  read_round_index_ = state_.commit_index();
  ++read_round_;
  speak_to_all(step);
  finish_read_round(step);
}

void leader_core::finish_read_round(output& step) {
  if (reads_in_round_.empty())
    return;
  std::map<member_id, std::uint64_t> answered;
  for (const auto& [id, follower] : followers_)
    answered[id] = follower.read_round;
  answered[state_.id()] = read_round_;
  if (reached_by_quorum(state_.config().voters, answered) < read_round_)
    return;
  for (auto round : std::exchange(reads_in_round_, {}))
    step.reads.push_back({round, errc::none, read_round_index_});
}

void leader_core::replicate_to(member_id id, output& step) {
  auto& follower = followers_.at(id);
  const auto last = state_.log().last().index;
  while (follower.next_index <= last
         && follower.may_send_entries(state_.config().appends_in_flight)) {
    auto rpc = append_for(follower);
    const bool carries = !rpc.entries.empty();
    step.to_send_now.push_back({id, std::move(rpc)});
    if (!carries)
      return;
  }
}

void leader_core::tell_commit_to(member_id id, output& step) {
  auto& follower = followers_.at(id);
  if (std::min(state_.commit_index(), follower.match_index) > follower.commit_sent)
    step.to_send_now.push_back({id, append_for(follower)});
}

void leader_core::speak_to_all(output& step) {
  since_heartbeat_ = 0;
  for (auto& [id, follower] : followers_)
    step.to_send_now.push_back({id, append_for(follower)});
}

append leader_core::append_for(progress& follower) {
  const auto& log = state_.log();
  append rpc{.term = state_.term(),
             .leader = state_.id(),
             .prev = log.before_first(),
             .entries = {},
             .commit = {},
             .read_round = read_round_};
  // Behind the kept tail there is nothing to send; the append still keeps the follower from
  // campaigning.
  if (follower.next_index > log.before_first().index) {
    const auto before = follower.next_index - 1;
    rpc.prev = {log.term_at(before).value(), before};
    if (follower.may_send_entries(state_.config().appends_in_flight))
      rpc.entries = log.slice(follower.next_index, log.last().index, state_.config().append_bytes);
  }
  if (!rpc.entries.empty())
    follower.on_sent(rpc.entries.back().id.index);
  rpc.commit = std::min(state_.commit_index(), rpc.prev.index + rpc.entries.size());
  follower.commit_sent = std::max(follower.commit_sent, rpc.commit);
  return rpc;
}

} // namespace troupe::raft
