#pragma once

#include "actors/metrics/counters.hpp"
#include "messages/clock.hpp"
#include "storage/file_system.hpp"

#include <memory>

namespace troupe::metrics {

/// What measuring needs; everything outlives what is measured by shared ownership.
struct storage_meter {
  std::shared_ptr<const clock> time;
  std::shared_ptr<node_counters> counters;
};

/// A file system that counts the bytes written to the files opened through it and how long they
/// take to be on disk. Otherwise it does what `files` does.
std::shared_ptr<storage::file_system> measure(std::shared_ptr<storage::file_system> files,
                                              storage_meter meter);

} // namespace troupe::metrics
