#pragma once

#include "actors/node/node_config.hpp"
#include "messages/ids.hpp"
#include "storage/file_system.hpp"
#include "storage/state_files.hpp"

#include <optional>
#include <string>

namespace troupe {

/// How a state that came from another member (in `incoming/`) takes the place of the own, all of it
/// or none (checklist 37). The file `installation` is the decision: who starts on a directory that
/// has one completes it before anything else.
///
///   received, checked, synced -> decide() -> the node ends its core -> complete() -> it starts
///   anew
class installation {
public:
  /// @param directory a node's data directory.
  installation(storage::file_system& files, std::string directory);

  std::string incoming_path() const {
    return directory_ + "/incoming";
  }

  /// From now on the state in `incoming/` counts. Durable when it returns. @param at the last entry
  /// whose effects it holds.
  void decide(entry_id at);

  /// What has been decided and is not complete. @throws storage_error data_damaged.
  std::optional<entry_id> decided() const;

  /// Puts the state in its place and lets the log begin behind it; nothing happens if nothing was
  /// decided. Neither may be in use. Interrupted anywhere it is called again by the next start.
  void complete(const node_config& config, storage::state_files& states);

private:
  std::string marker_path() const {
    return directory_ + "/installation";
  }

  storage::file_system& files_;
  const std::string directory_;
};

} // namespace troupe
