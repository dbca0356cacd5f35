#include "actors/edge/listener.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace troupe {

namespace {

constexpr int backlog = 4096;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error{error, std::generic_category(), what};
}

void turn_on(int descriptor, int level, int option) {
  int on = 1;
  setsockopt(descriptor, level, option, &on, sizeof on);
}

std::uint16_t port_of(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  if (address.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

bool somebody_listens(const sockaddr_un& address) {
  auto probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0)
    return true;
  auto connected = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  auto refused = !connected && errno == ECONNREFUSED;
  close(probe);
  return !refused;
}

} // namespace

listener listener::tcp(const std::string& host, std::uint16_t port, bool shared) {
  auto where = "listen tcp " + host + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  auto error = getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(),
                           &hints, &found);
  if (error != 0)
    fail(error == EAI_SYSTEM ? errno : EADDRNOTAVAIL, where + ": " + gai_strerror(error));
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, freeaddrinfo};
  listener result{socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), 0};
  if (result.descriptor_ < 0)
    fail(errno, where);
  turn_on(result.descriptor_, SOL_SOCKET, SO_REUSEADDR);
  if (shared)
    turn_on(result.descriptor_, SOL_SOCKET, SO_REUSEPORT);
  if (found->ai_family == AF_INET6)
    turn_on(result.descriptor_, IPPROTO_IPV6, IPV6_V6ONLY);
  if (bind(result.descriptor_, found->ai_addr, found->ai_addrlen) != 0
      || ::listen(result.descriptor_, backlog) != 0)
    fail(errno, where);
  result.port_ = port_of(result.descriptor_);
  return result;
}

listener listener::unix_socket(const std::string& path) {
  auto where = "listen unix " + path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    fail(ENAMETOOLONG, where);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  listener result{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), 0};
  if (result.descriptor_ < 0)
    fail(errno, where);
  auto bind_once = [&] {
    return bind(result.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address)
           == 0;
  };
  if (!bind_once()) {
    if (errno != EADDRINUSE || somebody_listens(address))
      fail(EADDRINUSE, where);
    unlink(path.c_str());
    if (!bind_once())
      fail(errno, where);
  }
  if (::listen(result.descriptor_, backlog) != 0)
    fail(errno, where);
  return result;
}

listener::listener(listener&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), port_(other.port_) {}

listener& listener::operator=(listener&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(port_, other.port_);
  return *this;
}

listener::~listener() {
  if (descriptor_ >= 0)
    close(descriptor_);
}

int listener::release() {
  return std::exchange(descriptor_, -1);
}

std::string peer_address(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return "unknown";
  char host[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return std::string{host} + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    return "[" + std::string{host} + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  return "unix";
}

} // namespace troupe
