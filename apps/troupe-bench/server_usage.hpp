#pragma once

#include "apps/troupe-bench/report.hpp"

namespace troupe::bench {

/// What the process has used so far, all its threads together.
/// @throws run_failed if there is no such process.
process_usage usage_of(std::uint64_t pid);

} // namespace troupe::bench
