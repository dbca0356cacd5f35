#pragma once

#include "storage/backup/backup_reader.hpp"
#include "storage/backup/backup_writer.hpp"
#include "storage/backup/restore_state.hpp"
#include "storage/mvcc/store.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace troupe::backup {

/// A whole file in memory.
inline std::string take_backup(std::unique_ptr<const mvcc::pinned> state, std::size_t chunk_bytes,
                               const taker& by = {{7}, {8}, 1'700'000'000}) {
  backup_writer writer{std::move(state), by, chunk_bytes};
  std::string file;
  while (!writer.done())
    writer.next(file);
  return file + writer.digest();
}

/// `bytes` outlives it.
inline byte_source source_of(std::string_view bytes) {
  return [left = bytes](std::span<std::byte> out) mutable {
    const auto count = std::min(out.size(), left.size());
    std::memcpy(out.data(), left.data(), count);
    left.remove_prefix(count);
    return count;
  };
}

/// Reads all of it. @throws storage_error
inline contents verify(std::string_view file, bool skip_digest = false) {
  backup_reader reader{"the file", source_of(file), skip_digest};
  for (record one; reader.next(one);) {
  }
  return reader.all();
}

} // namespace troupe::backup
