#pragma once

#include "actors/peer/socket.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace troupe::peer {

/// An address as the kernel takes it.
struct socket_address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

/// Asks the system for the addresses of a name. May block for as long as it likes.
/// @returns none, and the reason, if there is none.
using name_lookup =
  std::function<std::vector<socket_address>(const host_and_port& name, std::string& why)>;

/// The system's own.
std::vector<socket_address> look_up(const host_and_port& name, std::string& why);

/// Finds the addresses of one name with a deadline: the look-up runs in a thread of its own, and
/// one that is late goes on beside those who ask; at most one at a time. Until a newer answer
/// comes, the last good one counts. For one thread, but `cancel` may come from any.
class resolver {
public:
  explicit resolver(host_and_port name, name_lookup lookup = look_up);

  /// Returns at once for an IP literal. @returns none, and the reason, if there is neither an
  /// answer in time nor an older one.
  std::vector<socket_address> resolve(std::chrono::milliseconds patience, std::string& why);

  /// Whoever waits, waits no longer; nor will anybody later.
  void cancel();

private:
  struct shared_state {
    std::mutex mutex;
    std::condition_variable changed;
    bool running = false;
    bool cancelled = false;
    std::uint64_t answers = 0;
    std::vector<socket_address> good;
    std::string why;
  };

  void begin(std::unique_lock<std::mutex>& lock);

  host_and_port name_;
  name_lookup lookup_;
  /// Outlives the resolver with a look-up that is late.
  std::shared_ptr<shared_state> state_ = std::make_shared<shared_state>();
};

} // namespace troupe::peer
