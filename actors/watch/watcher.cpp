#include "actors/watch/watcher.hpp"

#include "actors/failure/failure.hpp"

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <utility>

namespace troupe::watch {

namespace {

using watcher_pointer = watcher_actor::stateful_pointer<watcher_state>;

void drop(watcher_pointer self) {
  caf::anon_send(self->state.context->hub, drop_watches{{self}, {}});
}

void notify(watcher_pointer self, watch_notice::what kind, std::int64_t revision = 0,
            errc error = errc::none) {
  const auto& config = self->state.config;
  caf::anon_send(self->state.context->session,
                 watch_notice{kind, config.watch, config.epoch, revision, error});
}

void deliver(watcher_pointer self, const cursor_events& x) {
  const auto& state = self->state;
  const auto& config = state.config;
  const auto& events = x.events;
  auto newest = events[events.size() - 1].change.at.main;
  response_frame frame{.watch = config.watch,
                       .revision =
                         x.from_history ? std::max(newest, state.position.target()) : newest,
                       .term = state.term};
  auto pieces = encode_events(events, config.interest, state.context->identity, frame,
                              config.fragment ? state.context->fragment_bytes : 0);
  if (!pieces.empty())
    // Within the train: several watchers of a session wake it once.
    caf::actor_cast<caf::abstract_actor*>(state.context->session)
      ->eq_impl(caf::make_message_id(), nullptr, self->context(),
                watch_delivery{config.watch, config.epoch, events[0].change.at.main, events.size(),
                               std::move(pieces)});
}

void carry_out(watcher_pointer self, const cursor_output& out) {
  auto& state = self->state;
  const auto& context = *state.context;
  const auto& config = state.config;
  for (const auto& events : out.events)
    deliver(self, events);
  if (out.drop)
    drop(self);
  if (out.enroll)
    caf::anon_send(context.hub, register_watches{{{config.interest.unpack(), self}}, self});
  if (out.read)
    caf::anon_send(context.history,
                   read_history{out.read->request, config.interest.unpack(), out.read->first,
                                out.read->last, context.history_bytes, self});
  if (out.ended)
    notify(self, watch_notice::what::ended, out.ended->floor, out.ended->error);
  else if (state.position.live() && std::exchange(state.catching_up, false))
    notify(self, watch_notice::what::caught_up);
}

void on_events(watcher_pointer self, const watch_events& events) {
  auto& state = self->state;
  state.term = std::max(state.term, events.batch->term);
  cursor_output out;
  if (events.gap && state.position.live()) {
    // The session decides who reads when.
    auto from = std::max(state.position.next(), events.batch->first);
    state.position.pause(out);
    carry_out(self, out);
    notify(self, watch_notice::what::fell_behind, from);
  } else {
    state.position.on_live(events, out);
    carry_out(self, out);
  }
}

void on_order(watcher_pointer self, const watch_order& order) {
  auto& state = self->state;
  cursor_output out;
  switch (order.kind) {
  case watch_order::what::pause:
    state.config.epoch = order.epoch;
    state.catching_up = false;
    state.position.pause(out);
    break;
  case watch_order::what::resume:
    state.config.epoch = order.epoch;
    state.catching_up = true;
    state.position.resume(order.from, out);
    break;
  case watch_order::what::end:
    // The session drops what it has registered; nobody else may do so for what this one has.
    if (state.position.has_enrolled())
      drop(self);
    self->quit();
    return;
  }
  carry_out(self, out);
}

} // namespace

watcher_actor::behavior_type watcher_behavior(watcher_pointer self,
                                              const std::shared_ptr<const watcher_context>& context,
                                              const watcher_config& config) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    auto reason = failure_of(thrown);
    caf::anon_send(self->state.context->session, watch_failed{reason});
    return reason;
  });
  auto& state = self->state;
  state.context = context;
  state.config = config;
  if (config.registered)
    state.position = cursor::registered_by_another();
  return {
    [=](const watch_events& events) { on_events(self, events); },
    [=](const history_part& part) {
      auto& state = self->state;
      cursor_output out;
      state.position.on_history(part.request, part.events, part.last, part.error, part.floor, out);
      carry_out(self, out);
    },
    [=](const watches_registered& done) {
      auto& state = self->state;
      state.term = std::max(state.term, done.term);
      cursor_output out;
      state.position.on_registered(done.published, done.floor, out);
      carry_out(self, out);
    },
    [=](const watch_order& order) { on_order(self, order); },
    [=](const progress_marker& marker) {
      const auto& state = self->state;
      caf::anon_send(state.context->session,
                     marker_passed{state.config.watch, state.config.epoch, marker.round,
                                   state.position.in_sync(marker.published)});
    },
  };
}

} // namespace troupe::watch
