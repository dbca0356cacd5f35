#include "actors/service/http_pages.hpp"

#include "actors/failure/failure.hpp"
#include "actors/log/log.hpp"

#include <caf/send.hpp>
#include <string>
#include <utility>

namespace troupe::service {

namespace {

page_view view_of(const metrics::node_counters& counters) {
  return {.has_leader = counters.raft.leader.value() != 0,
          .is_learner = counters.raft.learner.value() != 0,
          .no_space = counters.alarms.no_space.value() != 0,
          .corrupt = counters.alarms.corrupt.value() != 0,
          .other_alarm = counters.alarms.other.value() != 0};
}

} // namespace

http_pages_host::http_pages_host(page_core core, call_sink probes,
                                 std::shared_ptr<metrics::node_metrics> metrics,
                                 std::shared_ptr<const clock> time)
    : core(std::move(core)), probes(std::move(probes)), metrics(std::move(metrics)),
      time(std::move(time)) {}

void http_pages_host::carry_out(page_output&& out) const {
  if (!out.probes.empty())
    caf::anon_send(probes, call_batch{std::move(out.probes)});
  for (const auto& verdict : out.verdicts)
    report(verdict);
  for (const auto& check : out.checks)
    metrics->check_answered(check.page, check.name, check.ok);
  auto send = [this](http_response&& response) {
    if (auto edge = edges.find(response.call.edge); edge != edges.end())
      caf::anon_send(edge->second, std::move(response));
  };
  for (auto& response : out.responses)
    send(std::move(response));
  for (auto call : out.scrapes)
    send({.call = call,
          .content_type = std::string{metrics::metrics_content_type},
          .headers = {},
          .body = metrics->text()});
}

void http_pages_host::report(const page_verdict& verdict) const {
  bool health = verdict.path == "/health";
  if (health)
    metrics->health_answered(verdict.ok);
  if (verdict.ok)
    return;
  if (health)
    log::warn("/health error", {{"output", verdict.body}, {"status-code", 503}});
  else
    log::error("Health check error",
               {{"path", verdict.path}, {"reason", verdict.body}, {"status-code", 503}});
}

http_pages_actor::behavior_type
http_pages_behavior(http_pages_actor::stateful_pointer<http_pages_state> self,
                    const std::shared_ptr<http_pages_host>& host) {
  self->set_exception_handler(failure_of);
  self->state.host = host;
  return {
    [=](const http_request& request) {
      auto& host = *self->state.host;
      page_output out;
      host.core.on(request, view_of(*host.metrics->counters()), host.time->now(), out);
      host.carry_out(std::move(out));
    },
    [=](const rpc_answers& answers) {
      page_output out;
      self->state.host->core.on(answers, out);
      self->state.host->carry_out(std::move(out));
    },
    [=](const tick&) {
      page_output out;
      self->state.host->core.on_tick(self->state.host->time->now(), out);
      self->state.host->carry_out(std::move(out));
    },
    [=](const page_edge_joined& joined) { self->state.host->edges[joined.edge] = joined.handle; },
  };
}

} // namespace troupe::service
