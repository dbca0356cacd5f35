#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace troupe {

/// The places in `sockets` of those whose other side has closed or broken the connection; what it
/// sent before may still be unread. Open stream sockets only; never waits.
std::vector<std::size_t> hung_up(std::span<const int> sockets);

} // namespace troupe
