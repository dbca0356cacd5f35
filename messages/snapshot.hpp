#pragma once

#include "messages/blob.hpp"
#include "messages/errc.hpp"
#include "messages/ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

// Between members: a whole state, for one that lags so far behind that the log does not reach back
// to it any more (paper 7). The receiver asks for what it wants when it can take it, so a slow one
// is not overrun and whatever is lost is asked for again:
//
//   leader                              follower
//     | offer ---------------------------> |   repeated until something comes back
//     | <-------------------------- request|   several at a time
//     | chunk ---------------------------> |   written, checked, synced
//     | <------------------------------ end|   all of it is on disk and checked, or why not

struct snapshot_file {
  /// Without a directory.
  std::string name;
  std::uint64_t bytes = 0;
  /// CRC-32C of all of them.
  std::uint32_t checksum = 0;

  friend bool operator==(const snapshot_file&, const snapshot_file&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, snapshot_file& x) {
  return f(x.name, x.bytes, x.checksum);
}

struct snapshot_offer {
  member_id from;
  /// Chosen by the sender; another transfer has another number.
  std::uint64_t transfer = 0;
  /// The state holds the effects of every entry up to this one.
  entry_id at;
  std::vector<snapshot_file> files;

  friend bool operator==(const snapshot_offer&, const snapshot_offer&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, snapshot_offer& x) {
  return f(x.from, x.transfer, x.at, x.files);
}

/// Bytes [offset, offset + bytes) of one file, which has them all.
struct snapshot_request {
  member_id from;
  std::uint64_t transfer = 0;
  /// Position in the offer's list.
  std::uint32_t file = 0;
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;

  friend bool operator==(const snapshot_request&, const snapshot_request&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, snapshot_request& x) {
  return f(x.from, x.transfer, x.file, x.offset, x.bytes);
}

struct snapshot_chunk {
  member_id from;
  std::uint64_t transfer = 0;
  std::uint32_t file = 0;
  std::uint64_t offset = 0;
  /// CRC-32C of `content`.
  std::uint32_t checksum = 0;
  blob content;

  friend bool operator==(const snapshot_chunk&, const snapshot_chunk&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, snapshot_chunk& x) {
  return f(x.from, x.transfer, x.file, x.offset, x.checksum, x.content);
}

struct snapshot_end {
  member_id from;
  std::uint64_t transfer = 0;
  /// `none`: the whole state is on the receiver's disk. Else it does not want it, or cannot take
  /// it.
  errc result = errc::none;

  friend bool operator==(const snapshot_end&, const snapshot_end&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, snapshot_end& x) {
  return f(x.from, x.transfer, x.result);
}

} // namespace troupe
