#pragma once

#include "messages/proto/rpc.pb.h"
#include "storage/backup/backup_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace troupe::read {

/// The answer to one Snapshot, part by part: blobs that in a row are the backup file, the last one
/// its SHA-256 alone.
class backup_stream {
public:
  /// @param expected_bytes about how large the file will be: nobody knows before it is read.
  /// @param part_bytes about the size of a part.
  /// @param version `SnapshotResponse.version`.
  backup_stream(backup::backup_writer writer, std::uint64_t expected_bytes, std::size_t part_bytes,
                std::string version);

  /// Produces the next message into `response`, which is empty. @pre !done().
  ///
  /// `remaining_bytes`, as in etcd, counts what comes after the message, but for the digest. Here
  /// it is an estimate that never rises, is above 0 as long as anything comes, and is 0 with the
  /// last part: etcd's own clients never read it, others show progress by it.
  void next(etcdserverpb::SnapshotResponse& response);

  /// True once the last message was produced.
  bool done() const {
    return done_;
  }

private:
  backup::backup_writer writer_;
  const std::size_t part_bytes_;
  const std::string version_;
  std::uint64_t expected_;
  std::uint64_t remaining_;
  bool done_ = false;
};

} // namespace troupe::read
