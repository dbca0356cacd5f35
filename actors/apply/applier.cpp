#include "actors/apply/applier.hpp"

#include "actors/failure/failure.hpp"

#include <caf/send.hpp>
#include <utility>

namespace troupe::apply {

applier_host::applier_host(apply_core core, store_keeper_actor keeper,
                           std::shared_ptr<const clock> time)
    : core(std::move(core)), keeper(std::move(keeper)), time(std::move(time)) {}

void applier_host::carry_out(apply_output&& out) {
  edges.send(std::move(out.answers));
  if (out.floor_raised)
    caf::anon_send(keeper, floor_raised{std::move(out.when_removed)});
  if (!out.to_propose.empty() && member)
    caf::anon_send(member, propose{std::move(out.to_propose)});
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
    [=](const committed& batch) {
      apply_output out;
      self->state.host->core.apply(batch.entries, out);
      self->state.host->carry_out(std::move(out));
      self->state.host->report();
    },
    [=](const propose_refused& refused) {
      apply_output out;
      self->state.host->core.refuse(refused, out);
      self->state.host->carry_out(std::move(out));
    },
    [=](const await_applied& calls) { self->state.host->core.await(calls); },
    [=](const raft_status& status) { self->state.host->core.on(status); },
    [=](const tick&) {
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
    [=](const service::edge_joined& edge) { self->state.host->edges.add(edge); },
  };
}

} // namespace troupe::apply
