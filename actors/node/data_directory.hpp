#pragma once

#include "messages/ids.hpp"
#include "storage/file_system.hpp"

#include <optional>
#include <string>

namespace troupe {

/// Who a data directory belongs to; decided once, when it is founded.
struct data_identity {
  cluster_id cluster;
  member_id member;

  friend bool operator==(const data_identity&, const data_identity&) = default;
};

/// The places in a node's data directory:
///
///   identity   which member of which cluster this is (protobuf troupe.record.Identity)
///   log/       the Raft log
///   state/     the state machine
///   restoring  empty: what is here is half of a restored backup
class data_directory {
public:
  static constexpr const char* restoring_name = "restoring";

  /// Makes the directory, 0700 and durably in its parent, if it is missing. The parent must exist.
  data_directory(storage::file_system& files, std::string path);

  /// Empty for a directory that was never founded. @throws storage_error data_damaged if the file
  /// is not readable as an identity, or while a restore goes on or has not been finished;
  /// data_foreign if there is a log or a state and no identity.
  std::optional<data_identity> identity() const;

  /// Writes the identity so that a crash leaves it whole or not there. @pre identity() is empty.
  void found(const data_identity& identity);

  /// Until `end_restore` the directory is nobody's, also after a crash: `identity` refuses it.
  void begin_restore();

  /// Everything in it is on disk and whole.
  void end_restore();

  std::string log_path() const {
    return path_ + "/log";
  }

  std::string state_path() const {
    return path_ + "/state";
  }

private:
  std::string identity_path() const {
    return path_ + "/identity";
  }

  storage::file_system& files_;
  std::string path_;
};

} // namespace troupe
