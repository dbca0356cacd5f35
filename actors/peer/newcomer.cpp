#include "actors/peer/newcomer.hpp"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace troupe::peer {

namespace {

constexpr unsigned char client_handshake = 1;
constexpr std::uint32_t max_handshake_bytes = 1024;

/// The socket is readable from so many bytes on: who sends less wakes nobody.
void wake_from(int descriptor, int bytes) {
  setsockopt(descriptor, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

} // namespace

bool opens_a_connection(std::span<const unsigned char, header_bytes> header) {
  auto payload = std::uint32_t{header[4]} << 24 | std::uint32_t{header[5]} << 16
                 | std::uint32_t{header[6]} << 8 | std::uint32_t{header[7]};
  return header[0] == client_handshake && payload > 0 && payload < max_handshake_bytes;
}

newcomer::newcomer(connection from, time_point by, std::shared_ptr<waiting_room::seat> seat)
    : connection_(std::move(from)), by_(by), seat_(std::move(seat)),
      phase_(connection_.tls ? phase::securing : phase::announcing), wants_(POLLIN) {
  if (!connection_.tls)
    wake_from(descriptor(), header_bytes);
}

newcomer::phase newcomer::advance(bool over) {
  if (phase_ == phase::securing)
    phase_ = secure();
  if (phase_ == phase::announcing)
    phase_ = read_header(over);
  return phase_;
}

newcomer::phase newcomer::secure() {
  auto outcome = connection_.tls->handshake();
  switch (outcome) {
  case tls::outcome::done:
    wants_ = POLLIN;
    return phase::announcing;
  case tls::outcome::wants_read:
  case tls::outcome::wants_write:
    wants_ = outcome == tls::outcome::wants_read ? POLLIN : POLLOUT;
    return phase::securing;
  default:
    return refuse(connection_.tls->why());
  }
}

newcomer::phase newcomer::read_header(bool over) {
  if (connection_.tls)
    return peek_through_tls();
  unsigned char header[header_bytes];
  auto result = recv(descriptor(), header, sizeof header, MSG_PEEK | MSG_DONTWAIT);
  if (result == static_cast<ssize_t>(header_bytes))
    return judge(header);
  if (over || result == 0)
    return refuse("closed by the other end");
  if (result < 0 && errno != EAGAIN && errno != EINTR)
    return refuse(std::strerror(errno));
  return phase::announcing;
}

/// A handshake comes as one record; what follows a shorter one would keep the socket readable.
newcomer::phase newcomer::peek_through_tls() {
  unsigned char header[header_bytes];
  std::size_t bytes = 0;
  auto outcome = connection_.tls->peek(header, sizeof header, bytes);
  if (outcome == tls::outcome::wants_read || outcome == tls::outcome::wants_write)
    return phase::announcing;
  if (outcome != tls::outcome::done)
    return refuse(connection_.tls->why());
  return bytes == header_bytes ? judge(header) : refuse("not a peer: a short first record");
}

newcomer::phase newcomer::judge(const unsigned char* header) {
  if (!opens_a_connection(std::span<const unsigned char, header_bytes>{header, header_bytes}))
    return refuse("not a peer: unknown protocol");
  if (!connection_.tls)
    wake_from(descriptor(), 1);
  return phase::ready;
}

newcomer::phase newcomer::refuse(std::string why) {
  why_ = std::move(why);
  return phase::refused;
}

} // namespace troupe::peer
