#pragma once

#include <caf/error.hpp>
#include <exception>

namespace troupe::raft {

/// The exit reason of an actor that ends by an exception: a broken invariant or lack of memory, a
/// reason to end the node (DESIGN 5).
caf::error failure_of(std::exception_ptr& thrown);

} // namespace troupe::raft
