#include "actors/read/reader.hpp"

#include "actors/failure/failure.hpp"

#include <utility>

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
      if (host.core.hashing() && !std::exchange(host.hashing, true))
        self->send(self, hash_slice{});
    },
    [=](const read_stream_event& event) {
      auto& host = *self->state.host;
      host.edges.send(host.core.on(event, host.time->now()));
    },
    [=](const tick&) {
      auto& host = *self->state.host;
      host.edges.send(host.core.on_tick(host.time->now()));
    },
    [=](hash_slice) {
      auto& host = *self->state.host;
      if (host.core.hashing())
        host.edges.send(host.core.hash_on(host.time->now()));
      host.hashing = host.core.hashing();
      if (host.hashing)
        self->send(self, hash_slice{});
    },
    [=](const service::edge_joined& edge) { self->state.host->edges.add(edge); },
  };
}

} // namespace troupe::read
