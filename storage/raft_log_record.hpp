#pragma once

#include "messages/raft.hpp"
#include "storage/file_system.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// The bytes of the Raft log: records and the batches they form. No I/O. format.md has the layouts.
namespace troupe::storage {

/// Counts the batches of one log over all its segments; never used twice, but numbers may be
/// missing. The header of a segment counts as a batch. 0 = none.
using batch_number = strong_ordinal<struct batch_number_tag>;

/// Counts the segments of one log; the first has 1. A recycled file gets a new number.
using segment_number = strong_ordinal<struct segment_number_tag>;

/// What all records of one segment share.
struct record_stamp {
  cluster_id cluster;
  member_id member;
  /// What the checksums start from: see `record_seed`.
  std::uint32_t seed = 0;
};

/// Makes checksums differ from segment to segment, so that what a recycled file held before never
/// passes. `salt` is drawn once per log and unknown to clients: none of their values can pass for
/// a record either.
std::uint32_t record_seed(segment_number segment, std::uint64_t salt);

enum class record_type : std::uint8_t {
  /// Describes the segment; only in its header.
  segment = 1,
  /// First of a batch. Alone in its batch it is a closing record.
  batch = 2,
  hard_state = 3,
  entry = 4,
  /// Entries above `id.index` are no longer in the log.
  cut = 5,
};

inline constexpr std::size_t record_header_bytes = 56;
inline constexpr std::size_t segment_record_bytes = record_header_bytes + 16;
inline constexpr std::size_t batch_record_bytes = record_header_bytes + 24;
inline constexpr std::size_t hard_state_record_bytes = record_header_bytes + 16;
inline constexpr std::size_t cut_record_bytes = record_header_bytes;
/// Without the payload.
inline constexpr std::size_t entry_record_bytes = record_header_bytes + 24;

constexpr std::uint64_t round_up_to_block(std::uint64_t bytes) {
  return (bytes + block_bytes - 1) / block_bytes * block_bytes;
}

/// A record whose checksum held. `body` points into the bytes it was read from.
struct record_view {
  record_type type{};
  entry_kind kind{};
  cluster_id cluster;
  member_id member;
  batch_number batch;
  /// An entry's own; for other types see format.md.
  entry_id id;
  std::uint32_t checksum = 0;
  std::span<const std::byte> body;

  std::size_t bytes() const {
    return record_header_bytes + body.size();
  }
};

/// The record at the start of `bytes`, if there is a whole one whose checksum holds. Allocates
/// nothing, whatever length the bytes claim.
std::optional<record_view> decode_record(std::span<const std::byte> bytes, std::uint32_t seed);

/// Empty if the record has another type or its body not the right size.
std::optional<hard_state> hard_state_of(const record_view& record);
std::optional<entry> entry_of(const record_view& record);

/// What the first record of a batch says.
struct batch_frame {
  batch_number number;
  /// The newest batch on disk when this one was written: this batch certifies that one.
  batch_number previous;
  /// All records with the first, without padding.
  std::uint64_t bytes = 0;
  /// Those after the first.
  std::uint32_t records = 0;
  /// CRC-32C over the checksums of those after the first.
  std::uint32_t digest = 0;
};

/// `bytes` starts at a block; only the first record is looked at.
std::optional<batch_frame> decode_batch_frame(std::span<const std::byte> bytes,
                                              const record_stamp& stamp);

/// The records after the first of the batch that fills `bytes`, padding included. Empty if one is
/// bad, from elsewhere or missing, or if the padding is not zero: a batch counts whole or not.
std::optional<std::vector<record_view>>
decode_batch(std::span<const std::byte> bytes, const batch_frame& frame, const record_stamp& stamp);

/// Lays records out one after the other.
class batch_writer {
public:
  /// `bytes` has room for the batch record and for all that will be added; it is not cleared.
  batch_writer(std::span<std::byte> bytes, const record_stamp& stamp, batch_number number);

  void add(const hard_state& state);
  void add(const entry& x);
  void add_cut(entry_id last);

  /// Where the next record will start, counted from the start of the batch.
  std::size_t position() const {
    return position_;
  }

  /// Completes the batch and pads it with zeros to whole blocks, for which `bytes` has room too.
  /// `last` is the log's last entry after it. @returns the bytes to write.
  std::span<const std::byte> finish(batch_number previous, entry_id last);

private:
  void seal(std::size_t begin);

  std::span<std::byte> bytes_;
  record_stamp stamp_;
  batch_number number_;
  std::size_t position_ = batch_record_bytes;
  std::uint32_t records_ = 0;
  std::uint32_t digest_ = 0;
};

/// Describes one segment: its first record, and the hard state at its start.
struct segment_description {
  cluster_id cluster;
  member_id member;
  std::uint64_t salt = 0;
  batch_number number;
  batch_number previous;
  /// The log's last entry when the segment began; who reads the log from here starts with it.
  entry_id before;
  hard_state state;
};

inline constexpr std::size_t segment_description_bytes =
  segment_record_bytes + hard_state_record_bytes;

/// @pre out has segment_description_bytes.
void encode_segment_description(std::span<std::byte> out, segment_number segment,
                                const segment_description& x);
std::optional<segment_description> decode_segment_description(std::span<const std::byte> bytes,
                                                              segment_number segment);

} // namespace troupe::storage
