#pragma once

#include "storage/backup/backup_format.hpp"
#include "storage/backup/sha256.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace troupe::backup {

/// Where a backup comes from: fills `bytes` and @returns how many; fewer only at the end.
using byte_source = std::function<std::size_t(std::span<std::byte> bytes)>;

/// Reads a backup from front to back and believes nothing: order, checksums, counts and digest.
/// What was shown before the end was reached may still turn out to be part of a damaged file.
/// Holds one chunk in memory. Everything throws storage_error: `data_damaged` for what was cut or
/// changed, `data_newer`, `data_foreign`.
class backup_reader {
public:
  /// @param file how to call it in errors.
  /// @param skip_digest the digest at the end may be wrong or missing.
  backup_reader(std::string file, byte_source from, bool skip_digest = false);

  const description& about() const {
    return about_;
  }

  /// The next record, in the order of the sections and within them of the keys. The views are valid
  /// until the next call. @returns false at the end, when all of the file is verified.
  bool next(record& out);

  // Once `next` has returned false:

  const contents& all() const {
    return counter_.so_far();
  }

  /// Of the file but for the digest in it.
  const std::string& digest() const {
    return digest_;
  }

  /// Of the file, as far as it was read.
  std::uint64_t bytes() const {
    return bytes_;
  }

  const std::string& file() const {
    return file_;
  }

private:
  std::size_t read(std::string& out, std::size_t bytes);
  std::string read_all(std::size_t bytes);
  bool next_chunk();
  void check_order(const record& one);
  void check_end();

  const std::string file_;
  const byte_source from_;
  const bool skip_digest_;
  sha256 hash_;
  std::uint64_t bytes_ = 0;
  const description about_;
  content_counter counter_;
  /// Of the last chunk.
  std::uint64_t number_ = 0;
  section at_ = section::lease;
  std::string last_key_;
  std::string body_;
  /// What is left of the chunk.
  std::string_view rest_;
  std::uint64_t records_left_ = 0;
  bool done_ = false;
  std::string digest_;
};

} // namespace troupe::backup
