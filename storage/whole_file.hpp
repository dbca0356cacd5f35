#pragma once

#include "storage/file_system.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace troupe::storage {

/// Whether the directory has such a name.
bool holds_name(const file_system& files, const std::string& directory, std::string_view name);

/// Makes or replaces a file; durable when it returns. After a crash before that the file is as it
/// was, or whole. Beside it the name with ".new" is ours.
void write_whole_file(file_system& files, const std::string& directory, const std::string& name,
                      std::span<const std::byte> bytes);

} // namespace troupe::storage
