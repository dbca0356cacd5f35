#include "actors/peer/dialer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace troupe::peer {

namespace {

int milliseconds_until(time_point until, time_point now) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

/// Of a connect that has ended: 0, or the reason why it failed.
int error_of(int descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    return errno;
  return error;
}

} // namespace

dialer::dialer(std::vector<endpoint> endpoints, options options, std::shared_ptr<const clock> time,
               std::shared_ptr<tls::tls_context> tls, name_lookup lookup)
    : endpoints_(std::move(endpoints)), options_(options), time_(std::move(time)),
      tls_(std::move(tls)), cancelled_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  for (const auto& endpoint : endpoints_)
    resolvers_.push_back(std::make_unique<resolver>(endpoint.where, lookup));
}

void dialer::cancel() {
  std::uint64_t one = 1;
  [[maybe_unused]] auto written = write(cancelled_.get(), &one, sizeof one);
  for (const auto& resolver : resolvers_)
    resolver->cancel();
}

std::optional<connection> dialer::dial(std::string& why) {
  auto targets = find_targets(why);
  if (targets.empty())
    return std::nullopt;
  auto won = connect_any(targets, why);
  if (!won)
    return std::nullopt;
  set_connection_options(won->socket.get(), options_.silence);
  auto other = other_end(won->socket.get());
  // A port that nobody listens on may be the one the kernel chose for this end.
  if (local_end(won->socket.get()) == other) {
    why = to_string(won->of->where) + ": connected to itself";
    return std::nullopt;
  }
  connection result{std::move(won->socket), std::nullopt, std::move(other)};
  if (won->of->tls && !secure(result, *won->of, why))
    return std::nullopt;
  return result;
}

std::vector<dialer::target> dialer::find_targets(std::string& why) {
  std::vector<target> result;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    if (endpoints_[i].tls != (tls_ != nullptr)) {
      why = to_string(endpoints_[i].where)
            + (tls_ ? " is without TLS, which this member demands" : " demands TLS");
      continue;
    }
    for (const auto& address : resolvers_[i]->resolve(options_.patience, why))
      result.push_back({&endpoints_[i], address});
  }
  return result;
}

std::optional<dialer::attempt> dialer::connect_any(const std::vector<target>& targets,
                                                   std::string& why) {
  auto end = time_->now() + options_.patience;
  std::vector<attempt> attempts;
  for (std::size_t turn = 0; time_->now() < end; ++turn) {
    begin(targets[turn % targets.size()], attempts, why);
    // Whoever refuses at once is not asked again in this attempt.
    if (attempts.empty() && turn + 1 >= targets.size())
      return std::nullopt;
    if (attempts.empty())
      continue;
    auto until = std::min(end, time_->now() + options_.interval);
    if (auto won = wait_for(attempts, until, why))
      return won;
    if (attempts.empty() && turn + 1 >= targets.size())
      return std::nullopt;
  }
  why = "no answer from " + to_string(targets.front().of->where) + " in time";
  return std::nullopt;
}

void dialer::begin(const target& next, std::vector<attempt>& attempts, std::string& why) const {
  unique_socket socket{
    ::socket(next.address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (socket
      && (connect(socket.get(), reinterpret_cast<const sockaddr*>(&next.address.bytes),
                  next.address.size)
            == 0
          || errno == EINPROGRESS))
    attempts.push_back({std::move(socket), next.of});
  else
    why = to_string(next.of->where) + ": " + std::strerror(errno);
}

/// Takes those that fail out of `attempts`. @returns the first that stands, if there is one in
/// time.
std::optional<dialer::attempt> dialer::wait_for(std::vector<attempt>& attempts, time_point until,
                                                std::string& why) {
  while (!attempts.empty()) {
    std::vector<pollfd> watched{{cancelled_.get(), POLLIN, 0}};
    for (const auto& attempt : attempts)
      watched.push_back({attempt.socket.get(), POLLOUT, 0});
    auto news = poll(watched.data(), watched.size(), milliseconds_until(until, time_->now()));
    if (watched.front().revents != 0)
      attempts.clear();
    if (news == 0 || attempts.empty())
      return std::nullopt;
    for (auto at = attempts.size(); at-- > 0;) {
      if (news < 0 || watched[at + 1].revents == 0)
        continue;
      auto error = error_of(attempts[at].socket.get());
      if (error == 0)
        return std::move(attempts[at]);
      why = to_string(attempts[at].of->where) + ": " + std::strerror(error);
      attempts.erase(attempts.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  return std::nullopt;
}

bool dialer::secure(connection& opened, const endpoint& of, std::string& why) try {
  auto until = time_->now() + options_.patience;
  opened.tls = tls_->connect(opened.socket.get(), of.where.host);
  while (true) {
    auto outcome = opened.tls->handshake();
    if (outcome == tls::outcome::done)
      return true;
    if (outcome == tls::outcome::closed || outcome == tls::outcome::failed) {
      why = to_string(of.where) + ": " + opened.tls->why();
      return false;
    }
    if (!wait_on(opened.socket.get(), outcome == tls::outcome::wants_read ? POLLIN : POLLOUT,
                 until)) {
      why = to_string(of.where) + ": no TLS handshake in time";
      return false;
    }
  }
} catch (const tls::tls_error& error) {
  why = error.what();
  return false;
}

bool dialer::wait_on(int descriptor, short events, time_point until) {
  pollfd watched[] = {{cancelled_.get(), POLLIN, 0}, {descriptor, events, 0}};
  auto news = poll(watched, 2, milliseconds_until(until, time_->now()));
  return news != 0 && watched[0].revents == 0;
}

} // namespace troupe::peer
