#include "actors/read/reader.hpp"

#include "actors/failure/failure.hpp"

namespace troupe::read {

reader_actor::behavior_type reader_behavior(reader_actor::stateful_pointer<reader_state> self,
                                            const std::shared_ptr<reader_host>& host) {
  self->set_exception_handler(failure_of);
  self->state.host = host;
  return {
    [=](const read_batch& batch) {
      auto& host = *self->state.host;
      host.core.on(
        batch, host.time->now(),
        [&](std::vector<rpc_answer>&& answers) { host.edges.send(std::move(answers)); },
        host.time->unix_seconds());
    },
    [=](const read_stream_event& event) {
      auto& host = *self->state.host;
      host.edges.send(host.core.on(event, host.time->now()));
    },
    [=](const tick&) {
      auto& host = *self->state.host;
      host.edges.send(host.core.on_tick(host.time->now()));
    },
    [=](const service::edge_joined& edge) { self->state.host->edges.add(edge); },
  };
}

} // namespace troupe::read
