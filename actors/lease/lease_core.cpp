#include "actors/lease/lease_core.hpp"

#include "messages/command.hpp"
#include "messages/ensure.hpp"
#include "messages/proto/record.pb.h"

#include <algorithm>
#include <utility>

namespace troupe::lease {

namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

/// What would lie beyond the end of time ends there.
time_point after(time_point now, nanoseconds span) {
  return span > time_point::max() - now ? time_point::max() : now + span;
}

/// The longest TTL, 9,000,000,000 s, still fits.
nanoseconds span_of(std::int64_t count) {
  return seconds{count};
}

/// The end of a lease that lives for `count` seconds.
time_point after(time_point now, std::int64_t count, nanoseconds grace) {
  return after(after(now, span_of(count)), grace);
}

std::int64_t rounded_down(nanoseconds left) {
  return std::max<std::int64_t>(0, std::chrono::floor<seconds>(left).count());
}

std::int64_t rounded_up(nanoseconds left) {
  return std::chrono::ceil<seconds>(left).count();
}

/// Orders a heap so that the earliest is in front; among equals the lowest id, so that the same
/// leases expire in the same order everywhere.
/// After an entry that left its leases where they were.
constexpr auto pause_without_effect = std::chrono::milliseconds{500};

constexpr auto later = [](const auto& a, const auto& b) {
  return a.at != b.at ? a.at > b.at : a.of > b.of;
};

proposal proposal_of(std::uint64_t counter, command_kind kind,
                     const google::protobuf::MessageLite& body) {
  return {counter, entry_kind::command, encode_command(kind, body.SerializeAsString())};
}

} // namespace

/// The finalizer of splitmix64.
std::size_t lease_core::mixed::operator()(lease_id id) const noexcept {
  auto x = static_cast<std::uint64_t>(id.value) ^ seed;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::size_t>(x ^ (x >> 31));
}

lease_core::lease_core(lease_config config) : config_(config), leases_(0, mixed{config.seed}) {}

lease_core::lease* lease_core::look(lease_id id) {
  auto found = leases_.find(id);
  return found == leases_.end() ? nullptr : &found->second;
}

void lease_core::load(lease_id id, log_index granted_at, std::int64_t ttl_seconds,
                      std::int64_t checkpoint_seconds) {
  auto& loaded = leases_[id];
  loaded.granted_at = granted_at;
  loaded.ttl_seconds = ttl_seconds;
  loaded.checkpoint_seconds = checkpoint_seconds;
}

// -- what happens

void lease_core::on(const lease_changes& news, time_point now, lease_output& out) {
  for (const auto& change : news.changes)
    apply(change, now, out);
  for (auto counter : news.applied_proposals)
    on_applied(counter, now, out);
  applied_term_ = news.upto.term;
  check_leadership(now, out);
  propose_due(now, out);
}

void lease_core::on(const raft_status& status, time_point now, lease_output& out) {
  status_ = status;
  check_leadership(now, out);
}

void lease_core::on(const propose_refused& refused) {
  for (auto counter : refused.counters) {
    if (counter == checkpoints_.counter)
      return_checkpoints();
    else
      return_expiries(counter);
  }
}

void lease_core::on_tick(time_point now, lease_output& out) {
  if (!leads_)
    return;
  run_timers(now);
  propose_due(now, out);
}

renewal lease_core::renew(lease_id id, time_point now, std::int64_t& ttl_seconds) {
  if (!leads_)
    return renewal::wait;
  auto* renewed = look(id);
  if (renewed == nullptr)
    return renewal::gone;
  if (renewed->is == phase::living && renewed->deadline <= now)
    mark_expired(id, *renewed);
  if (renewed->is != phase::living)
    return renewal::wait;
  start(*renewed, now, nanoseconds{0});
  // As a rule its timer stays: it comes too early and is then set anew. After a promotion it may
  // come too late, for the renewal ends the grace.
  if (next_event(*renewed) < renewed->timer)
    set_timer(id, *renewed);
  if (renewed->checkpoint_seconds != 0 || renewed->noting) {
    if (!renewed->clearing && !std::exchange(renewed->clear_wanted, true))
      to_clear_.push_back(id);
    return renewal::wait;
  }
  meter_->leases.renewed.add();
  ttl_seconds = renewed->ttl_seconds;
  return renewal::renewed;
}

std::optional<lease_view> lease_core::find(lease_id id, time_point now) const {
  ensure(leads_, "only the leader counts the time of leases");
  auto found = leases_.find(id);
  if (found == leases_.end())
    return std::nullopt;
  return lease_view{found->second.ttl_seconds, rounded_down(found->second.deadline - now)};
}

std::vector<lease_id> lease_core::list() const {
  std::vector<timer> all;
  all.reserve(leases_.size());
  for (const auto& [id, of] : leases_)
    all.push_back({leads_ ? of.deadline : time_point{}, id});
  std::sort(all.begin(), all.end(), [](const timer& a, const timer& b) { return later(b, a); });
  std::vector<lease_id> result;
  result.reserve(all.size());
  for (const auto& one : all)
    result.push_back(one.of);
  return result;
}

