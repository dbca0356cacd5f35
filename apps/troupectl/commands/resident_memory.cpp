#include "apps/troupectl/commands/resident_memory.hpp"

#include "apps/troupectl/endpoint.hpp"

#include <array>
#include <cstdlib>
#include <memory>
#include <netdb.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace troupe::ctl {

namespace {

/// A connected socket that closes itself.
class connection {
public:
  explicit connection(const std::string& target) {
    auto colon = target.rfind(':');
    auto port = colon == target.npos ? std::string{"80"} : target.substr(colon + 1);
    addrinfo hints{.ai_socktype = SOCK_STREAM};
    addrinfo* found = nullptr;
    if (getaddrinfo(target.substr(0, colon).c_str(), port.c_str(), &hints, &found) != 0)
      throw std::runtime_error("lookup " + target + ": no such host");
    std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
    for (const auto* one = found; one != nullptr && !connect_to(*one); one = one->ai_next) {
    }
    if (socket_ < 0)
      throw std::runtime_error("dial tcp " + target + ": connection refused");
  }

  ~connection() {
    close(socket_);
  }

  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      auto sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        throw std::runtime_error("the request could not be sent");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  std::string receive_to_end() {
    constexpr std::size_t most = 64 << 20;
    std::string result;
    std::array<char, 65536> buffer{};
    for (;;) {
      auto got = recv(socket_, buffer.data(), buffer.size(), 0);
      if (got < 0 || result.size() > most)
        throw std::runtime_error("the answer could not be read");
      if (got == 0)
        return result;
      result.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

private:
  bool connect_to(const addrinfo& address) {
    int fresh = socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, address.ai_protocol);
    if (fresh < 0)
      return false;
    timeval patience{.tv_sec = 10};
    setsockopt(fresh, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fresh, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fresh, address.ai_addr, address.ai_addrlen) != 0) {
      close(fresh);
      return false;
    }
    socket_ = fresh;
    return true;
  }

  int socket_ = -1;
};

// HTTP/1.0: the answer comes as it is and ends with the connection, so that there is nothing to
// parse; a library for one page would be a tenth of this program's compile time.
std::string fetch_metrics(const std::string& target) {
  connection to(target);
  to.send_all("GET /metrics HTTP/1.0\r\nHost: " + target + "\r\n\r\n");
  return to.receive_to_end();
}

} // namespace

resident_memory resident_memory_in(std::string_view page) {
  constexpr std::string_view name = "process_resident_memory_bytes ";
  auto at = page.starts_with(name) ? 0 : page.find("\n" + std::string{name});
  if (at == page.npos)
    return {0, "could not find: process_resident_memory_bytes"};
  auto line = page.substr(page.find(name, at) + name.size());
  return {std::strtod(std::string{line.substr(0, line.find('\n'))}.c_str(), nullptr), {}};
}

resident_memory resident_memory_of(std::string_view text) {
  auto one = read_endpoint(text);
  if (one.wanted == endpoint::security::tls || one.target.starts_with("unix:"))
    return {0, "fetch error: " + std::string{text} + ": only http is supported here"};
  try {
    return resident_memory_in(fetch_metrics(one.target));
  } catch (const std::runtime_error& error) {
    return {0, std::string{"fetch error: "} + error.what()};
  }
}

} // namespace troupe::ctl
