#include "actors/raft/core/replica.hpp"

#include "actors/raft/core/invariants.hpp"
#include "actors/raft/core/output.hpp"
#include "messages/ensure.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::raft {

replica::replica(core_config config, recovered_state found, std::uint64_t seed)
    : config_(std::move(config)), hard_(found.hard),
      log_(found.before_first, std::move(found.entries)), chance_(seed) {
  ensure(config_.id != member_id{}, "a member has an id");
  ensure(config_.heartbeat_ticks >= 1, "a leader's heart beats");
  ensure(config_.heartbeat_ticks < config_.election_timeout_ticks,
         "several heartbeats fit into an election timeout");
  ensure(log_.holds(found.applied), "the state does not run ahead of the own log");
  ensure(log_.last().term <= hard_.term, "no entry is of a term we have not seen");
  durable_ = log_.last().index;
  applied_ = found.applied.index;
  delivered_ = applied_;
  commit_ = std::max(applied_, std::min(hard_.commit, durable_));
  recover_memberships(std::move(found.membership));
}

void replica::recover_memberships(configuration of_state) {
  const bool known = !of_state.members.empty();
  memberships_.push_back({{}, std::move(of_state), {}});
  memberships_.back().voters = electorate_of(memberships_.back().what);
  membership_changes_ = known ? 1 : 0;
  const auto first = known ? applied_ + 1 : log_.before_first().index + 1;
  for (auto i = first; i <= log_.last().index; i = i + 1)
    learn(log_.at(i));
}

bool replica::is_only_voter() const {
  const auto& now = voters();
  return now.incoming.size() == 1 && now.incoming.front() == config_.id && now.outgoing.empty();
}

bool replica::may_campaign() const {
  return std::ranges::any_of(
    memberships_, [this](const auto& known) { return known.voters.contains(config_.id); });
}

void replica::follow(member_id leader) {
  ensure(leader_ == member_id{} || leader_ == leader, "one leader per term");
  leader_ = leader;
}

void replica::adopt(term_t newer) {
  ensure(newer > hard_.term, "a term only rises");
  hard_.term = newer;
  hard_.voted_for = {};
  hard_changed_ = true;
  leader_ = {};
}

void replica::vote_for(member_id candidate) {
  if (hard_.voted_for == candidate)
    return;
  ensure(hard_.voted_for == member_id{}, "one vote per term");
  hard_.voted_for = candidate;
  hard_changed_ = true;
}

void replica::append(entry next) {
  ensure(next.id.term <= hard_.term, "no entry is of a term we have not seen");
  log_.append(next);
  learn(next);
  unwritten_.push_back(std::move(next));
}

void replica::learn(const entry& next) {
  if (next.kind != entry_kind::configuration)
    return;
  auto what = decode_configuration(next.payload);
  ensure(what.has_value(), "a configuration in the log is well formed");
  auto voters = electorate_of(*what);
  memberships_.push_back({next.id.index, std::move(*what), std::move(voters)});
  ++membership_changes_;
}

void replica::cut_from(log_index first) {
  ensure(first > commit_, "a committed entry is never overwritten");
  ensure(unwritten_.empty(), "a step cuts before it appends");
  log_.cut_from(first);
  durable_ = std::min(durable_, first - 1);
  cut_batch_ = batch_ + 1;
  while (memberships_.back().at >= first) {
    memberships_.pop_back();
    ++membership_changes_;
  }
}

void replica::commit_to(log_index index) {
  ensure(index <= log_.last().index, "what is committed is in the log");
  commit_ = std::max(commit_, index);
}

void replica::on_persisted(const persisted& done) {
  ensure(done.batch <= batch_, "storage answers what it was asked");
  durable_batch_ = std::max(durable_batch_, done.batch);
  if (done.batch >= cut_batch_ && log_.holds(done.last))
    durable_ = std::max(durable_, done.last.index);
}

void replica::on_applied(entry_id upto, log_index keep_behind) {
  ensure(upto.index <= delivered_, "only what was handed over can be applied");
  applied_ = std::max(applied_, upto.index);
  log_.trim(std::min(applied_, keep_behind), config_.log_tail_bytes);
  log_.trim(applied_, config_.log_tail_bytes + config_.snapshot_tail_bytes);
}

unsigned replica::draw_election_timeout() {
  if (is_only_voter() && leader_ == member_id{})
    return 1;
  // Not std::uniform_int_distribution: its results differ between standard libraries.
  return config_.election_timeout_ticks
         + static_cast<unsigned>(chance_() % config_.election_timeout_ticks);
}

unsigned replica::draw_short_pause() {
  return 1 + static_cast<unsigned>(chance_() % std::max(config_.election_timeout_ticks / 3, 1U));
}

void replica::announce(output& step) {
  const bool committed = membership().at <= commit_;
  if (announced_changes_ == membership_changes_
      && (announced_committed_ == committed || membership_changes_ == 0))
    return;
  announced_changes_ = membership_changes_;
  announced_committed_ = committed;
  step.configured = configuration_changed{membership().what, membership().at, committed};
}

void replica::finish(output& step) {
  // The commit hint rides along with entries; it is not worth a write of its own.
  if (!unwritten_.empty() && hard_.commit < commit_) {
    hard_.commit = commit_;
    hard_changed_ = true;
  }
  batch_ = batch();
  if (std::exchange(hard_changed_, false))
    step.to_persist = hard_;
  step.to_append = std::exchange(unwritten_, {});
  while (memberships_.size() > 1 && memberships_[1].at <= commit_)
    memberships_.erase(memberships_.begin());
  announce(step);
  step.batch = batch_;
  step.durable_batch = durable_batch_;
  step.term = hard_.term;
  auto ready = std::min(commit_, durable_);
  if (ready > delivered_) {
    step.committed = log_.slice(delivered_ + 1, ready, std::numeric_limits<std::size_t>::max());
    delivered_ = ready;
  }
  check_after_step(*this);
}

} // namespace troupe::raft
