#include "actors/lease/lease_manager.hpp"

#include "actors/failure/failure.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <chrono>
#include <iterator>
#include <utility>

namespace troupe::lease {

lease_manager_host::lease_manager_host(lease_core core, lease_identity identity, call_limits limits,
                                       manager_peers peers, const mvcc::store& store,
                                       std::shared_ptr<const clock> time)
    : core(std::move(core)), calls(this->core, identity, limits), peers(std::move(peers)),
      store(store), time(std::move(time)) {}

std::int64_t lease_manager_host::revision() const {
  return store.snapshot()->revision();
}

void lease_manager_host::on(const call_batch& batch) {
  auto now = time->now();
  call_output out;
  calls.on(batch, revision(), now, out);
  finish({}, std::move(out), now);
}

void lease_manager_host::on(const lease_changes& news) {
  auto now = time->now();
  lease_output decided;
  applied = news.upto.index;
  core.on(news, now, decided);
  finish(std::move(decided), {}, now);
}

void lease_manager_host::on(const raft_status& status) {
  auto now = time->now();
  lease_output decided;
  raft = status;
  calls.on(status, now);
  core.on(status, now, decided);
  finish(std::move(decided), {}, now);
}

void lease_manager_host::on_tick() {
  auto now = time->now();
  lease_output decided;
  call_output out;
  core.on_tick(now, decided);
  calls.on_tick(now, out);
  finish(std::move(decided), std::move(out), now);
}

void lease_manager_host::on_expiries_due() {
  timer_runs = false;
  finish({}, {}, time->now());
}

void lease_manager_host::finish(lease_output&& decided, call_output&& out, time_point now) {
  std::vector<proposal> proposals;
  for (;;) {
    if (decided.promoted || !decided.settled.empty())
      calls.on_decided(decided, revision(), now, out);
    std::move(decided.to_propose.begin(), decided.to_propose.end(), std::back_inserter(proposals));
    // Who has heard may have asked for more.
    decided = {};
    core.propose_due(now, decided);
    due = decided.due;
    if (decided.to_propose.empty() && decided.settled.empty())
      break;
  }
  if (!proposals.empty())
    caf::anon_send(peers.member, propose{std::move(proposals)});
  if (!out.to_read.empty())
    caf::anon_send(peers.reader, read_batch{std::move(out.to_read), raft, applied});
  edges.send(std::move(out.answers));
}

namespace {

using manager_pointer = lease_manager_actor::stateful_pointer<lease_manager_state>;

/// Takes one step, and comes back when the core has said so.
template <class Step>
void take(manager_pointer self, const Step& step) {
  auto& host = *self->state.host;
  step(host);
  if (host.due && !std::exchange(host.timer_runs, true)) {
    auto left = *host.due - host.time->now();
    self->delayed_send(self, std::max(left, std::chrono::nanoseconds{0}), expiries_due{});
  }
}

} // namespace

lease_manager_actor::behavior_type
lease_manager_behavior(manager_pointer self, const std::shared_ptr<lease_manager_host>& host) {
  self->set_exception_handler(failure_of);
  self->state.host = host;
  return {
    [=](const call_batch& batch) { take(self, [&](auto& host) { host.on(batch); }); },
    [=](const lease_changes& news) { take(self, [&](auto& host) { host.on(news); }); },
    [=](const propose_refused& refused) { self->state.host->core.on(refused); },
    [=](const raft_status& status) { take(self, [&](auto& host) { host.on(status); }); },
    [=](const tick&) { take(self, [](auto& host) { host.on_tick(); }); },
    [=](const service::edge_joined& edge) { self->state.host->edges.add(edge); },
    [=](expiries_due) { take(self, [](auto& host) { host.on_expiries_due(); }); },
  };
}

} // namespace troupe::lease
