#pragma once

#include "actors/peer/connection.hpp"
#include "actors/peer/newcomer.hpp"
#include "actors/peer/socket.hpp"
#include "actors/peer/waiting_room.hpp"
#include "actors/tls/tls_context.hpp"
#include "messages/clock.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <poll.h>
#include <thread>
#include <vector>

namespace troupe::peer {

/// A connection that is open and secured and began as a peer does.
struct arrival {
  connection from;
  /// Held until it is known who it is.
  std::shared_ptr<waiting_room::seat> seat;
};

/// The peer port's door: takes connections in a thread of its own, so that neither handshakes nor
/// whoever is silent, slow, half-open or hostile costs the peers' I/O thread anything. Each
/// newcomer has a deadline, and their number has bounds (`waiting_room`): beyond that of its
/// address a newcomer is reset at once, beyond the total nobody is taken in until somebody leaves.
/// Without free descriptors it rests for a while. Certificates that change on disk count from the
/// next connection on, also for those that this member opens.
class acceptor {
public:
  struct options {
    std::vector<host_and_port> listen;
    /// For everything up to the first header.
    std::chrono::milliseconds deadline{2000};
    /// After the process has run out of descriptors.
    std::chrono::milliseconds rest{100};
    /// How often the certificates' files are looked at.
    std::chrono::milliseconds reload{1000};
  };

  using on_arrival = std::function<void(arrival)>;

  /// Binds; connections wait until `start`. @param tls null: plain TCP.
  /// @throws std::system_error naming the address that cannot be bound.
  acceptor(options options, std::shared_ptr<const clock> time,
           std::shared_ptr<tls::tls_context> tls, std::shared_ptr<waiting_room> room);

  /// Stops.
  ~acceptor();

  acceptor(const acceptor&) = delete;
  acceptor& operator=(const acceptor&) = delete;

  /// @param arrived called in the acceptor's thread.
  void start(on_arrival arrived);

  /// Ends the thread; whoever is at the door is sent away. Repeatable.
  void stop();

  /// As bound: with the ports that were chosen.
  const std::vector<host_and_port>& addresses() const {
    return options_.listen;
  }

private:
  void run();
  void watch(std::vector<pollfd>& watched) const;
  int patience() const;
  void look_at_certificates();
  void take_in(int listener);
  void admit(unique_socket socket);
  void advance(const std::vector<pollfd>& watched);
  bool leaves(newcomer& guest, short news, time_point now);
  void part_with(newcomer& guest);

  options options_;
  std::shared_ptr<const clock> time_;
  std::shared_ptr<tls::tls_context> tls_;
  std::shared_ptr<waiting_room> room_;
  std::vector<unique_socket> listeners_;
  std::vector<newcomer> newcomers_;
  /// No connection is taken before.
  time_point rests_until_{};
  time_point looks_at_{};
  bool said_out_of_descriptors_ = false;
  /// Readable: the thread is to end.
  unique_socket stop_;
  on_arrival arrived_;
  std::thread thread_;
};

} // namespace troupe::peer
