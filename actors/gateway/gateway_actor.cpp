#include "actors/gateway/gateway_actor.hpp"

#include "actors/failure/failure.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <utility>

namespace troupe::gateway {

gateway_host::gateway_host(gateway_core core, call_sink service, std::shared_ptr<const clock> time)
    : core(std::move(core)), service(std::move(service)), time(std::move(time)) {}

void gateway_host::carry_out(gateway_output&& out) const {
  if (!out.calls.empty())
    caf::anon_send(service, call_batch{std::move(out.calls)});
  for (auto& response : out.responses)
    if (auto edge = edges.find(response.call.edge); edge != edges.end())
      caf::anon_send(edge->second, std::move(response));
  std::map<std::uint32_t, http_body_parts> by_edge;
  for (auto& part : out.parts)
    by_edge[part.call.edge].parts.push_back(std::move(part));
  for (auto& [number, parts] : by_edge)
    if (auto edge = edges.find(number); edge != edges.end())
      caf::anon_send(edge->second, std::move(parts));
}

gateway_actor::behavior_type gateway_behavior(gateway_actor::stateful_pointer<gateway_state> self,
                                              const std::shared_ptr<gateway_host>& host) {
  self->set_exception_handler(failure_of);
  self->state.host = host;
  // Runs one step of the core, carries its output out and sees to it that deadlines are kept.
  auto step = [self](const auto& decide) {
    auto& host = *self->state.host;
    auto now = host.time->now();
    gateway_output out;
    decide(host.core, now, out);
    host.carry_out(std::move(out));
    if (auto next = host.core.next_check(); next < host.wakes_at) {
      host.wakes_at = next;
      self->delayed_send(self, std::max(next - now, std::chrono::nanoseconds{0}), tick{});
    }
  };
  return {
    [=](const http_request& request) {
      step([&](gateway_core& core, time_point now, auto& out) { core.on(request, now, out); });
    },
    [=](const http_event& event) {
      step([&](gateway_core& core, time_point now, auto& out) { core.on(event, now, out); });
    },
    [=](const rpc_answers& answers) {
      step([&](gateway_core& core, time_point now, auto& out) { core.on(answers, now, out); });
    },
    [=](const tick&) {
      self->state.host->wakes_at = time_point::max();
      step([&](gateway_core& core, time_point now, auto& out) { core.on_tick(now, out); });
    },
    [=](const gateway_edge_joined& joined) {
      self->state.host->edges[joined.edge] = joined.handle;
    },
  };
}

} // namespace troupe::gateway
