#pragma once

#include "apps/troupectl/command.hpp"

namespace troupe::ctl {

/// Those of --endpoints, or with --cluster the client URLs of all members.
/// @throws command_failed
std::vector<std::string> chosen_endpoints(context& it);

} // namespace troupe::ctl
