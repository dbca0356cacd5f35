#pragma once

#include "messages/snapshot.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// A state that comes from another member, file by file, in a directory beside the own one. It has
/// no effect before it is installed. Everything throws storage_error if the disk fails.
class incoming_state {
public:
  /// Makes the directory, with mode 0700; what an earlier process left in it is removed.
  incoming_state(file_system& files, std::string directory);

  /// From now on these files are expected. Those of `kept` are there already, from before; whatever
  /// else there is goes.
  void begin(std::vector<snapshot_file> expected, const std::set<std::uint32_t>& kept);

  /// Durable when it returns. @pre the piece lies within the file.
  void write(std::uint32_t file, std::uint64_t offset, std::string_view bytes);

  /// Whether this file has the length and the checksum that were announced, read from the disk.
  bool check(std::uint32_t file);

  /// The names are on disk too: the directory is whole. @pre every file has been checked.
  void seal();

private:
  file& open(std::uint32_t number);
  std::string path(const std::string& name) const {
    return directory_ + "/" + name;
  }

  file_system& files_;
  const std::string directory_;
  std::vector<snapshot_file> expected_;
  std::map<std::uint32_t, std::unique_ptr<file>> open_;
};

/// CRC-32C of all that a file holds.
std::uint32_t checksum_of(const file& content);

} // namespace troupe::storage
