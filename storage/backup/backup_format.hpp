#pragma once

#include "messages/ids.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>

/// The bytes of a backup file; storage/format.md has the layout. What the decoders throw is a
/// storage_error whose text begins with the name of the file.
namespace troupe::backup {

/// What a backup is of.
struct description {
  cluster_id cluster;
  /// The member that it was taken from.
  member_id member;
  std::int64_t revision = 1;
  /// The compaction floor, whose state and what came after it are in the file; -1: all history is.
  std::int64_t compacted = -1;
  /// The last entry whose effects are in it.
  entry_id applied;
  /// When it was begun, by the member's clock: seconds since 1970.
  std::int64_t taken_at = 0;

  friend bool operator==(const description&, const description&) = default;
};

/// Parts of the file, in their order. All but `data` hold records of the family of that name;
/// `data` holds the keys that existed at the floor, each with its version of then.
enum class section : std::uint32_t { lease = 1, auth, member, meta, v2, data, events, end };

inline constexpr std::size_t section_count = 7;

/// One record of a section.
struct record {
  section of = section::end;
  std::string_view key;
  std::string_view value;
  /// In `events`, for a put that `value` does not hold and that came after the floor: the version
  /// that `data` held. Else empty.
  std::string_view version;
};

/// What is in a whole file.
struct contents {
  /// By section.
  std::array<std::uint64_t, section_count> records{};
  /// CRC-32C over revision, floor and all records: equal for equal states, wherever and whenever
  /// they were written.
  std::uint32_t hash = 0;

  std::uint64_t all_records() const {
    return std::accumulate(records.begin(), records.end(), std::uint64_t{0});
  }

  friend bool operator==(const contents&, const contents&) = default;
};

/// Takes note of what goes through a file, in order.
class content_counter {
public:
  explicit content_counter(const description& of);

  /// The records of a chunk.
  void add(section of, std::uint64_t records, std::string_view body);

  const contents& so_far() const {
    return contents_;
  }

private:
  contents contents_;
  section last_ = section::end;
};

/// Everything before the digest at the end is a multiple of this: how etcd's clients see that a
/// digest is there.
inline constexpr std::size_t file_alignment = 512;

inline constexpr std::size_t header_bytes = 512;

std::string encode_header(const description& of);

/// @pre `bytes` has header_bytes bytes.
/// @throws storage_error data_foreign, data_newer, data_damaged.
description decode_header(std::string_view bytes, const std::string& file);

struct chunk_head {
  section of = section::end;
  /// From 1.
  std::uint64_t number = 0;
  std::uint64_t records = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t body_checksum = 0;
};

inline constexpr std::size_t chunk_head_bytes = 32;

/// Head and body. @pre `body` is below 4 GiB.
void append_chunk(section of, std::uint64_t number, std::uint64_t records, std::string_view body,
                  std::string& out);

/// @pre `bytes` has chunk_head_bytes bytes. @throws storage_error data_damaged.
chunk_head decode_chunk_head(std::string_view bytes, const std::string& file);

void append_record(const record& what, std::string& body);

/// Takes the first record off `body`; its views point into it. @throws storage_error data_damaged.
record take_record(section of, std::string_view& body, const std::string& file);

/// The body of the chunk `end`.
std::string encode_contents(const contents& all);
contents decode_contents(std::string_view body, const std::string& file);

[[noreturn]] void refuse_damaged(const std::string& file, const std::string& what);

} // namespace troupe::backup
