#include "actors/raft/core/leader_core.hpp"

#include "actors/raft/core/invariants.hpp"
#include "actors/raft/core/term_rules.hpp"
#include "messages/ensure.hpp"

#include <algorithm>
#include <utility>

namespace troupe::raft {

leader_core::leader_core(replica state)
    : role_core(std::move(state)), self_(state_.id()), limits_{state_.config().appends_in_flight,
                                                               state_.config().bytes_in_flight} {
  ensure(state_.hard().voted_for == state_.id(), "a leader voted for itself");
  state_.follow(state_.id());
  disk_answered_ = state_.durable_batch();
  meet_followers(state_.log().last().index + 1);
  const auto& log = state_.log();
  for (auto i = state_.commit_index() + 1; i <= log.last().index; i = i + 1)
    uncommitted_bytes_ += log.at(i).payload.size();
}

output leader_core::start() {
  output step;
  append_to_log(entry_kind::term_start, {state_.id(), state_.hard().boot, 0}, {});
  speak_to_all(step);
  return finish(std::move(step));
}

// --- votes and terms

output leader_core::on(const request_vote& rpc) {
  output step;
  if (rpc.pre) {
    step.to_send_durable.push_back(answer_pre_vote(state_, rpc, true));
    return finish(std::move(step));
  }
  // Who campaigns unasked did not hear us; the others do, or we find out that they do not.
  if (compare(rpc.term, state_.term()) == term_order::newer && rpc.transfer)
    return end(role_core::finish({}), true, transfer_ && transfer_->to == rpc.candidate);
  step.to_send_durable.push_back(deny_vote(state_, rpc));
  return finish(std::move(step));
}

output leader_core::on(const request_vote_reply& reply) {
  const bool yes_to_question = reply.pre && reply.granted;
  if (!yes_to_question && compare(reply.term, state_.term()) == term_order::newer)
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

output leader_core::finish(output step) {
  if (is_dismissed())
    return dismiss(std::move(step));
  state_.finish(step);
  check_after_step(*this);
  return step;
}

output leader_core::follow() {
  return end(role_core::finish({}), true, false);
}

output leader_core::end(output step, bool repeat, bool handed_over) {
  for (const auto& read : reads_.drop())
    answer(read, errc::leader_changed, {}, step);
  if (transfer_)
    step.transfers.push_back({transfer_->request, handed_over ? errc::none : errc::leader_changed});
  step.next_role = step_down(std::move(state_), repeat);
  return step;
}

// --- time

output leader_core::on(const tick&) {
  output step;
  ++now_;
  if (!state_.is_only_voter() && (!hears_quorum() || disk_hangs()))
    return end(role_core::finish({}), false, false);
  if (transfer_ && now_ - transfer_->since >= state_.config().election_timeout_ticks)
    step.transfers.push_back({std::exchange(transfer_, std::nullopt)->request, errc::timeout});
  drop_who_left();
  if (++since_heartbeat_ >= state_.config().heartbeat_ticks) {
    for (auto& [id, follower] : followers_)
      follower.on_heartbeat();
    speak_to_all(step);
    // What asked for it may be lost as well.
    if (transfer_)
      transfer_->asked = false;
    hand_over_if_ready(step);
  }
  return finish(std::move(step));
}

bool leader_core::was_heard(const progress& follower) const {
  return now_ - follower.heard_at < state_.config().election_timeout_ticks;
}

bool leader_core::hears_quorum() const {
  return is_quorum(state_.voters(), [&](member_id id) {
    if (id == state_.id())
      return true;
    const auto found = followers_.find(id);
    return found != followers_.end() && was_heard(found->second);
  });
}

bool leader_core::disk_hangs() {
  if (disk_answered_ == state_.durable_batch() && state_.durable_batch() < state_.batch())
    return ++disk_silent_ >= 2 * state_.config().election_timeout_ticks;
  disk_answered_ = state_.durable_batch();
  disk_silent_ = 0;
  return false;
}

// --- the log

output leader_core::on(const append_reply& reply) {
  const auto order = compare(reply.term, state_.term());
  if (order == term_order::newer)
    return follow();
  output step;
  const auto found = followers_.find(reply.follower);
  const bool plausible =
    reply.match <= state_.log().last().index && reply.read_round <= reads_.round();
  if (order == term_order::stale || found == followers_.end() || !plausible)
    return finish(std::move(step));
  auto& follower = found->second;
  follower.heard_at = now_;
  follower.has_answered = true;
  follower.read_round = std::max(follower.read_round, reply.read_round);
  if (reply.success)
    follower.on_accepted(reply.match, state_.log().before_first().index);
  else
    follower.on_rejected(reply.match);
  advance_commit(step);
  replicate_to(reply.follower, follower, step);
  tell_commit_to(reply.follower, follower, step);
  serve_reads(step);
  hand_over_if_ready(step);
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
  output step;
  state_.on_applied(done.upto, kept_behind());
  leave_joint_if_ready(step);
  return finish(std::move(step));
}

void leader_core::advance_commit(output& step) {
  const auto before = state_.commit_index();
  const auto reached = reached_by_quorum(state_.voters(), [&](member_id id) {
    if (id == state_.id())
      return state_.durable_index();
    const auto found = followers_.find(id);
    return found == followers_.end() ? log_index{} : found->second.match_index;
  });
  if (reached <= before || state_.log().term_at(reached) != state_.term())
    return;
  for (auto i = before + 1; i <= reached; i = i + 1)
    uncommitted_bytes_ -= state_.log().at(i).payload.size();
  state_.commit_to(reached);
  for (auto& [id, follower] : followers_)
    tell_commit_to(id, follower, step);
  leave_joint_if_ready(step);
}

bool leader_core::has_committed_in_term() const {
  return state_.log().term_at(state_.commit_index()) == state_.term();
}

// --- proposals

output leader_core::on(const propose& request) {
  output step;
  take(request.proposals, state_.id(), state_.hard().boot, step);
  return finish(std::move(step));
}

output leader_core::on(const forward_propose& request) {
  output step;
  take(request.proposals, request.from, request.boot, step);
  return finish(std::move(step));
}

void leader_core::take(const std::vector<proposal>& proposals, member_id from, boot_count boot,
                       output& step) {
  auto turn_down = [&](propose_refused refused) {
    if (from == state_.id())
      step.refused.push_back(std::move(refused));
    else
      step.to_send_now.push_back(
        {from, forward_refused{boot, std::move(refused.counters), refused.reason}});
  };
  auto refusal = refusal_of(proposals);
  // Who was removed has nothing to say any more.
  if (from != state_.id() && !state_.membership().what.contains(from))
    refusal = errc::not_leader;
  if (refusal != errc::none)
    return turn_down(refuse(proposals, refusal));
  for (const auto& each : proposals) {
    const entry_origin origin{from, boot, each.counter};
    auto why = errc::none;
    if (each.kind == entry_kind::command)
      append_to_log(each.kind, origin, each.payload);
    else
      why = change_membership(each, origin);
    if (why != errc::none)
      turn_down({.counters = {each.counter}, .reason = why});
  }
  for (auto& [id, follower] : followers_)
    replicate_to(id, follower, step);
}

errc leader_core::refusal_of(const std::vector<proposal>& proposals) const {
  if (transfer_)
    return errc::leader_changed;
  return overloaded(proposals) ? errc::too_many_requests : errc::none;
}

bool leader_core::overloaded(const std::vector<proposal>& proposals) const {
  const auto& limits = state_.config();
  if (state_.commit_index() - state_.applied_index() > limits.unapplied_entries)
    return true;
  // A request larger than the limit still passes when nothing else is on its way.
  std::size_t bytes = 0;
  for (const auto& proposal : proposals)
    bytes += proposal.payload.size();
  return uncommitted_bytes_ > 0 && uncommitted_bytes_ + bytes > limits.uncommitted_bytes;
}

void leader_core::append_to_log(entry_kind kind, const entry_origin& origin, blob payload) {
  uncommitted_bytes_ += payload.size();
  state_.append({.id = {state_.term(), state_.log().last().index + 1},
                 .kind = kind,
                 .origin = origin,
                 .payload = std::move(payload)});
}

// --- reads

output leader_core::on(const read_index_request& request) {
  output step;
  await({state_.id(), state_.hard().boot, request.round}, step);
  return finish(std::move(step));
}

output leader_core::on(const forward_read& request) {
  output step;
  await({request.from, request.boot, request.round}, step);
  return finish(std::move(step));
}

void leader_core::await(waiting_read read, output& step) {
  if (reads_.size() >= state_.config().waiting_reads)
    return answer(read, errc::too_many_requests, {}, step);
  reads_.add(read);
  serve_reads(step);
}

void leader_core::serve_reads(output& step) {
  finish_read_round(step);
  if (!reads_.may_begin() || !has_committed_in_term())
    return;
  reads_.begin(state_.commit_index());
  speak_to_all(step);
  finish_read_round(step);
}

void leader_core::finish_read_round(output& step) {
  if (!reads_.under_way())
    return;
  const bool confirmed = is_quorum(state_.voters(), [&](member_id id) {
    if (id == state_.id())
      return true;
    const auto found = followers_.find(id);
    return found != followers_.end() && found->second.read_round >= reads_.round();
  });
  if (!confirmed)
    return;
  for (const auto& read : reads_.finish())
    answer(read, errc::none, reads_.index(), step);
}

void leader_core::answer(const waiting_read& read, errc error, log_index index,
                         output& step) const {
  if (read.from == self_)
    step.reads.push_back({read.round, error, index});
  else
    step.to_send_now.push_back(
      {read.from, forward_read_reply{read.boot, read.round, error, index}});
}

// --- replication

void leader_core::replicate_to(member_id id, progress& follower, output& step) {
  const auto last = state_.log().last().index;
  while (follower.next_index <= last) {
    if (lacks_entries_for(follower))
      return want_snapshot_for(id, follower, step);
    if (!follower.may_send_entries(limits_))
      return;
    step.to_send_now.push_back({id, append_for(follower)});
    if (follower.state == progress::mode::probe)
      return;
  }
}

void leader_core::tell_commit_to(member_id id, progress& follower, output& step) {
  if (std::min(state_.commit_index(), follower.match_index) > follower.commit_sent)
    step.to_send_now.push_back({id, append_for(follower)});
}

void leader_core::speak_to_all(output& step) {
  since_heartbeat_ = 0;
  for (auto& [id, follower] : followers_) {
    if (lacks_entries_for(follower))
      want_snapshot_for(id, follower, step);
    step.to_send_now.push_back({id, append_for(follower)});
  }
}

append leader_core::append_for(progress& follower) {
  const auto& log = state_.log();
  append rpc{.term = state_.term(),
             .leader = state_.id(),
             .prev = log.before_first(),
             .entries = {},
             .commit = {},
             .read_round = reads_.round()};
  // Behind the kept tail there is nothing to send; the append still keeps the follower from
  // campaigning, and shows when it has got there by a snapshot.
  if (!lacks_entries_for(follower)) {
    const auto before = follower.next_index - 1;
    rpc.prev = {log.term_at(before).value(), before};
    if (follower.may_send_entries(limits_))
      rpc.entries = log.slice(follower.next_index, log.last().index, state_.config().append_bytes);
  }
  if (!rpc.entries.empty()) {
    std::size_t bytes = 0;
    for (const auto& each : rpc.entries)
      bytes += cost_of(each);
    follower.on_sent(rpc.entries.back().id.index, bytes);
  }
  rpc.commit = std::min(state_.commit_index(), rpc.prev.index + rpc.entries.size());
  follower.commit_sent = std::max(follower.commit_sent, rpc.commit);
  return rpc;
}

} // namespace troupe::raft
