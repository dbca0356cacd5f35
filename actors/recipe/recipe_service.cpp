#include "actors/recipe/recipe_service.hpp"

#include "actors/failure/failure.hpp"

#include <caf/send.hpp>
#include <utility>

namespace troupe::recipe {

recipe_host::recipe_host(recipe_core core, std::shared_ptr<const clock> time)
    : core(std::move(core)), time(std::move(time)) {}

void recipe_host::carry_out(recipe_output&& out) const {
  if (!out.inner.empty())
    caf::anon_send(service, call_batch{std::move(out.inner)});
  edges.send(std::move(out.answers));
}

recipe_actor::behavior_type recipe_behavior(recipe_actor::stateful_pointer<recipe_state> self,
                                            const std::shared_ptr<recipe_host>& host) {
  self->set_exception_handler(troupe::failure_of);
  self->state.host = host;
  auto step = [self](const auto& decide) {
    auto& host = *self->state.host;
    recipe_output out;
    decide(host.core, host.time->now(), out);
    host.carry_out(std::move(out));
  };
  return {
    [=](const call_batch& batch) {
      step(
        [&](recipe_core& core, time_point now, recipe_output& out) { core.on(batch, now, out); });
    },
    [=](const rpc_answers& answers) {
      step(
        [&](recipe_core& core, time_point now, recipe_output& out) { core.on(answers, now, out); });
    },
    [=](const tick&) {
      step([](recipe_core& core, time_point now, recipe_output& out) { core.on_tick(now, out); });
    },
    [=](const service::edge_joined& edge) { self->state.host->edges.add(edge); },
    [=](const call_through& to) { self->state.host->service = to.service; },
  };
}

} // namespace troupe::recipe
