#pragma once

#include "apps/troupe/settings.hpp"

#include <map>
#include <string>
#include <vector>

namespace troupe::options {

/// Variables of the process by name.
using environment = std::map<std::string, std::string, std::less<>>;

/// The variables of this process.
environment process_environment();

/// The value of `ETCD_<flag>` or `TROUPE_<flag>`; empty if neither is set.
/// @throws option_error if both are set.
std::string variable_of(const environment& variables, std::string_view flag_name);

/// Adds what the variables set to what the command line did.
/// @returns the names of `ETCD_` and `TROUPE_` variables that are no settings.
/// @throws option_error (1) if one setting is set twice or a value is bad.
std::vector<std::string> add_environment(const environment& variables, settings& given);

} // namespace troupe::options
