#pragma once

#include "storage/backup/backup_format.hpp"
#include "storage/backup/sha256.hpp"
#include "storage/mvcc/pinned.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace troupe::backup {

/// Who takes a backup, and when.
struct taker {
  cluster_id cluster;
  member_id member;
  /// Seconds since 1970.
  std::int64_t now = 0;
};

/// A backup, piece by piece as somebody wants it; holds one piece at a time in memory. All pieces
/// and the digest behind them are the file.
class backup_writer {
public:
  /// A chunk is about so large, unless a single record is larger.
  static constexpr std::size_t usual_chunk_bytes = 256 << 10;

  backup_writer(std::unique_ptr<const mvcc::pinned> state, const taker& by,
                std::size_t chunk_bytes = usual_chunk_bytes);

  /// Appends the next piece to `out`: the header, one chunk, or what stands before the digest.
  /// @pre !done().
  void next(std::string& out);

  /// From then on nothing is held on to.
  bool done() const {
    return state_ == nullptr;
  }

  /// Of every piece: the last sha256_bytes bytes of the file. @pre done().
  std::string digest() const;

  const description& about() const {
    return about_;
  }

private:
  void fill();
  void fill_plain(storage::family from);
  void fill_data();
  void fill_events();
  /// @returns whether there is room for another record.
  bool add(const record& what);
  std::string version_of(std::string_view event_key, std::string_view event) const;
  void finish(std::string& out);

  /// Empty once done.
  std::unique_ptr<const mvcc::pinned> state_;
  const description about_;
  const std::size_t chunk_bytes_;
  content_counter counter_;
  sha256 hash_;
  std::uint64_t written_bytes_ = 0;
  /// Of the last chunk.
  std::uint64_t number_ = 0;
  /// Where the next chunk begins.
  section at_ = section::lease;
  std::string from_;
  /// The chunk in the making.
  std::string body_;
  std::uint64_t records_ = 0;
};

} // namespace troupe::backup
