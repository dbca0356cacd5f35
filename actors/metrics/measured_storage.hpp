#pragma once

#include "actors/metrics/meter.hpp"
#include "storage/file_system.hpp"

#include <memory>

namespace troupe::metrics {

/// A file system that counts the bytes written to the files opened through it and how long they
/// take to be on disk. Otherwise it does what `files` does.
std::shared_ptr<storage::file_system> measure(std::shared_ptr<storage::file_system> files,
                                              meter with);

} // namespace troupe::metrics
