#pragma once

#include "apps/troupectl/client.hpp"
#include "apps/troupectl/flags.hpp"

#include <iosfwd>
#include <span>

namespace troupe::ctl {

/// The flags that every command has.
std::span<const flag> global_flags();

/// Those beyond etcdctl; they have no variables.
std::span<const flag> added_global_flags();

/// Sets each global flag that the command line does not set from its ETCDCTL_ variable.
/// `environment`: "NAME=value" texts; ETCDCTL_WATCH_KEY and ETCDCTL_WATCH_RANGE_END are not flags.
/// A value that a flag cannot have leaves it alone, as in etcdctl. Unknown ETCDCTL_ variables get
/// one warning each on `err`.
/// @throws command_failed if a flag is set both ways.
void apply_environment(flag_values& flags, std::span<const std::string> environment,
                       std::ostream& err);

/// Every setting as ETCDCTL_NAME=value: what --debug prints.
void print_settings(const flag_values& flags, std::ostream& err);

/// @throws command_failed for a flag that promises what we do not have.
client_options connection_of(const flag_values& flags);

} // namespace troupe::ctl
