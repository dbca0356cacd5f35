#pragma once

#include "actors/peer/connection.hpp"
#include "actors/peer/wire.hpp"

#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/scribe.hpp>
#include <memory>

namespace troupe::peer {

/// What CAF's broker writes to and reads from. Ends the connection before it takes in a message
/// beyond the limit of its wire, and keeps the figures of the wire.
caf::io::scribe_ptr make_peer_scribe(caf::io::network::default_multiplexer& multiplexer,
                                     connection from, std::shared_ptr<wire> shared);

} // namespace troupe::peer
