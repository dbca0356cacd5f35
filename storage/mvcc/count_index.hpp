#pragma once

#include "messages/errc.hpp"
#include "storage/mvcc/key_range.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::mvcc {

struct count_limits {
  /// How many keys a bucket should have; a count reads up to two of its buckets.
  std::size_t bucket_keys = 128;
  /// Buckets grow with the number of keys so that about this many suffice.
  std::size_t max_buckets = 131072;
  /// For the changes of late that lead from the newest count back to an older revision's.
  std::size_t recent_bytes = std::size_t{8} << 20;
};

/// How many keys lie between any two, without walking over them: a cache in memory, safe for one
/// writer, many readers and one refiner. It cuts the key space into buckets and counts each:
///
///     begin   ""    "b/17"   "c/2"   "f"
///     keys    511   498      530     unknown
///
/// count [b, e): buckets 1 and 2 together are 1028; the caller reads [b, b/17) and [f, e) itself.
/// Changes are applied to the buckets as they are committed and kept in `recent` for a while, so
/// that a reader at an older revision can take them back. A bucket is unknown until `refine` has
/// read it, and split by `refine` when it has grown: neither ever holds up a writer.
class count_index {
public:
  /// A key that came (+1) or went (-1).
  struct change {
    std::int64_t at;
    int by;
    std::string key;
  };

  /// `revision`: what the store is at; without keys, everything is known from the start.
  count_index(count_limits limits, std::int64_t revision, bool no_keys);

  /// Ascending, all of them after every change before; before their revisions are published.
  void add(std::vector<change> changes);

  /// Of the range asked for, [begin, end) has `keys`.
  struct part {
    std::int64_t keys;
    std::string begin;
    std::optional<std::string> end;
  };

  /// @returns none if every key of the range has to be read.
  std::optional<part> count(const key_range& range, std::int64_t at) const;

  /// Shows the keys of the range at a fixed revision, ascending, until told to stop.
  using key_reader =
    std::function<errc(const key_range&, const std::function<bool(std::string_view)>&)>;

  /// Reads up to `max_keys` with `read`, which reads at `at`, a published revision, and makes an
  /// unknown or too large bucket into right ones. One caller at a time.
  /// @returns false if there is nothing to do; true also if it has to be tried again.
  bool refine(std::int64_t at, std::size_t max_keys, const key_reader& read);

  /// How many buckets there are; for tests and metrics.
  std::size_t buckets() const;

private:
  struct bucket {
    std::string begin;
    std::int64_t keys;
    bool known;
  };

  /// Neighbouring buckets and their sums, so that neither a count nor a split walks over all.
  struct chunk {
    std::vector<bucket> buckets;
    std::int64_t keys = 0;
    std::size_t unknown = 0;

    void sum_up();
  };

  struct position {
    std::size_t chunk;
    std::size_t bucket;
  };

  using changes = std::vector<change>;

  /// What `refine` has read: buckets from the first one's begin to `end`.
  struct reading {
    std::vector<bucket> buckets;
    std::optional<std::string> end;
  };

  void apply(change& c);
  void remember(change& c);
  std::size_t target() const;
  position find(std::string_view key) const;
  const std::string* begin_after(position p) const;
  std::optional<key_range> next_to_refine();
  void merge_chunk(std::size_t at);
  static std::optional<reading> read_buckets(const key_range& range, std::size_t target,
                                             std::size_t max_keys, const key_reader& read);
  bool replace(const key_range& old, std::int64_t at, reading found);
  std::vector<std::shared_ptr<const changes>> changes_since(std::int64_t at) const;

  const count_limits limits_;
  mutable std::mutex mutex_;
  std::vector<chunk> chunks_;
  std::int64_t keys_ = 0;
  std::size_t buckets_ = 1;
  std::size_t unknown_ = 0;
  /// Sealed blocks of changes, oldest first, then the one being filled.
  std::deque<std::shared_ptr<const changes>> recent_;
  changes newest_;
  std::size_t recent_bytes_ = 0;
  /// Every change after this revision is in `recent_` or `newest_`.
  std::int64_t horizon_;
  /// Keys whose buckets have become too large or too small.
  std::deque<std::string> large_;
  std::deque<std::string> sparse_;
  /// Turns round over the chunks while there are too many buckets.
  std::size_t next_merge_ = 0;
};

} // namespace troupe::mvcc
