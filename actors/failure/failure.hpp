#pragma once

#include <caf/error.hpp>
#include <exception>

namespace troupe {

/// The exit reason of an actor that ends by an exception: a failure of the disk with its own code,
/// a broken invariant or lack of memory as `errc::internal`. A reason to end the node (DESIGN 5).
caf::error failure_of(std::exception_ptr& thrown);

} // namespace troupe
