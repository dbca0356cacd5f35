#include "actors/peer/wire.hpp"

#include <sys/socket.h>

namespace troupe::peer {

void wire::hang_up() {
  std::scoped_lock lock{mutex_};
  hung_up_ = true;
  if (descriptor_ >= 0)
    shutdown(descriptor_, SHUT_RDWR);
}

bool wire::admit(std::size_t bytes) {
  if (bytes <= max_message_bytes_)
    return true;
  hang_up();
  return false;
}

void wire::release() {
  std::scoped_lock lock{mutex_};
  descriptor_ = -1;
}

} // namespace troupe::peer
