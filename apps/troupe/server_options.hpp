#pragma once

#include "actors/log/log.hpp"
#include "actors/node/node_config.hpp"
#include "apps/troupe/command_line.hpp"
#include "apps/troupe/environment.hpp"

#include <span>
#include <string>
#include <vector>

namespace troupe::options {

/// A line for the log once it is set up.
struct notice {
  log::level at;
  std::string message;
  std::vector<log::field> with;
};

/// All that the daemon was told.
struct server_options {
  node_config node;
  log::settings log;
  /// `initial-cluster-state` is "existing": start only on a data directory that is in use already.
  bool join_existing = false;
  /// "name=url,...": for the log.
  std::string initial_cluster;
  std::vector<notice> notices;
};

struct command {
  action wanted = action::run;
  server_options server;
};

/// The whole way from arguments, variables and configuration file to a node's configuration.
/// @throws option_error: nothing is started then.
command read_command(std::span<const std::string> arguments, const environment& variables);

/// Checks the settings against each other and against what this release can do.
/// @throws option_error (1), in etcd's words where etcd has them.
server_options check(const settings& given);

} // namespace troupe::options
