#include "actors/peer/resolver.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <netdb.h>
#include <system_error>
#include <thread>
#include <utility>

namespace troupe::peer {

namespace {

bool is_literal(const std::string& host) {
  in6_addr unused;
  return inet_pton(AF_INET, host.c_str(), &unused) == 1
         || inet_pton(AF_INET6, host.c_str(), &unused) == 1;
}

std::vector<socket_address> addresses(const host_and_port& name, int flags, std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  auto error = getaddrinfo(name.host.c_str(), std::to_string(name.port).c_str(), &hints, &found);
  if (error != 0) {
    why = name.host + ": " + gai_strerror(error);
    return {};
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, freeaddrinfo};
  std::vector<socket_address> result;
  for (auto* at = found; at; at = at->ai_next) {
    auto& address = result.emplace_back();
    address.size = at->ai_addrlen;
    std::memcpy(&address.bytes, at->ai_addr, at->ai_addrlen);
  }
  return result;
}

} // namespace

std::vector<socket_address> look_up(const host_and_port& name, std::string& why) {
  return addresses(name, 0, why);
}

resolver::resolver(host_and_port name, name_lookup lookup)
    : name_(std::move(name)), lookup_(std::move(lookup)) {}

void resolver::begin(std::unique_lock<std::mutex>& lock) {
  if (std::exchange(state_->running, true))
    return;
  lock.unlock();
  try {
    std::thread{[state = state_, name = name_, lookup = lookup_] {
      std::string why;
      auto found = lookup(name, why);
      std::scoped_lock done{state->mutex};
      state->running = false;
      ++state->answers;
      if (!found.empty())
        state->good = std::move(found);
      state->why = std::move(why);
      state->changed.notify_all();
    }}.detach();
    lock.lock();
  } catch (const std::system_error& error) {
    lock.lock();
    state_->running = false;
    ++state_->answers;
    state_->why = std::string{"no thread for a look-up: "} + error.what();
  }
}

std::vector<socket_address> resolver::resolve(std::chrono::milliseconds patience,
                                              std::string& why) {
  if (is_literal(name_.host))
    return addresses(name_, AI_NUMERICHOST, why);
  std::unique_lock lock{state_->mutex};
  auto before = state_->answers;
  begin(lock);
  state_->changed.wait_for(lock, patience,
                           [&] { return state_->cancelled || state_->answers != before; });
  if (state_->cancelled)
    return {};
  if (state_->good.empty())
    why = state_->why.empty() ? name_.host + ": no answer in time" : state_->why;
  return state_->good;
}

void resolver::cancel() {
  std::scoped_lock lock{state_->mutex};
  state_->cancelled = true;
  state_->changed.notify_all();
}

} // namespace troupe::peer
