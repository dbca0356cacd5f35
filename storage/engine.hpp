#pragma once

#include "storage/storage_error.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::storage {

/// The parts of the state machine's store. `data` keeps versions of each key, named by the revision
/// that wrote them; the others are plain ordered maps. Keys of `events` start with a revision, 8
/// bytes big-endian, and are erased from below as the floor rises. Layouts: storage/format.md.
enum class family : std::uint8_t { data, events, lease, auth, member, meta, v2 };

inline constexpr std::size_t family_count = 7;

std::string_view name(family which);

/// Changes that become visible and durable together or not at all. Of two changes of one key the
/// later counts, also of two versions at one revision.
class write_batch {
public:
  virtual ~write_batch() = default;

  /// @pre key is not empty; `at` > floor; no version of the key at a higher revision exists.
  virtual void put_version(std::string_view key, std::int64_t at, std::string_view value) = 0;

  /// From `at` on the key does not exist. The same preconditions.
  virtual void erase_version(std::string_view key, std::int64_t at) = 0;

  /// The following: every family but `data`. @pre key is not empty, and does not begin with a zero
  /// byte and "marker", which engines keep for themselves.
  virtual void put(family where, std::string_view key, std::string_view value) = 0;
  virtual void erase(family where, std::string_view key) = 0;

  /// Erases the keys of [begin, end).
  virtual void erase_range(family where, std::string_view begin, std::string_view end) = 0;

  virtual void clear() = 0;
  virtual bool empty() const = 0;

  /// About how much memory the changes take.
  virtual std::size_t bytes() const = 0;
};

/// Reads. Calls may come from any thread.
class read_view {
public:
  enum class found { yes, no, below_floor };

  virtual ~read_view() = default;

  /// The version of the key as of `at`. @returns below_floor if `at` < the engine's floor at the
  /// end of the read.
  virtual found get_version(std::string_view key, std::int64_t at, std::string& value) const = 0;

  using shower = std::function<bool(std::string_view key, std::string_view value)>;

  /// Shows the keys of [begin, end) that exist as of `at`, ascending, until `show` returns false;
  /// no end: all from `begin` on. `show` may use the engine. @returns below_floor, before the first
  /// call of `show`, if `at` < floor; otherwise what is shown is complete even if the floor rises
  /// meanwhile.
  virtual found visit_versions(std::string_view begin, std::optional<std::string_view> end,
                               std::int64_t at, const shower& show) const = 0;

  /// The following: every family but `data`.
  virtual bool get(family where, std::string_view key, std::string& value) const = 0;
  virtual void visit(family where, std::string_view begin, std::optional<std::string_view> end,
                     const shower& show) const = 0;

  /// Visits one range after the other, cheaply where each lies little above the one before. Nothing
  /// is written to the engine while it lives. Used by one thread at a time.
  class walker {
  public:
    virtual ~walker() = default;

    /// As `visit` of the view.
    virtual void visit(std::string_view begin, std::string_view end, const shower& show) = 0;
  };

  virtual std::unique_ptr<walker> walk(family where) const = 0;
};

struct engine_sizes {
  /// In files, all families, replaced versions included.
  std::uint64_t on_disk = 0;
  /// Estimate of `on_disk` after everything replaced is removed; at most `on_disk`.
  std::uint64_t live = 0;
  /// Written and not yet in files.
  std::uint64_t unflushed = 0;
  /// Estimate of the versions in `data`, deletions and replaced ones included.
  std::uint64_t versions = 0;

  /// What the store takes, in files and in memory.
  std::uint64_t total() const {
    return on_disk + unflushed;
  }

  /// What it would take without what is replaced.
  std::uint64_t in_use() const {
    return live + unflushed;
  }
};

enum class write_stall { none, delayed, stopped };

/// What happens outside of any call; called on the engine's own threads, must not block or throw.
struct engine_listener {
  /// A flush or compaction failed. Final: nothing written from now on reaches the disk, and every
  /// later write throws.
  std::function<void(const storage_error&)> on_background_error;
  /// Flushes or compactions cannot keep up: writes take longer or wait.
  std::function<void(write_stall)> on_write_stall;
};

/// The state machine's store: atomic batches without a log of its own. A crash goes back to one of
/// its flush points, and to that in all families at once; whoever uses it replays the Raft log from
/// there. Everything throws storage_error if the disk fails, after which only destruction is left.
///
/// One thread writes; reads, `flush`, `raise_floor`, `compact`, `checkpoint` and `sizes` may run on
/// others beside it.
class engine {
public:
  virtual ~engine() = default;

  virtual std::unique_ptr<write_batch> make_batch() const = 0;

  /// Atomic; visible to later reads, durable with the next flush point. Leaves `batch` as it is.
  virtual void write(write_batch& batch) = 0;

  /// Each read sees what is written at its beginning.
  virtual const read_view& latest() const = 0;

  /// All reads see what was written when it was made. Must end before the engine does.
  virtual std::unique_ptr<read_view> snapshot() const = 0;

  /// Makes everything written before the call durable, in all families at once. The engine also
  /// makes flush points by itself, at any time.
  virtual void flush() = 0;

  /// What a crash now would leave of this key of `meta`.
  virtual std::optional<std::string> durable(std::string_view meta_key) const = 0;

  /// Versions below `at` become unreadable at once, and durably so; `at` itself stays readable.
  /// Lowering it has no effect. What it reaches must be durable first: the floor outlives a crash
  /// that the versions above it do not.
  virtual void raise_floor(std::int64_t at) = 0;

  /// 0 if it was never raised.
  virtual std::int64_t floor() const = 0;

  /// Removes from the disk what is erased or replaced below the floor: in `events` always, in
  /// `data` if `data_too`, at the price of reading and writing all of it. Long; makes a flush
  /// point.
  virtual void compact(bool data_too) = 0;

  /// A running or later `compact` returns soon, its work undone or half done; from any thread.
  /// Nothing to do where it is never long.
  virtual void cancel_compactions() {}

  /// Makes `directory`, which must not exist, a store with everything written so far, the floor
  /// included; cheap on the same file system. Makes a flush point.
  virtual void checkpoint(const std::filesystem::path& directory) = 0;

  virtual engine_sizes sizes() const = 0;
};

/// Layout version of the whole store, kept in `meta` under `format_key`.
inline constexpr std::uint64_t store_format = 2;
inline constexpr std::string_view format_key = "format";

/// Looks at the format of a store just opened; stamps a new one, and one of an earlier format.
/// @throws storage_error data_newer if a later program wrote it, data_damaged, data_foreign if
/// there is data and no format.
void check_format(engine& store);

} // namespace troupe::storage
