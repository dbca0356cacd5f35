#include "actors/peer/waiting_room.hpp"

#include <utility>

namespace troupe::peer {

waiting_room::seat::seat(std::shared_ptr<waiting_room> room, std::string address)
    : room_(std::move(room)), address_(std::move(address)) {}

waiting_room::seat::~seat() {
  room_->leave(address_);
}

std::shared_ptr<waiting_room::seat> waiting_room::enter(const std::string& address) {
  {
    std::scoped_lock lock{mutex_};
    if (taken_ >= limits_.in_total)
      return nullptr;
    auto& here = by_address_[address];
    if (here >= limits_.per_address)
      return nullptr;
    ++here;
    ++taken_;
  }
  return std::make_shared<seat>(shared_from_this(), address);
}

void waiting_room::leave(const std::string& address) {
  std::scoped_lock lock{mutex_};
  --taken_;
  auto here = by_address_.find(address);
  if (--here->second == 0)
    by_address_.erase(here);
}

bool waiting_room::full() const {
  std::scoped_lock lock{mutex_};
  return taken_ >= limits_.in_total;
}

std::size_t waiting_room::taken() const {
  std::scoped_lock lock{mutex_};
  return taken_;
}

} // namespace troupe::peer
