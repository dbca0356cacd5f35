#pragma once

#include "messages/snapshot.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::storage {

/// The files that stores consist of, where no engine has them open: how one leaves for another
/// member and how one that came takes the place of the own. Everything throws storage_error.
class state_files {
public:
  virtual ~state_files() = default;

  /// Those of a checkpoint (`engine::checkpoint`), each read once for its checksum.
  virtual std::vector<snapshot_file> list(const std::string& checkpoint) = 0;

  /// @pre the piece lies within the file.
  virtual std::string read(const std::string& checkpoint, const std::string& name,
                           std::uint64_t offset, std::uint32_t bytes) = 0;

  /// The checkpoint goes; nothing happens if there is none.
  virtual void remove(const std::string& checkpoint) = 0;

  /// What was received in `incoming` (incoming_state.hpp) becomes the store in `directory`,
  /// durably. Interrupted anywhere it can be called again: `incoming` is there until it has been
  /// done.
  virtual void install(const std::string& incoming, const std::string& directory) = 0;
};

/// Stores that are directories of files, as RocksDB's.
class directory_state_files final : public state_files {
public:
  /// All paths are in `files`.
  explicit directory_state_files(file_system& files) : files_(files) {}

  std::vector<snapshot_file> list(const std::string& checkpoint) override;
  std::string read(const std::string& checkpoint, const std::string& name, std::uint64_t offset,
                   std::uint32_t bytes) override;
  void remove(const std::string& checkpoint) override;
  void install(const std::string& incoming, const std::string& directory) override;

private:
  file_system& files_;
};

} // namespace troupe::storage
