#include "actors/peer/socket.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace troupe::peer {

namespace {

constexpr int waiting_connections = 512;

/// What the kernel takes beyond what is on its way. More would hide from us how fast the other end
/// takes it, and pings would wait behind it.
constexpr int unsent_bytes = 128 * 1024;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error{error, std::generic_category(), what};
}

void set_option(int descriptor, int level, int option, int value) {
  setsockopt(descriptor, level, option, &value, sizeof value);
}

host_and_port host_and_port_of(const sockaddr_storage& address) {
  char host[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return {host, ntohs(v4.sin_port)};
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    return {host, ntohs(v6.sin6_port)};
  }
  return {};
}

} // namespace

unique_socket::~unique_socket() {
  if (descriptor_ >= 0)
    close(descriptor_);
}

std::string to_string(const host_and_port& where) {
  auto port = ":" + std::to_string(where.port);
  return where.host.find(':') != std::string::npos ? "[" + where.host + "]" + port
                                                   : where.host + port;
}

host_and_port other_end(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return {};
  return host_and_port_of(address);
}

host_and_port local_end(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return {};
  return host_and_port_of(address);
}

unique_socket listen_on(const host_and_port& where) {
  auto what = "listen tcp " + to_string(where);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST;
  addrinfo* found = nullptr;
  auto error = getaddrinfo(where.host.empty() ? nullptr : where.host.c_str(),
                           std::to_string(where.port).c_str(), &hints, &found);
  if (error != 0)
    fail(error == EAI_SYSTEM ? errno : EADDRNOTAVAIL, what + ": " + gai_strerror(error));
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, freeaddrinfo};
  unique_socket result{socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!result)
    fail(errno, what);
  set_option(result.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (found->ai_family == AF_INET6)
    set_option(result.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (bind(result.get(), found->ai_addr, found->ai_addrlen) != 0
      || listen(result.get(), waiting_connections) != 0)
    fail(errno, what);
  return result;
}

void set_connection_options(int descriptor, std::chrono::milliseconds silence) {
  using std::chrono::ceil, std::chrono::seconds;
  auto milliseconds = static_cast<int>(std::max<std::int64_t>(silence.count(), 1));
  auto whole_seconds = std::max(static_cast<int>(ceil<seconds>(silence).count()), 1);
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds);
  set_option(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsent_bytes);
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, whole_seconds);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

void close_hard(unique_socket socket) {
  linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

void block_sigpipe() {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

} // namespace troupe::peer
