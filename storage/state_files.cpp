#include "storage/state_files.hpp"

#include "storage/incoming_state.hpp"
#include "storage/storage_error.hpp"

#include <filesystem>
#include <span>
#include <system_error>

namespace troupe::storage {

std::vector<snapshot_file> directory_state_files::list(const std::string& checkpoint) {
  std::vector<snapshot_file> result;
  for (const auto& name : files_.list(checkpoint)) {
    const auto content = files_.open(checkpoint + "/" + name, open_mode::existing);
    result.push_back({name, content->size(), checksum_of(*content)});
  }
  return result;
}

std::string directory_state_files::read(const std::string& checkpoint, const std::string& name,
                                        std::uint64_t offset, std::uint32_t bytes) {
  std::string result(bytes, '\0');
  const auto content = files_.open(checkpoint + "/" + name, open_mode::existing);
  if (content->read(offset, std::as_writable_bytes(std::span{result})) < bytes)
    throw storage_error{errc::io_error, checkpoint + "/" + name + " is shorter than it was"};
  return result;
}

void directory_state_files::remove(const std::string& checkpoint) {
  std::error_code failure;
  std::filesystem::remove_all(checkpoint, failure);
  if (failure)
    throw storage_error{errc::io_error, checkpoint + ": remove: " + failure.message()};
}

void directory_state_files::install(const std::string& incoming, const std::string& directory) {
  if (!std::filesystem::exists(incoming))
    return;
  // A directory can be renamed over an empty one.
  files_.make_directory(directory);
  for (const auto& name : files_.list(directory))
    files_.remove(directory + "/" + name);
  files_.rename(incoming, directory);
  files_.sync_directory(std::filesystem::path{directory}.parent_path().string());
}

} // namespace troupe::storage