// -- the applied state

void lease_core::apply(const lease_change& change, time_point now, lease_output& out) {
  switch (change.kind) {
  case lease_change::what::granted: {
    auto& granted = leases_[change.lease];
    granted = {.granted_at = change.granted_at, .ttl_seconds = change.seconds};
    meter_->leases.granted.add();
    meter_->leases.ttl_seconds.observe(static_cast<std::uint64_t>(change.seconds));
    if (leads_) {
      start(granted, now, nanoseconds{0});
      set_timer(change.lease, granted);
    }
    break;
  }
  case lease_change::what::revoked: {
    auto* ended = look(change.lease);
    ensure(ended != nullptr, "what is revoked was granted");
    meter_->leases.revoked.add();
    if (ended->is == phase::in_flight)
      meter_->leases.expired.add();
    leases_.erase(change.lease);
    drop_stale_timers();
    out.settled.push_back(change.lease);
    break;
  }
  case lease_change::what::checkpointed:
    if (auto* noted = look(change.lease))
      noted->checkpoint_seconds = change.seconds;
    break;
  }
}

void lease_core::on_applied(std::uint64_t counter, time_point now, lease_output& out) {
  if (counter != checkpoints_.counter) {
    // Whatever of it is still there was not touched: it is proposed again, but not at once, since
    // what keeps it there may last (an alarm).
    if (return_expiries(counter))
      next_expiry_ = std::max(next_expiry_, now + pause_without_effect);
  } else {
    for (auto id : std::exchange(checkpoints_, {}).leases)
      if (auto* noted = look(id)) {
        noted->noting = noted->clearing = false;
        if (noted->checkpoint_seconds == 0)
          out.settled.push_back(id);
      }
  }
}

void lease_core::check_leadership(time_point now, lease_output& out) {
  // Before it has applied the entry that opens its term it may not know the newest leases.
  bool established = status_.role == raft_role::leader && status_.term == applied_term_;
  if (leads_ && (!established || led_term_ != status_.term))
    demote();
  if (established && !leads_) {
    promote(now);
    out.promoted = true;
  }
}

void lease_core::promote(time_point now) {
  leads_ = true;
  led_term_ = status_.term;
  timers_.reserve(leases_.size());
  for (auto& [id, of] : leases_) {
    start(of, now, config_.election_timeout);
    of.is = phase::living;
    of.note_wanted = of.clear_wanted = of.noting = of.clearing = false;
    if (of.checkpoint_seconds != 0)
      of.deadline = after(now, of.checkpoint_seconds, config_.election_timeout);
    of.timer = next_event(of);
    timers_.push_back({of.timer, id});
  }
  std::make_heap(timers_.begin(), timers_.end(), later);
}

void lease_core::demote() {
  leads_ = false;
  timers_ = {};
  to_expire_ = {};
  to_note_ = {};
  to_clear_ = {};
  expiries_ = {};
  checkpoints_ = {};
}

// -- time

void lease_core::start(lease& started, time_point now, nanoseconds grace) const {
  started.deadline = after(now, started.ttl_seconds, grace);
  started.checkpoint_due = after(now, config_.checkpoint_interval);
}

/// When something has to be done about a lease that nobody renews.
time_point lease_core::next_event(const lease& of) const {
  bool long_way = of.deadline > after(of.checkpoint_due, config_.checkpoint_interval);
  return long_way ? of.checkpoint_due : of.deadline;
}

void lease_core::set_timer(lease_id id, lease& of) {
  of.timer = next_event(of);
  timers_.push_back({of.timer, id});
  std::push_heap(timers_.begin(), timers_.end(), later);
}

/// Leases that end early leave their timers behind; they must not pile up.
void lease_core::drop_stale_timers() {
  constexpr std::size_t some = 1024;
  if (timers_.size() <= 2 * leases_.size() + some)
    return;
  std::erase_if(timers_, [this](const timer& x) {
    auto* of = look(x.of);
    return of == nullptr || of->timer != x.at;
  });
  std::make_heap(timers_.begin(), timers_.end(), later);
}

void lease_core::run_timers(time_point now) {
  const auto waiting = to_expire_.size();
  while (!timers_.empty() && timers_.front().at <= now) {
    std::pop_heap(timers_.begin(), timers_.end(), later);
    auto due = timers_.back();
    timers_.pop_back();
    auto* of = look(due.of);
    if (of == nullptr || of->is != phase::living || of->timer != due.at)
      continue;
    if (of->deadline <= now) {
      mark_expired(due.of, *of);
      continue;
    }
    if (of->checkpoint_due <= now)
      wants_note(due.of, *of, now);
    set_timer(due.of, *of);
  }
  // What ends at the same tick leaves in the order of the store: where very many do, their records
  // are then found and deleted next to each other, at half the cost.
  std::sort(to_expire_.begin() + static_cast<std::ptrdiff_t>(waiting), to_expire_.end(),
            [](lease_id a, lease_id b) {
              return static_cast<std::uint64_t>(a.value) < static_cast<std::uint64_t>(b.value);
            });
}

