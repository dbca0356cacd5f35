#pragma once

#include "storage/backup/backup_reader.hpp"

#include <cstdint>
#include <string>

namespace troupe::backup {

struct opened_file {
  /// Throws storage_error io_error when the file cannot be read on.
  byte_source from;
  std::uint64_t bytes = 0;
};

/// A file on disk, for a reader. @throws storage_error io_error if it cannot be opened or is none.
opened_file open_file(const std::string& path);

} // namespace troupe::backup
