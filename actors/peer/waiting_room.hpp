#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace troupe::peer {

/// Counts those at the door who have not yet said who they are, by address and in total. A place is
/// free again when its `seat` is destroyed, in whichever thread.
class waiting_room : public std::enable_shared_from_this<waiting_room> {
public:
  struct limits {
    std::size_t in_total = 256;
    std::size_t per_address = 32;
  };

  class seat {
  public:
    seat(std::shared_ptr<waiting_room> room, std::string address);
    ~seat();
    seat(const seat&) = delete;
    seat& operator=(const seat&) = delete;

  private:
    std::shared_ptr<waiting_room> room_;
    std::string address_;
  };

  explicit waiting_room(limits limits) : limits_(limits) {}

  /// Empty if this address has taken all it may have, or the room is full.
  std::shared_ptr<seat> enter(const std::string& address);

  bool full() const;
  std::size_t taken() const;

private:
  void leave(const std::string& address);

  const limits limits_;
  mutable std::mutex mutex_;
  std::size_t taken_ = 0;
  std::map<std::string, std::size_t> by_address_;
};

} // namespace troupe::peer
