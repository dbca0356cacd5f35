#pragma once

#include "messages/ids.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// The id that etcd derives for a member of the first configuration: the first 8 bytes, big-endian,
/// of SHA-1 over its sorted peer URLs and the cluster token (etcd-compatible, so that tools find
/// the ids they know).
member_id derive_member_id(std::vector<std::string> peer_urls, std::string_view cluster_token);

/// The id of the cluster that these members found: the same over their sorted ids, 8 bytes each.
cluster_id derive_cluster_id(std::vector<member_id> members);

} // namespace troupe
