#pragma once

#include "storage/file_system.hpp"
#include "storage/raft_log_record.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// The format this code writes, and the newest it reads.
inline constexpr std::uint32_t raft_log_format = 1;

/// The first block of a segment describes it; batches follow.
inline constexpr std::uint64_t first_batch_offset = block_bytes;

/// "00000000000000a1.log", and ".spare" for a file that waits to be used again.
std::string segment_file_name(segment_number number);
std::string spare_file_name(segment_number number);
std::optional<segment_number> parse_segment_file_name(std::string_view name);
std::optional<segment_number> parse_spare_file_name(std::string_view name);

/// Fills the first block of a segment. @pre block.size() == block_bytes.
void encode_segment_header(std::span<std::byte> block, segment_number number,
                           const segment_description& x);

/// What the first block says; empty if it is not whole or belongs to another segment.
/// @throws storage_error `data_newer`, naming the version that wrote the file.
std::optional<segment_description> read_segment_header(const file& from, const std::string& path,
                                                       segment_number number);

/// A batch as read from a file. The views point into `bytes`, which a move does not move.
struct stored_batch {
  batch_frame frame;
  std::vector<std::byte> bytes;
  std::vector<record_view> records;
};

/// The batch that starts at `offset`; empty if there is no whole and sound one. What is allocated
/// is bounded by the size of the file.
std::optional<stored_batch> read_batch(const file& from, std::uint64_t offset,
                                       const record_stamp& stamp);

/// One file of the log, open. Knows where its next batch goes.
class log_segment {
public:
  /// @pre what `description` says stands in the file's first block.
  log_segment(std::string path, std::unique_ptr<file> storage, segment_number number,
              const segment_description& description);

  const std::string& path() const {
    return path_;
  }

  segment_number number() const {
    return number_;
  }

  const record_stamp& stamp() const {
    return stamp_;
  }

  const file& storage() const {
    return *storage_;
  }

  /// Where the next batch starts; a whole number of blocks.
  std::uint64_t end() const {
    return end_;
  }

  void set_end(std::uint64_t end) {
    end_ = end;
  }

  /// The entry before the first that is read when reading starts with this segment.
  entry_id base() const {
    return base_;
  }

  void set_base(entry_id base) {
    base_ = base;
  }

  /// Returns when the batch is on disk.
  void write_batch(std::span<const std::byte> blocks);

  /// Writes zeros behind what is written, so that later batches overwrite instead of growing the
  /// file (DESIGN 4): one step, and only if less than a step is left ahead.
  void fill_ahead(std::uint64_t step_bytes, std::uint64_t segment_bytes);

  /// Writes once more what stands from `begin` to end(), see `file::write_durable`.
  void rewrite(std::uint64_t begin);

private:
  std::string path_;
  std::unique_ptr<file> storage_;
  segment_number number_;
  record_stamp stamp_;
  entry_id base_;
  std::uint64_t end_ = first_batch_offset;
  /// The file's size in whole blocks.
  std::uint64_t filled_;
};

} // namespace troupe::storage
