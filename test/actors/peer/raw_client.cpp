#include "test/actors/peer/raw_client.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace troupe::peer {

namespace {

sockaddr_in on_loopback(std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  result.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return result;
}

} // namespace

temp_directory::temp_directory() {
  auto name = (std::filesystem::temp_directory_path() / "troupe-peer-XXXXXX").string();
  if (!mkdtemp(name.data()))
    throw std::runtime_error{"no temporary directory"};
  path = name;
}

temp_directory::~temp_directory() {
  std::filesystem::remove_all(path);
}

unique_socket connect_to(std::uint16_t port) {
  unique_socket result{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  auto address = on_loopback(port);
  if (connect(result.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return {};
  return result;
}

void say(const unique_socket& to, const std::string& bytes) {
  [[maybe_unused]] auto sent = send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

bool is_closed(const unique_socket& socket, std::chrono::milliseconds patience) {
  pollfd watched{socket.get(), POLLRDHUP, 0};
  return poll(&watched, 1, static_cast<int>(patience.count())) > 0;
}

std::string random_bytes(std::mt19937& random, std::size_t size) {
  std::string result(size, '\0');
  for (auto& byte : result)
    byte = static_cast<char>(random());
  return result;
}

silent_listener::silent_listener() : listening_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  auto address = on_loopback(0);
  if (bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0
      || listen(listening_.get(), 0) != 0)
    throw std::runtime_error{"no port to listen on"};
  // The queue has room for one.
  filling_ = connect_to(where().port);
}

host_and_port silent_listener::where() const {
  return local_end(listening_.get());
}

std::size_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

std::chrono::nanoseconds cpu_used() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto of = [](const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace troupe::peer
