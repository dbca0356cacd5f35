#include "actors/watch/history.hpp"

#include "actors/failure/failure.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <utility>

namespace troupe::watch {

namespace {

using history_pointer = history_service::stateful_pointer<history_state>;

/// Requests between two looks at what is urgent; each may read a few blocks from the store.
constexpr std::size_t at_a_time = 8;

void answer(history_core& core, const read_history& asked) {
  auto part = core.read(asked.interest, asked.first, asked.last, asked.max_bytes);
  caf::anon_send(asked.reply_to, history_part{.request = asked.request,
                                              .events = std::move(part.events),
                                              .last = part.last,
                                              .error = part.error,
                                              .floor = part.floor});
}

void serve_some(history_pointer self) {
  auto& state = self->state;
  if (state.next == state.round.size()) {
    state.round = std::exchange(state.waiting, {});
    state.next = 0;
    std::ranges::stable_sort(state.round, {}, &read_history::first);
  }
  auto end = std::min(state.next + at_a_time, state.round.size());
  for (; state.next < end; ++state.next)
    answer(*state.core, std::exchange(state.round[state.next], {}));
  if (state.next < state.round.size() || !state.waiting.empty()) {
    self->send(self, tick{});
  } else {
    state.round.clear();
    state.next = 0;
  }
}

} // namespace

history_service::behavior_type history_behavior(history_pointer self,
                                                const std::shared_ptr<history_core>& core) {
  self->set_exception_handler(failure_of);
  self->state.core = core;
  return {
    [=](const read_history& asked) {
      auto& state = self->state;
      bool idle = state.round.empty() && state.waiting.empty();
      state.waiting.push_back(asked);
      // Comes behind all requests that wait already.
      if (idle)
        self->send(self, tick{});
    },
    [=](const fill_previous& asked) {
      self->state.core->fill_previous(*asked.batch, asked.which);
      caf::anon_send(asked.reply_to, previous_filled{asked.request});
    },
    [=](const tick&) { serve_some(self); },
  };
}

} // namespace troupe::watch
