#pragma once

#include "apps/troupectl/command.hpp"

namespace troupe::ctl {

/// The page of a command, a group or (null) the program, in the layout of etcdctl.
void print_help(const invocation& how, const command* one, std::ostream& out);

} // namespace troupe::ctl
