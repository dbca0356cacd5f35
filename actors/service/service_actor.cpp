#include "actors/service/service_actor.hpp"

#include "actors/failure/failure.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <utility>

namespace troupe::service {

service_host::service_host(service_core core, service_peers peers,
                           std::shared_ptr<const clock> time)
    : core(std::move(core)), peers(std::move(peers)), time(std::move(time)) {}

void service_host::carry_out(service_output&& out) {
  if (!out.to_await.empty())
    caf::anon_send(peers.applier, await_applied{std::move(out.to_await)});
  if (!out.to_propose.empty())
    caf::anon_send(peers.member, propose{std::move(out.to_propose)});
  if (out.to_confirm)
    caf::anon_send(peers.member, *out.to_confirm);
  if (!out.points.empty()) {
    auto& reader = peers.point_readers[next_reader++ % peers.point_readers.size()];
    caf::anon_send(reader, read_batch{std::move(out.points), core.raft(), core.applied_index()});
  }
  if (!out.lists.empty())
    caf::anon_send(peers.list_reader,
                   read_batch{std::move(out.lists), core.raft(), core.applied_index()});
  for (const auto& event : out.stream_events)
    caf::anon_send(peers.list_reader, event);
  if (!out.to_defragment.empty())
    caf::anon_send(peers.keeper, defragment{std::move(out.to_defragment)});
  auto delegate = [](const delegate_sink& to, std::vector<call_event>&& events) {
    if (!events.empty())
      caf::anon_send(to, call_batch{std::move(events)});
  };
  delegate(peers.watches, std::move(out.watches));
  delegate(peers.leases, std::move(out.leases));
  delegate(peers.recipes, std::move(out.recipes));
  edges.send(std::move(out.answers));
  meter->reads.waiting.set(static_cast<std::int64_t>(core.waiting_reads()));
}

void service_host::note_failed_reads(const service_output& out, errc reason,
                                     metrics::counter& in) const {
  if (std::ranges::any_of(out.answers, [=](const auto& x) { return x.error == reason; }))
    in.add();
}

service_actor::behavior_type service_behavior(service_actor::stateful_pointer<service_state> self,
                                              const std::shared_ptr<service_host>& host) {
  self->set_exception_handler(failure_of);
  self->state.host = host;
  // Runs one step of the core and carries its output out.
  auto step = [self](const auto& decide) {
    service_output out;
    decide(self->state.host->core, out);
    self->state.host->carry_out(std::move(out));
  };
  return {
    [=](const call_batch& batch) {
      step([&](service_core& core, service_output& out) {
        core.on(batch, self->state.host->time->now(), out);
      });
    },
    [=](const read_index_reply& reply) {
      step([&](service_core& core, service_output& out) {
        core.on(reply, self->state.host->time->now(), out);
        const auto& host = *self->state.host;
        host.note_failed_reads(out, errc::leader_changed, host.meter->reads.failed_rounds);
      });
    },
    [=](const applied& done) {
      step([&](service_core& core, service_output& out) { core.on(done, out); });
    },
    [=](const raft_status& status) {
      self->state.host->meter->raft.note(status);
      step([&](service_core& core, service_output& out) { core.on(status, out); });
      caf::anon_send(self->state.host->peers.applier, status);
    },
    [=](const tick&) {
      step([&](service_core& core, service_output& out) {
        core.on_tick(self->state.host->time->now(), out);
        const auto& host = *self->state.host;
        host.note_failed_reads(out, errc::timeout, host.meter->reads.slow_rounds);
      });
    },
    [=](const edge_joined& edge) { self->state.host->edges.add(edge); },
  };
}

} // namespace troupe::service
