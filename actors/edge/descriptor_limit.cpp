#include "actors/edge/descriptor_limit.hpp"

#include <cstdint>
#include <sys/resource.h>
#include <utility>

namespace troupe {

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    auto old = std::exchange(limit.rlim_cur, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
      limit.rlim_cur = old;
  }
  return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : limit.rlim_cur;
}

std::size_t connections_within(std::size_t descriptors, std::size_t reserve) {
  constexpr std::size_t least = 64;
  return descriptors < reserve + least ? descriptors / 2 : descriptors - reserve;
}

} // namespace troupe
