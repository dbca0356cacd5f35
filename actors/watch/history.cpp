#include "actors/watch/history.hpp"

#include "actors/failure/failure.hpp"

#include <caf/send.hpp>
#include <utility>

namespace troupe::watch {

history_actor::behavior_type history_behavior(history_actor::stateful_pointer<history_state> self,
                                              const std::shared_ptr<history_core>& core) {
  self->set_exception_handler(failure_of);
  self->state.core = core;
  return {
    [=](const read_history& asked) {
      auto part = self->state.core->read(asked.interest, asked.first, asked.last, asked.max_bytes);
      caf::anon_send(asked.reply_to, history_part{.request = asked.request,
                                                  .events = std::move(part.events),
                                                  .last = part.last,
                                                  .error = part.error,
                                                  .floor = part.floor});
    },
    [=](const fill_previous& asked) {
      self->state.core->fill_previous(*asked.batch, asked.which);
      caf::anon_send(asked.reply_to, previous_filled{asked.request});
    },
  };
}

} // namespace troupe::watch
