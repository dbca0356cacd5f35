#include "actors/apply/applier.hpp"

#include "actors/failure/failure.hpp"
#include "actors/log/log.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <iterator>
#include <utility>

namespace troupe::apply {

namespace {

/// Of one step, as `batch_bytes` is: whoever waits for the first of them waits for all, and so does
/// whoever ends the node.
constexpr std::size_t entries_at_once = 1000;

} // namespace

applier_host::applier_host(apply_core core, store_keeper_actor keeper,
                           std::shared_ptr<const clock> time)
    : core(std::move(core)), keeper(std::move(keeper)), time(std::move(time)) {}

void applier_host::apply() {
  std::vector<entry> next;
  for (std::size_t bytes = 0;
       !collected.empty() && next.size() < entries_at_once && bytes < batch_bytes;) {
    bytes += collected.front().payload.size();
    next.push_back(std::move(collected.front()));
    collected.pop_front();
  }
  if (next.empty())
    return;
  apply_output out;
  core.apply(next, out);
  carry_out(std::move(out));
  report();
}

void applier_host::carry_out(apply_output&& out) {
  if (out.alarms_changed) {
    log_alarms();
    report();
  }
  publish(std::move(out.events));
  tell_leases(std::move(out.leases));
  edges.send(std::move(out.answers));
  if (out.floor_raised || out.make_room)
    caf::anon_send(keeper, floor_raised{std::move(out.when_removed), out.make_room});
  if (!out.to_propose.empty() && member)
    caf::anon_send(member, propose{std::move(out.to_propose)});
}

void applier_host::publish(std::vector<mvcc::event>&& events) {
  auto now = core.watched(ready);
  if (!hub || (std::exchange(hub_knows, true) && now == published))
    return;
  watch::publish news{.first = published.revision + 1,
                      .last = now.revision,
                      .floor = now.floor,
                      .term = now.term,
                      .caught_up = now.caught_up};
  if (!events.empty())
    news.events = std::make_shared<std::vector<mvcc::event>>(std::move(events));
  published = now;
  caf::anon_send(hub, std::move(news));
}

void applier_host::tell_leases(lease_changes&& news) {
  bool new_term = news.upto.term > leases_told_term;
  bool nothing = news.changes.empty() && news.applied_proposals.empty() && !new_term;
  if (!leases || nothing)
    return;
  leases_told_term = news.upto.term;
  caf::anon_send(leases, std::move(news));
}

void applier_host::tell_leases(const propose_refused& refused) const {
  bool concerned = std::ranges::any_of(
    refused.counters, [](std::uint64_t counter) { return counter >= first_lease_counter; });
  if (leases && concerned)
    caf::anon_send(leases, refused);
}

// It does not care how far the log has come, which most of these messages are about.
void applier_host::tell_leases(const raft_status& status) {
  auto& told = leases_told_status;
  if (!leases
      || (status.role == told.role && status.term == told.term && status.leader == told.leader))
    return;
  told = status;
  caf::anon_send(leases, status);
}

void applier_host::log_alarms() {
  const auto before = reported.alarms;
  const auto now = core.progress().alarms;
  auto tell = [](const char* alarm, bool was, bool is) {
    if (is && !was)
      log::warn("alarm raised", {{"alarm", alarm}});
    else if (was && !is)
      log::info("alarm disarmed", {{"alarm", alarm}});
  };
  tell("NOSPACE", before.no_space, now.no_space);
  tell("CORRUPT", before.corrupt, now.corrupt);
  tell("UNKNOWN", before.other, now.other);
}

void applier_host::report() {
  auto now = core.progress();
  if (now.upto == reported.upto && now.flushed == reported.flushed)
    return;
  reported = now;
  for (const auto& listener : listeners)
    caf::anon_send(listener, now);
}

applier_actor::behavior_type applier_behavior(applier_actor::stateful_pointer<applier_state> self,
                                              const std::shared_ptr<applier_host>& host) {
  self->set_exception_handler(failure_of);
  self->state.host = host;
  return {
    // By mutable reference: the entries move, the message is ours alone.
    [=](committed& batch) {
      auto& collected = self->state.host->collected;
      // Comes behind all that waits now.
      if (collected.empty())
        self->send(self, apply_collected{});
      std::ranges::move(batch.entries, std::back_inserter(collected));
    },
    [=](const propose_refused& refused) {
      apply_output out;
      self->state.host->core.refuse(refused, out);
      self->state.host->carry_out(std::move(out));
      self->state.host->tell_leases(refused);
    },
    [=](const await_applied& calls) { self->state.host->core.await(calls); },
    [=](const raft_status& status) {
      self->state.host->core.on(status);
      self->state.host->tell_leases(status);
      self->state.host->publish({});
    },
    [=](const tick&) {
      // What came before it is not too late for it.
      self->state.host->apply();
      apply_output out;
      self->state.host->core.on_tick(self->state.host->time->now(), out);
      self->state.host->carry_out(std::move(out));
      self->state.host->report();
    },
    [=](const follow_applied& follow) {
      self->state.host->listeners.push_back(follow.listener);
      caf::anon_send(follow.listener, self->state.host->core.progress());
    },
    [=](const propose_to& introduction) { self->state.host->member = introduction.member; },
    [=](const watched_by& introduction) {
      auto& host = *self->state.host;
      host.hub = introduction.hub;
      host.ready = introduction.ready;
      // The hub begins with the revision there is; the rest it learns now.
      host.published = {.revision = host.core.watched(host.ready).revision};
      host.hub_knows = false;
      host.publish({});
    },
    [=](const leases_managed_by& introduction) {
      auto& host = *self->state.host;
      host.leases = introduction.manager;
      host.tell_leases({.upto = host.core.progress().upto});
    },
    [=](const service::edge_joined& edge) { self->state.host->edges.add(edge); },
    [=](apply_collected) {
      self->state.host->apply();
      if (!self->state.host->collected.empty())
        self->send(self, apply_collected{});
    },
  };
}

} // namespace troupe::apply
