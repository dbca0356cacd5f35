#pragma once

#include "apps/troupe/settings.hpp"

#include <string>

namespace troupe::options {

/// Reads etcd's configuration file: YAML (or JSON), the names of flags as keys; TLS under
/// `client-transport-security` and `peer-transport-security`, sockets under `socket-options`, v3
/// discovery under `discovery-config`. A duration is an integer: nanoseconds. A key without a value
/// is as good as absent.
/// @throws option_error (1) if it cannot be read, for an unknown key or a bad value, naming line
/// and key.
settings read_config_file(const std::string& path);

} // namespace troupe::options
