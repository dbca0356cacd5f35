#include "actors/watch/remote_subscription.hpp"

#include "actors/failure/failure.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <utility>

namespace troupe::watch {

namespace {

struct client_state {
  client_state() = default;

  static inline const char* name = "watch.remote_subscriber";

  subscription_face node;
  remote_calls calls;
};

using client_pointer = remote_subscriber::stateful_pointer<client_state>;

void end(client_pointer self, const lost_v1& why) {
  if (self->state.calls.on_lost)
    self->state.calls.on_lost(why);
  self->quit();
}

remote_subscriber::behavior_type client(client_pointer self, const subscription_face& node,
                                        const subscribe_v1& wanted, const remote_calls& calls) {
  self->state.node = node;
  self->state.calls = calls;
  self->set_exception_handler(failure_of);
  self->set_exit_handler([self](const caf::exit_msg& message) {
    self->send(self->state.node, unsubscribe_v1{});
    self->quit(message.reason);
  });
  self->set_down_handler([self](const caf::down_msg&) { end(self, lost_v1{loss::disconnected}); });
  self->monitor(node);
  self->send(node, wanted);
  return {
    [=](const started_v1& started) {
      if (self->state.calls.on_started)
        self->state.calls.on_started(started);
    },
    [=](const changes_v1& changes) {
      if (self->state.calls.on_changes)
        self->state.calls.on_changes(changes);
      self->send(self->state.node, credit_v1{changes.number});
    },
    [=](const lost_v1& lost) { end(self, lost); },
  };
}

} // namespace

void prepare_subscriptions(caf::actor_system_config& config) {
  config.load<caf::io::middleman>();
  register_messages(config);
}

subscription_face connect(caf::actor_system& system, const std::string& host, std::uint16_t port) {
  auto node = system.middleman().remote_actor<subscription_face>(host, port);
  if (!node)
    throw connect_error{"no node at " + host + " port " + std::to_string(port) + ": "
                        + system.render(node.error())};
  return std::move(*node);
}

subscription subscribe(caf::actor_system& system, const subscription_face& node,
                       subscribe_v1 wanted, remote_calls calls) {
  auto actor = system.spawn(client, node, std::move(wanted), std::move(calls));
  // Not to hold it: a handle must not outlive the actor system.
  return subscription{[weak = caf::actor_cast<caf::weak_actor_ptr>(actor)] {
    if (auto alive = weak.lock())
      caf::anon_send_exit(alive, caf::exit_reason::user_shutdown);
  }};
}

} // namespace troupe::watch
