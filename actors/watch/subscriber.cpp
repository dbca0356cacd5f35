#include "actors/watch/subscriber.hpp"

#include "actors/failure/failure.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <utility>

namespace troupe::watch {

namespace {

using subscriber_pointer = subscriber_actor::stateful_pointer<subscriber_state>;

void drop(subscriber_pointer self) {
  caf::anon_send(self->state.context->hub, drop_watches{{self}, {}});
}

void carry_out(subscriber_pointer self, const cursor_output& out) {
  const auto& [context, interest, position] = self->state;
  for (const auto& x : out.events)
    context->calls.on_events(x.events);
  if (out.drop)
    drop(self);
  if (out.enroll)
    caf::anon_send(context->hub, register_watches{{{interest, self}}, self});
  if (out.read)
    caf::anon_send(context->history, read_history{out.read->request, interest, out.read->first,
                                                  out.read->last, context->history_bytes, self});
  if (out.ended) {
    if (context->calls.on_end)
      context->calls.on_end(*out.ended);
    self->quit();
  }
}

subscriber_actor::behavior_type subscriber(subscriber_pointer self,
                                           const std::shared_ptr<const subscriber_context>& context,
                                           const watch_interest& interest,
                                           std::int64_t start_revision) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    drop(self);
    return failure_of(thrown);
  });
  self->set_exit_handler([self](const caf::exit_msg& message) {
    drop(self);
    self->quit(message.reason);
  });
  self->state.context = context;
  self->state.interest = interest;
  cursor_output out;
  self->state.position.resume(start_revision, out);
  carry_out(self, out);
  return {
    [=](const watch_events& events) {
      cursor_output out;
      self->state.position.on_live(events, out);
      carry_out(self, out);
    },
    [=](const history_part& part) {
      cursor_output out;
      self->state.position.on_history(part.request, part.events, part.last, part.error, part.floor,
                                      out);
      carry_out(self, out);
    },
    [=](const watches_registered& done) {
      cursor_output out;
      self->state.position.on_registered(done.published, done.floor, out);
      carry_out(self, out);
    },
  };
}

} // namespace

subscriber_actor spawn_subscriber(caf::actor_system& system,
                                  std::shared_ptr<const subscriber_context> context,
                                  watch_interest interest, std::int64_t start_revision) {
  return system.spawn(subscriber, std::move(context), std::move(interest), start_revision);
}

} // namespace troupe::watch
