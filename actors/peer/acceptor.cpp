#include "actors/peer/acceptor.hpp"

#include "actors/log/log.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace troupe::peer {

namespace {

/// Connections taken from one listener before others get their turn.
constexpr int batch = 64;
/// How soon a free place in a full room is noticed.
constexpr std::chrono::milliseconds look_again{20};

bool out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

} // namespace

acceptor::acceptor(options options, std::shared_ptr<const clock> time,
                   std::shared_ptr<tls::tls_context> tls, std::shared_ptr<waiting_room> room)
    : options_(std::move(options)), time_(std::move(time)), tls_(std::move(tls)),
      room_(std::move(room)), stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  for (auto& where : options_.listen) {
    listeners_.push_back(listen_on(where));
    where.port = local_end(listeners_.back().get()).port;
  }
}

acceptor::~acceptor() {
  stop();
}

void acceptor::stop() {
  if (!thread_.joinable())
    return;
  std::uint64_t one = 1;
  [[maybe_unused]] auto written = write(stop_.get(), &one, sizeof one);
  thread_.join();
  newcomers_.clear();
}

void acceptor::start(on_arrival arrived) {
  arrived_ = std::move(arrived);
  thread_ = std::thread{[this] {
    block_sigpipe();
    run();
  }};
}

/// First the stop signal, then the newcomers, then the listeners unless nobody is taken in now.
void acceptor::watch(std::vector<pollfd>& watched) const {
  watched.clear();
  watched.push_back({stop_.get(), POLLIN, 0});
  for (const auto& guest : newcomers_)
    watched.push_back({guest.descriptor(), static_cast<short>(guest.wants() | POLLRDHUP), 0});
  if (room_->full() || time_->now() < rests_until_)
    return;
  for (const auto& listener : listeners_)
    watched.push_back({listener.get(), POLLIN, 0});
}

/// Until the next deadline, in milliseconds; negative: for ever.
int acceptor::patience() const {
  auto now = time_->now();
  auto until = time_point::max();
  for (const auto& guest : newcomers_)
    until = std::min(until, guest.deadline());
  if (now < rests_until_)
    until = std::min(until, rests_until_);
  else if (room_->full())
    until = std::min(until, now + look_again);
  if (tls_)
    until = std::min(until, looks_at_);
  if (until == time_point::max())
    return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

void acceptor::run() {
  std::vector<pollfd> watched;
  while (true) {
    watch(watched);
    if (poll(watched.data(), watched.size(), patience()) < 0 && errno != EINTR)
      std::this_thread::sleep_for(look_again);
    if (watched.front().revents != 0)
      return;
    auto listeners = 1 + newcomers_.size();
    look_at_certificates();
    advance(watched);
    for (auto at = listeners; at < watched.size(); ++at)
      if (watched[at].revents != 0)
        take_in(watched[at].fd);
  }
}

void acceptor::look_at_certificates() {
  if (!tls_ || time_->now() < looks_at_)
    return;
  looks_at_ = time_->now() + options_.reload;
  auto before = tls_->reloads().loaded;
  if (auto why = tls_->reload_if_changed())
    log::warn("peer certificates cannot be used, the old ones stay", {{"error", *why}});
  else if (tls_->reloads().loaded != before)
    log::info("peer certificates were reloaded");
}

void acceptor::take_in(int listener) {
  for (int taken = 0; taken < batch && !room_->full(); ++taken) {
    unique_socket socket{accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (socket) {
      admit(std::move(socket));
      continue;
    }
    if (out_of_resources(errno)) {
      rests_until_ = time_->now() + options_.rest;
      if (!std::exchange(said_out_of_descriptors_, true))
        log::warn("peer port rests: no descriptor is left for a connection");
    }
    return;
  }
}

void acceptor::admit(unique_socket socket) {
  said_out_of_descriptors_ = false;
  auto from = other_end(socket.get());
  auto seat = room_->enter(from.host);
  if (!seat) {
    close_hard(std::move(socket));
    return;
  }
  set_connection_options(socket.get(), options_.deadline);
  connection guest{std::move(socket), std::nullopt, std::move(from)};
  try {
    if (tls_)
      guest.tls = tls_->accept(guest.socket.get());
  } catch (const tls::tls_error& why) {
    log::warn("rejected connection on peer endpoint",
              {{"remote-addr", to_string(guest.other_end)}, {"error", why.what()}});
    return;
  }
  newcomers_.emplace_back(std::move(guest), time_->now() + options_.deadline, std::move(seat));
}

/// @param watched what the newcomers' sockets have to say, from the second on.
void acceptor::advance(const std::vector<pollfd>& watched) {
  auto now = time_->now();
  // Backwards: whoever takes the place of one that leaves has had its turn.
  for (auto at = newcomers_.size(); at-- > 0;) {
    if (!leaves(newcomers_[at], watched[at + 1].revents, now))
      continue;
    if (at + 1 < newcomers_.size())
      newcomers_[at] = std::move(newcomers_.back());
    newcomers_.pop_back();
  }
}

bool acceptor::leaves(newcomer& guest, short news, time_point now) {
  auto phase = newcomer::phase::announcing;
  if (news != 0)
    phase = guest.advance((news & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
  if (phase == newcomer::phase::ready) {
    arrived_({guest.take_connection(), guest.take_seat()});
    return true;
  }
  if (phase == newcomer::phase::refused || guest.deadline() <= now) {
    part_with(guest);
    return true;
  }
  return false;
}

void acceptor::part_with(newcomer& guest) {
  auto why = guest.why().empty() ? std::string{"nothing was heard in time"} : guest.why();
  log::debug("rejected connection on peer endpoint",
             {{"remote-addr", to_string(guest.other_end())}, {"error", why}});
  close_hard(guest.take_connection().socket);
}

} // namespace troupe::peer
