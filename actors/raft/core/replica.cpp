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
}

void replica::adopt(term_t newer) {
  ensure(newer > hard_.term, "a term only rises");
  hard_.term = newer;
  hard_.voted_for = {};
  hard_changed_ = true;
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
  unwritten_.push_back(std::move(next));
}

void replica::cut_from(log_index first) {
  ensure(first > commit_, "a committed entry is never overwritten");
  ensure(unwritten_.empty(), "a step cuts before it appends");
  log_.cut_from(first);
  durable_ = std::min(durable_, first - 1);
  cut_batch_ = batch_ + 1;
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

void replica::on_applied(entry_id upto) {
  ensure(upto.index <= delivered_, "only what was handed over can be applied");
  applied_ = std::max(applied_, upto.index);
  log_.trim(applied_, config_.log_tail_bytes);
}

unsigned replica::draw_election_timeout() {
  if (is_only_voter())
    return 1;
  // Not std::uniform_int_distribution: its results differ between standard libraries.
  return config_.election_timeout_ticks
         + static_cast<unsigned>(chance_() % config_.election_timeout_ticks);
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
