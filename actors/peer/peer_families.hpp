#pragma once

#include "actors/metrics/family_writer.hpp"
#include "actors/peer/peer_counters.hpp"
#include "actors/tls/tls_context.hpp"
#include "messages/ids.hpp"

namespace troupe::peer {

/// Shows what was counted of the other members, by etcd's names. @param own this member.
void write_peers(const peer_counters& from, member_id own, metrics::family_writer& to);

/// Shows how often the certificates of the peer port were loaded anew, and how often new files
/// could not be used.
void write_certificates(const tls::tls_context::reload_counts& from, metrics::family_writer& to);

} // namespace troupe::peer
