#pragma once

#include "actors/watch/remote_watcher.hpp"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace caf {

class actor_system;

} // namespace caf

namespace troupe::watch {

/// Why a subscription port could not be opened; the text is for the operator.
class remote_port_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Where programs subscribe as remote actors (DESIGN 7): an actor system of its own with its own
/// I/O thread, which publishes the subscription face and nothing else.
///
/// CAF's network protocol has no authentication, and without mutual TLS whoever reaches the port
/// can make the node allocate: a header may announce a payload of 4 GiB, which is zeroed at once;
/// connections are neither counted nor closed for silence; a `kill` message ends the face, after
/// which the port answers nothing (the node lives on). So the port listens on loopback addresses
/// only and not at all unless asked to: it is for programs of the same machine, whose users are
/// trusted with the node. What a well-behaved program can cause by accident is bounded: the number
/// of subscriptions, the bytes on their way to each, the size of a message; one that stops reading
/// holds no more than its window.
class remote_port {
public:
  /// @param core the system of hub and history; outlives the port.
  remote_port(caf::actor_system& core, remote_context context);

  /// Ends every subscription; their watchers end soon after, before `core` does.
  ~remote_port();

  remote_port(const remote_port&) = delete;
  remote_port& operator=(const remote_port&) = delete;

  /// @param host an IP literal; must be a loopback address. @param port 0: any free one.
  /// @returns the port that was chosen. @throws remote_port_error
  std::uint16_t listen(const std::string& host, std::uint16_t port);

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// 127.0.0.0/8 or ::1.
bool is_loopback(const std::string& ip_literal);

} // namespace troupe::watch
