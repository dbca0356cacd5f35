#pragma once

namespace troupe::log {

/// From now on what protobuf has to say, mostly about messages of clients that it cannot read or
/// write, are lines of this log, and no longer text of its own on standard error.
void take_over_from_protobuf();

} // namespace troupe::log
