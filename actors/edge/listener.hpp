#pragma once

#include <cstdint>
#include <string>

namespace troupe {

/// A listening socket; closes it unless it is released.
class listener {
public:
  /// Listens on a numeric or resolvable host and a port (0: any free one). An IPv6 address takes
  /// IPv6 only, so that "0.0.0.0" and "::" do not collide. `shared`: other edges listen on the same
  /// port (SO_REUSEPORT) and the kernel spreads connections over them.
  /// @throws std::system_error naming host and port.
  static listener tcp(const std::string& host, std::uint16_t port, bool shared = false);

  /// Listens on a socket file; one that nobody listens on any more is replaced.
  /// @throws std::system_error naming the path.
  static listener unix_socket(const std::string& path);

  /// A port without a socket of ours: CAF opens it. For CAF's test multiplexer, which has no
  /// sockets at all.
  static listener by_port(std::uint16_t port) {
    return {-1, port};
  }

  listener(listener&& other) noexcept;
  listener& operator=(listener&& other) noexcept;
  ~listener();

  /// The port that was chosen; 0 for a socket file.
  std::uint16_t port() const {
    return port_;
  }

  /// Gives the descriptor to the caller; -1 if there is none.
  int release();

private:
  listener(int descriptor, std::uint16_t port) : descriptor_(descriptor), port_(port) {}

  int descriptor_ = -1;
  std::uint16_t port_ = 0;
};

/// Address of the other end of a connected socket: "10.0.0.1:999", "[::1]:999", or "unix". (CAF
/// ends the process when asked for the port of a socket that has none.)
std::string peer_address(int descriptor);

} // namespace troupe
