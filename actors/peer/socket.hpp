#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace troupe::peer {

/// Owns a descriptor.
class unique_socket {
public:
  unique_socket() = default;

  explicit unique_socket(int descriptor) : descriptor_(descriptor) {}

  unique_socket(unique_socket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}

  unique_socket& operator=(unique_socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

  ~unique_socket();

  explicit operator bool() const {
    return descriptor_ >= 0;
  }

  int get() const {
    return descriptor_;
  }

  int release() {
    return std::exchange(descriptor_, -1);
  }

private:
  int descriptor_ = -1;
};

/// An IP address or a name, with a port.
struct host_and_port {
  /// Without brackets. To listen: an IP literal; empty means every interface.
  std::string host;
  /// To listen: 0 lets the system choose.
  std::uint16_t port = 0;

  friend bool operator==(const host_and_port&, const host_and_port&) = default;
};

/// "10.0.0.1:2380" or "[::1]:2380".
std::string to_string(const host_and_port& where);

/// Of whoever is at the other end of a connection; empty host if it has gone.
host_and_port other_end(int descriptor);

/// Of this end.
host_and_port local_end(int descriptor);

/// A non-blocking socket that takes connections. @throws std::system_error naming the address.
unique_socket listen_on(const host_and_port& where);

/// Small messages go at once; a peer whose machine has vanished is noticed after about `silence`,
/// whether or not something is on its way to it.
void set_connection_options(int descriptor, std::chrono::milliseconds silence);

/// The next `close` drops what is unsent and leaves nothing behind.
void close_hard(unique_socket socket);

/// For threads that write to sockets through OpenSSL: a broken one is an error and not a signal.
void block_sigpipe();

} // namespace troupe::peer
