#include "storage/whole_file.hpp"

#include <algorithm>

namespace troupe::storage {

bool holds_name(const file_system& files, const std::string& directory, std::string_view name) {
  const auto names = files.list(directory);
  return std::find(names.begin(), names.end(), name) != names.end();
}

void write_whole_file(file_system& files, const std::string& directory, const std::string& name,
                      std::span<const std::byte> bytes) {
  const auto path = directory + "/" + name;
  const auto draft = path + ".new";
  if (holds_name(files, directory, name + ".new"))
    files.remove(draft);
  files.open(draft, open_mode::create)->write_durable(0, bytes);
  files.rename(draft, path);
  files.sync_directory(directory);
}

} // namespace troupe::storage
