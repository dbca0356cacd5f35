#include "actors/read/backup_stream.hpp"

#include "messages/ensure.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::read {

backup_stream::backup_stream(backup::backup_writer writer, std::uint64_t expected_bytes,
                             std::size_t part_bytes, std::string version)
    : writer_(std::move(writer)), part_bytes_(part_bytes), version_(std::move(version)),
      expected_(expected_bytes), remaining_(std::numeric_limits<std::uint64_t>::max()) {}

void backup_stream::next(etcdserverpb::SnapshotResponse& response) {
  ensure(!done(), "nobody asks a finished stream for more");
  response.set_version(version_);
  auto& blob = *response.mutable_blob();
  if (writer_.done()) {
    blob = writer_.digest();
    done_ = true;
    return;
  }
  while (!writer_.done() && blob.size() < part_bytes_)
    writer_.next(blob);
  expected_ -= std::min<std::uint64_t>(expected_, blob.size());
  // At least one more part comes, however wrong the estimate was.
  remaining_ = writer_.done() ? 0 : std::min(remaining_, std::max<std::uint64_t>(expected_, 1));
  response.set_remaining_bytes(remaining_);
}

} // namespace troupe::read
