#pragma once

#include <string>

namespace troupe::options {

/// The first lines of --help, as also shown after a command line that cannot be read.
std::string usage_text();

/// All of --help: every flag by group with its preset and what we do with it.
std::string help_text();

} // namespace troupe::options