void lease_core::mark_expired(lease_id id, lease& expired) {
  expired.is = phase::expired;
  to_expire_.push_back(id);
}

void lease_core::wants_note(lease_id id, lease& of, time_point now) {
  of.checkpoint_due = after(now, config_.checkpoint_interval);
  if (!std::exchange(of.note_wanted, true))
    to_note_.push_back(id);
}

// -- what goes through the log

/// Few entries are under way at a time: what comes meanwhile shares the next.
void lease_core::propose_due(time_point now, lease_output& out) {
  if (!leads_)
    return;
  while (!to_expire_.empty() && expiries_.size() < config_.max_expiry_entries) {
    if (now < next_expiry_) {
      out.due = next_expiry_;
      break;
    }
    propose_expiries(now, out);
  }
  if (checkpoints_.counter == 0)
    propose_checkpoints(now, out);
}

void lease_core::propose_expiries(time_point now, lease_output& out) {
  record::LeaseExpiry entry;
  proposed next;
  while (!to_expire_.empty() && next.leases.size() < config_.max_expiries) {
    auto id = to_expire_.front();
    to_expire_.pop_front();
    auto* expired = look(id);
    // It may have been revoked meanwhile, and granted anew.
    if (expired == nullptr || expired->is != phase::expired)
      continue;
    expired->is = phase::in_flight;
    next.leases.push_back(id);
    auto& named = *entry.add_leases();
    named.set_id(id.value);
    named.set_granted_at(expired->granted_at.value);
  }
  if (next.leases.empty())
    return;
  entry.set_term(led_term_.value);
  next.counter = ++counter_;
  out.to_propose.push_back(proposal_of(next.counter, command_kind::lease_expiry, entry));
  // What the timer is late by is made up for, by one entry.
  const auto share = static_cast<std::int64_t>(next.leases.size());
  const auto full = static_cast<std::int64_t>(config_.max_expiries);
  next_expiry_ =
    std::max(next_expiry_, now - config_.expiry_interval) + config_.expiry_interval * share / full;
  expiries_.push_back(std::move(next));
}

/// Those that a client waits for come first.
void lease_core::propose_checkpoints(time_point now, lease_output& out) {
  take_clears(out, checkpoints_.leases);
  take_notes(now, checkpoints_.leases);
  if (checkpoints_.leases.empty())
    return;
  record::LeaseCheckpoints entry;
  entry.set_term(led_term_.value);
  for (auto id : checkpoints_.leases) {
    auto& noted = *look(id);
    noted.noting = true;
    auto& left = *entry.add_leases();
    left.mutable_lease()->set_id(id.value);
    left.mutable_lease()->set_granted_at(noted.granted_at.value);
    left.set_seconds(noted.clearing ? 0 : rounded_up(noted.deadline - now));
  }
  checkpoints_.counter = ++counter_;
  out.to_propose.push_back(
    proposal_of(checkpoints_.counter, command_kind::lease_checkpoints, entry));
}

void lease_core::take_clears(lease_output& out, std::vector<lease_id>& into) {
  while (!to_clear_.empty() && into.size() < config_.max_checkpoints) {
    auto id = to_clear_.front();
    to_clear_.pop_front();
    auto* of = look(id);
    if (of == nullptr || !std::exchange(of->clear_wanted, false))
      continue;
    if (of->checkpoint_seconds == 0) {
      out.settled.push_back(id);
      continue;
    }
    of->clearing = true;
    into.push_back(id);
  }
}

void lease_core::take_notes(time_point now, std::vector<lease_id>& into) {
  while (!to_note_.empty() && into.size() < config_.max_checkpoints) {
    auto id = to_note_.front();
    to_note_.pop_front();
    auto* of = look(id);
    if (of == nullptr || !std::exchange(of->note_wanted, false))
      continue;
    // Renewed meanwhile, or about to end.
    auto left = of->deadline - now;
    bool worth = of->is == phase::living && !of->clearing && left > config_.checkpoint_interval
                 && rounded_up(left) < of->ttl_seconds;
    if (worth)
      into.push_back(id);
  }
}

bool lease_core::return_expiries(std::uint64_t counter) {
  auto found = std::ranges::find(expiries_, counter, &proposed::counter);
  if (found == expiries_.end())
    return false;
  bool any = false;
  for (auto id : found->leases)
    if (auto* expired = look(id); expired != nullptr && expired->is == phase::in_flight) {
      mark_expired(id, *expired);
      any = true;
    }
  expiries_.erase(found);
  return any;
}

void lease_core::return_checkpoints() {
  for (auto id : std::exchange(checkpoints_, {}).leases) {
    auto* of = look(id);
    if (of == nullptr)
      continue;
    of->noting = false;
    bool clear = std::exchange(of->clearing, false);
    if (!std::exchange(clear ? of->clear_wanted : of->note_wanted, true))
      (clear ? to_clear_ : to_note_).push_back(id);
  }
}

} // namespace troupe::lease
