#include "actors/lease/lease_manager.hpp"

#include "actors/failure/failure.hpp"

#include <caf/send.hpp>
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

void lease_manager_host::finish(lease_output&& decided, call_output&& out, time_point now) {
  std::vector<proposal> proposals;
  for (;;) {
    if (decided.promoted || !decided.settled.empty())
      calls.on_decided(decided, revision(), now, out);
    std::move(decided.to_propose.begin(), decided.to_propose.end(), std::back_inserter(proposals));
    // Who has heard may have asked for more.
    decided = {};
    core.propose_due(now, decided);
    if (decided.to_propose.empty() && decided.settled.empty())
      break;
  }
  if (!proposals.empty())
    caf::anon_send(peers.member, propose{std::move(proposals)});
  if (!out.to_read.empty())
    caf::anon_send(peers.reader, read_batch{std::move(out.to_read), raft, applied});
  edges.send(std::move(out.answers));
}

lease_manager_actor::behavior_type
lease_manager_behavior(lease_manager_actor::stateful_pointer<lease_manager_state> self,
                       const std::shared_ptr<lease_manager_host>& host) {
  self->set_exception_handler(failure_of);
  self->state.host = host;
  return {
    [=](const call_batch& batch) { self->state.host->on(batch); },
    [=](const lease_changes& news) { self->state.host->on(news); },
    [=](const propose_refused& refused) { self->state.host->core.on(refused); },
    [=](const raft_status& status) { self->state.host->on(status); },
    [=](const tick&) { self->state.host->on_tick(); },
    [=](const service::edge_joined& edge) { self->state.host->edges.add(edge); },
  };
}

} // namespace troupe::lease
