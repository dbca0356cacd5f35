#include "actors/edge/hang_up.hpp"

#include <poll.h>

namespace troupe {

std::vector<std::size_t> hung_up(std::span<const int> sockets) {
  std::vector<pollfd> asked;
  for (auto socket : sockets)
    asked.push_back({.fd = socket, .events = POLLRDHUP, .revents = 0});
  std::vector<std::size_t> result;
  // Errors and hang-ups are told unasked. A poll that fails finds none; there is a next time.
  if (asked.empty() || ::poll(asked.data(), asked.size(), 0) <= 0)
    return result;
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (asked[i].revents != 0)
      result.push_back(i);
  return result;
}

} // namespace troupe
