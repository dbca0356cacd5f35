#pragma once

#include "actors/peer/connection.hpp"
#include "actors/peer/waiting_room.hpp"
#include "messages/clock.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace troupe::peer {

/// Size of the header in front of every message of CAF's protocol.
inline constexpr std::size_t header_bytes = 32;

/// Whether a connection may begin so: the handshake of a client with a payload below 1 KiB.
bool opens_a_connection(std::span<const unsigned char, header_bytes> header);

/// A connection at the door: first TLS, if the port has it, then the first header, which is looked
/// at and left where it is.
///
///   securing --done--> announcing --header--> ready
///      |                   |
///      +-------------------+--closed, garbage--> refused
class newcomer {
public:
  enum class phase { securing, announcing, ready, refused };

  /// @param by when it must be ready. @param seat what it occupies until somebody knows it.
  newcomer(connection from, time_point by, std::shared_ptr<waiting_room::seat> seat);

  /// Goes as far as it can without waiting. @param over nothing more will come.
  phase advance(bool over = false);

  /// What to poll its socket for.
  short wants() const {
    return wants_;
  }

  int descriptor() const {
    return connection_.socket.get();
  }

  time_point deadline() const {
    return by_;
  }

  /// Why it was refused; for people.
  const std::string& why() const {
    return why_;
  }

  const host_and_port& other_end() const {
    return connection_.other_end;
  }

  /// Once it is ready or refused.
  connection take_connection() {
    return std::move(connection_);
  }

  std::shared_ptr<waiting_room::seat> take_seat() {
    return std::move(seat_);
  }

private:
  phase secure();
  phase read_header(bool over);
  phase peek_through_tls();
  phase judge(const unsigned char* header);
  phase refuse(std::string why);

  connection connection_;
  time_point by_;
  std::shared_ptr<waiting_room::seat> seat_;
  phase phase_;
  short wants_;
  std::string why_;
};

} // namespace troupe::peer
