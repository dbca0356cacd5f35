#pragma once

#include "actors/node/node_config.hpp"
#include "apps/troupe/settings.hpp"

#include <vector>

/// Rules between settings. Each throws option_error (1), in etcd's words where etcd has them.
namespace troupe::options {

/// Nothing that promises what we do not have: TLS, authentication, discovery and so on.
void check_nothing_missing(const settings& given);

/// Plain http only; listeners on an IP or localhost; what is advertised names a host.
void check_urls(const settings& given);

/// heartbeat > 0, election timeout at least five of them and at most 50 s.
void check_timing(const settings& given);

/// Cluster state, and a founding cluster in which this member has the URLs that it advertises.
void check_cluster(const settings& given);

/// Names of log levels, formats, feature gates and so on; ranges of numbers.
void check_values(const settings& given);

/// The members of `initial-cluster` by name, or what it is by default: this member at its peer
/// URLs. A name may come with several URLs. @throws option_error (1) for a part without name or
/// URL.
std::vector<founding_member> founding_cluster(const settings& given);

} // namespace troupe::options
