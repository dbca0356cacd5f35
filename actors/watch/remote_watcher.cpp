#include "actors/watch/remote_watcher.hpp"

#include "actors/failure/failure.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/make_message.hpp>
#include <caf/send.hpp>
#include <utility>

namespace troupe::watch {

namespace {

using watcher_pointer = remote_watcher_actor::stateful_pointer<remote_watcher_state>;

void drop(watcher_pointer self) {
  caf::anon_send(self->state.context->hub, drop_watches{{self}, {}});
}

template <class Message>
void post(watcher_pointer self, Message message, bool last = false) {
  const auto& state = self->state;
  caf::anon_send(state.face,
                 remote_parcel{state.number, caf::make_message(std::move(message)), last});
}

std::size_t window_of(const remote_context& context) {
  auto share = context.total_bytes / std::max<std::size_t>(*context.subscriptions, 1);
  return std::min(context.flow.window_bytes, std::max(share, context.least_window_bytes));
}

/// @returns false if the subscriber has no room for all of them.
bool deliver(watcher_pointer self, const cursor_events& x) {
  auto& state = self->state;
  state.flow->limit_window(window_of(*state.context));
  auto packed = state.flow->pack(x.events, x.upto);
  for (auto& message : packed.messages)
    post(self, std::move(message));
  if (packed.next > x.upto)
    return true;
  state.stalled_at = packed.next;
  return false;
}

void report_end(watcher_pointer self, const cursor_end& end) {
  bool compacted = end.error == errc::compacted;
  post(self, lost_v1{compacted ? loss::compacted : loss::failed, compacted ? end.floor : 0}, true);
  self->quit();
}

void carry_out(watcher_pointer self, const cursor_output& out) {
  auto& state = self->state;
  const auto& context = *state.context;
  bool room = true;
  for (std::size_t i = 0; i < out.events.size() && room; ++i)
    room = deliver(self, out.events[i]);
  if (out.drop)
    drop(self);
  if (out.enroll)
    caf::anon_send(context.hub, register_watches{{{state.interest, self}}, self});
  if (!room) {
    cursor_output rest;
    state.position.pause(rest);
    if (rest.drop)
      drop(self);
    return;
  }
  if (out.read)
    caf::anon_send(context.history, read_history{out.read->request, state.interest, out.read->first,
                                                 out.read->last, context.history_bytes, self});
  if (out.ended)
    report_end(self, *out.ended);
}

void on_credit(watcher_pointer self, const credit_v1& credit) {
  auto& state = self->state;
  state.flow->on_credit(credit.number);
  if (!state.stalled_at || !state.flow->worth_resuming())
    return;
  cursor_output out;
  state.position.resume(*std::exchange(state.stalled_at, std::nullopt), out);
  carry_out(self, out);
}

void end_with_face(watcher_pointer self) {
  self->monitor(self->state.face);
  self->set_down_handler([self](caf::down_msg&) {
    drop(self);
    self->quit();
  });
}

remote_watcher_actor::behavior_type
remote_watcher(watcher_pointer self, const std::shared_ptr<const remote_context>& context,
               const remote_watcher_config& config) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    drop(self);
    return failure_of(thrown);
  });
  self->set_exit_handler([self](const caf::exit_msg& message) {
    drop(self);
    self->quit(message.reason);
  });
  auto& state = self->state;
  state.context = context;
  state.face = config.face;
  state.number = config.number;
  state.interest = config.interest;
  state.flow.emplace(config.interest, context->flow);
  end_with_face(self);
  cursor_output out;
  state.position.resume(config.start_revision, out);
  carry_out(self, out);
  return {
    [=](const watch_events& events) {
      cursor_output out;
      self->state.position.on_live(events, out, self->state.context->kept);
      carry_out(self, out);
    },
    [=](const history_part& part) {
      cursor_output out;
      self->state.position.on_history(part.request, part.events, part.last, part.error, part.floor,
                                      out);
      carry_out(self, out);
    },
    [=](const watches_registered& done) {
      auto& state = self->state;
      cursor_output out;
      state.position.on_registered(done.published, done.floor, out);
      if (!out.ended && !std::exchange(state.started, true))
        post(self, started_v1{done.published});
      carry_out(self, out);
    },
    [=](const credit_v1& credit) { on_credit(self, credit); },
  };
}

} // namespace

remote_watcher_actor spawn_remote_watcher(caf::actor_system& system,
                                          std::shared_ptr<const remote_context> context,
                                          remote_watcher_config config) {
  return system.spawn(remote_watcher, std::move(context), std::move(config));
}

} // namespace troupe::watch
