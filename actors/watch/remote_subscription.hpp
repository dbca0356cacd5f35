#pragma once

#include "actors/watch/remote_handles.hpp"
#include "actors/watch/subscription.hpp"
#include "messages/subscription.hpp"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace caf {

class actor_system;
class actor_system_config;

} // namespace caf

/// For programs that watch a node of another process: `node_config::listen_subscription`, or the
/// daemon's --listen-subscription-urls, says where it can be reached.
namespace troupe::watch {

/// The node could not be reached, or what answers there is no node.
class connect_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// What a subscription calls, on a thread of the program's actor system and one call at a time.
/// The node is asked for more when a call has returned, so one that takes long slows down only its
/// own subscription. An exception ends the subscription without another call. Each may be empty.
struct remote_calls {
  /// Once, first: everything above this revision comes as it happens.
  std::function<void(const started_v1&)> on_started;
  /// Events, each once and in order.
  std::function<void(const changes_v1&)> on_changes;
  /// The last call. After `disconnected`, connect and subscribe again from the `upto` of the last
  /// changes plus one.
  std::function<void(const lost_v1&)> on_lost;
};

/// Makes a configuration fit for subscriptions; call it before the actor system starts.
void prepare_subscriptions(caf::actor_system_config& config);

/// Connects to a node; the subscriptions of one system share its connection. Waits for the answer.
/// @throws connect_error
subscription_face connect(caf::actor_system& system, const std::string& host, std::uint16_t port);

/// Lasts until `on_lost` or until the result goes, which must be before `system` ends.
subscription subscribe(caf::actor_system& system, const subscription_face& node,
                       subscribe_v1 wanted, remote_calls calls);

} // namespace troupe::watch
