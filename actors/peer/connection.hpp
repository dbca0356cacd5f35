#pragma once

#include "actors/peer/socket.hpp"
#include "actors/tls/tls_session.hpp"

#include <optional>

namespace troupe::peer {

/// An open connection.
struct connection {
  unique_socket socket;
  /// None: plain TCP.
  std::optional<tls::session> tls;
  host_and_port other_end;
};

} // namespace troupe::peer
