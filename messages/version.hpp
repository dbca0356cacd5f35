#pragma once

#include <string_view>

namespace troupe {

/// The release of etcd whose behaviour we have: what /version and Maintenance.Status say.
inline constexpr std::string_view etcd_version = "3.6.14";

/// The version that the members of a cluster agree on: the release without its patch number.
inline constexpr std::string_view etcd_cluster_version = "3.6.0";

/// The only version that such a cluster can be asked to downgrade to.
inline constexpr std::string_view etcd_downgrade_version = "3.5.0";

} // namespace troupe
