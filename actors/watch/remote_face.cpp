#include "actors/watch/remote_face.hpp"

#include "actors/failure/failure.hpp"

#include <caf/actor_cast.hpp>
#include <caf/make_message.hpp>
#include <caf/send.hpp>
#include <optional>
#include <utility>

namespace troupe::watch {

namespace {

using face_pointer = face_actor::stateful_pointer<face_state>;

constexpr std::size_t max_key_bytes = 65'536;

/// Without a sender: other programs need not know of the face what they were not told.
void hand_over(const caf::strong_actor_ptr& to, caf::message content) {
  to->enqueue(nullptr, caf::make_message_id(), std::move(content), nullptr);
}

void refuse(const caf::strong_actor_ptr& subscriber, loss reason) {
  hand_over(subscriber, caf::make_message(lost_v1{reason}));
}

std::optional<std::uint64_t> number_of(const face_state& state, const caf::actor_addr& who) {
  auto found = state.numbers.find(who);
  return found == state.numbers.end() ? std::nullopt : std::optional{found->second};
}

std::optional<std::uint64_t> number_of_sender(face_pointer self) {
  const auto& sender = self->current_sender();
  return sender ? number_of(self->state, caf::actor_cast<caf::actor_addr>(sender)) : std::nullopt;
}

/// The subscriber hears no more.
void forget(face_pointer self, std::uint64_t number) {
  auto& state = self->state;
  auto found = state.subscriptions.find(number);
  if (found == state.subscriptions.end())
    return;
  const auto& [subscriber, watcher] = found->second;
  self->demonitor(caf::actor_cast<caf::actor_addr>(subscriber));
  self->demonitor(watcher.address());
  caf::anon_send_exit(watcher, caf::exit_reason::user_shutdown);
  state.numbers.erase(caf::actor_cast<caf::actor_addr>(subscriber));
  state.numbers.erase(watcher.address());
  state.subscriptions.erase(found);
  *state.config.context->subscriptions = state.subscriptions.size();
}

bool well_formed(const subscribe_v1& wanted) {
  return wanted.start_revision >= 0 && wanted.key.size() + wanted.range_end.size() <= max_key_bytes
         && (wanted.puts || wanted.deletions)
         && !mvcc::key_range::of(wanted.key, wanted.range_end).empty();
}

void begin(face_pointer self, caf::strong_actor_ptr subscriber, const subscribe_v1& wanted) {
  auto& state = self->state;
  auto number = ++state.last_number;
  watch_interest interest{.keys = mvcc::key_range::of(wanted.key, wanted.range_end),
                          .puts = wanted.puts,
                          .deletions = wanted.deletions,
                          .previous = wanted.previous};
  auto watcher = spawn_remote_watcher(*state.config.core, state.config.context,
                                      {.face = self,
                                       .number = number,
                                       .interest = std::move(interest),
                                       .start_revision = wanted.start_revision});
  self->monitor(subscriber);
  self->monitor(watcher);
  state.numbers[caf::actor_cast<caf::actor_addr>(subscriber)] = number;
  state.numbers[watcher.address()] = number;
  state.subscriptions[number] = {std::move(subscriber), std::move(watcher)};
  *state.config.context->subscriptions = state.subscriptions.size();
}

void on_subscribe(face_pointer self, const subscribe_v1& wanted) {
  const auto& subscriber = self->current_sender();
  if (!subscriber)
    return;
  if (auto number = number_of_sender(self)) {
    forget(self, *number);
    refuse(subscriber, loss::malformed);
  } else if (!well_formed(wanted)) {
    refuse(subscriber, loss::malformed);
  } else if (self->state.subscriptions.size() >= self->state.config.max_subscriptions) {
    refuse(subscriber, loss::too_many);
  } else {
    begin(self, subscriber, wanted);
  }
}

void on_parcel(face_pointer self, const remote_parcel& parcel) {
  auto found = self->state.subscriptions.find(parcel.number);
  if (found == self->state.subscriptions.end())
    return;
  hand_over(found->second.subscriber, parcel.content);
  if (parcel.last)
    forget(self, parcel.number);
}

/// A subscriber, its program, or the connection to it has ended; or a watcher that failed.
void on_down(face_pointer self, const caf::actor_addr& who) {
  auto number = number_of(self->state, who);
  if (!number)
    return;
  auto entry = self->state.subscriptions.at(*number);
  if (entry.watcher.address() == who)
    refuse(entry.subscriber, loss::failed);
  forget(self, *number);
}

void end(face_pointer self) {
  for (const auto& [number, entry] : self->state.subscriptions)
    caf::anon_send_exit(entry.watcher, caf::exit_reason::user_shutdown);
  self->quit();
}

} // namespace

face_actor::behavior_type face_behavior(face_pointer self, const face_config& config) {
  self->state.config = config;
  self->set_exception_handler(failure_of);
  // Whoever reaches the port can send these: neither ends the face nor fills the log.
  self->set_exit_handler([](const caf::exit_msg&) {});
  self->set_default_handler(caf::drop);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down.source); });
  return {
    [=](const subscribe_v1& wanted) { on_subscribe(self, wanted); },
    [=](const credit_v1& credit) {
      if (auto number = number_of_sender(self))
        caf::anon_send(self->state.subscriptions.at(*number).watcher, credit);
    },
    [=](const unsubscribe_v1&) {
      if (auto number = number_of_sender(self))
        forget(self, *number);
    },
    [=](const remote_parcel& parcel) { on_parcel(self, parcel); },
    [=](end_subscriptions) { end(self); },
  };
}

} // namespace troupe::watch
