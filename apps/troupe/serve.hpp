#pragma once

#include "apps/troupe/server_options.hpp"

namespace troupe {

/// Blocks SIGINT and SIGTERM in this thread and all that it starts from now on.
void block_end_signals();

/// Runs a node until SIGINT or SIGTERM, then drains it. A second signal ends the process at once.
/// @returns the exit code. @throws std::exception if the node cannot start.
/// @pre block_end_signals() was called before any other thread began.
int serve(const options::server_options& wanted);

} // namespace troupe
