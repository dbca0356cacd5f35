#pragma once

#include "actors/peer/socket.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::peer {

/// Where a peer is reached.
struct endpoint {
  host_and_port where;
  bool tls = false;

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// Reads "http://host:port" or "https://host:port"; an IPv6 literal stands in brackets, a trailing
/// slash is ignored. Empty for anything else.
std::optional<endpoint> parse_endpoint(std::string_view url);

} // namespace troupe::peer
