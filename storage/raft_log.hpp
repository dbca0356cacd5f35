#pragma once

#include "messages/raft.hpp"
#include "storage/block_buffer.hpp"
#include "storage/file_system.hpp"
#include "storage/raft_log_index.hpp"
#include "storage/raft_log_segment.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::storage {

struct raft_log_options {
  /// Stamped into every record; a log of another cluster or member is refused.
  cluster_id cluster;
  member_id member;
  /// What clients must not be able to guess; only a new log takes it.
  std::uint64_t salt = 0;
  /// A segment grows beyond this only for a single batch that is larger. Whole blocks, at least 2.
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  /// How far a file is filled with zeros ahead, whole blocks.
  std::uint64_t fill_bytes = std::uint64_t{1} << 20;
};

/// What one `persist` message wants to be on disk.
struct log_group {
  /// Present if it changed.
  std::optional<hard_state> state;
  /// Consecutive. If the first one's index is already in the log, the log is cut there first.
  std::span<const entry> entries;
};

struct recovered_log;

/// The only write-ahead log of a node: what Raft must not forget (DESIGN 6.1, format.md). Entries
/// are counted without gaps; what their terms mean is not known here.
///
/// One thread at a time. When an operation throws storage_error the log is done: every later call
/// throws too, and only a new `open` can tell what is on disk.
class raft_log {
public:
  /// Takes the lock of the directory, makes it if it is missing (its parent must exist), and reads
  /// what is there. Everything returned is on disk.
  /// @throws storage_error `data_locked`, `data_damaged`, `data_newer`, `data_foreign`, or a
  /// failure of the disk. Damaged, newer and foreign data is left as it is.
  static recovered_log open(file_system& files, const std::string& directory,
                            const raft_log_options& options);

  raft_log(const raft_log&) = delete;
  raft_log& operator=(const raft_log&) = delete;

  /// Writes all groups, in order, as one batch with one sync; when it returns they are on disk, all
  /// of them. After a crash before that there are all or none. Nothing to write is no I/O.
  /// @pre each group's entries start behind before_first() and at most one behind the last entry.
  void append(std::span<const log_group> groups);
  void append(const std::optional<hard_state>& state, std::span<const entry> entries);

  /// Call when no batch waits: makes damage of the last batch tell itself from a torn write. One
  /// more block and sync, once after each batch; no I/O when called again.
  void close_batch();

  /// Call when the answers to a batch have left: writes zeros ahead in steps, so that a later batch
  /// need not grow the file. Often no I/O.
  void prepare_ahead();

  /// The entry right before the first that can be read.
  entry_id before_first() const {
    return index_.before_first();
  }

  /// The last entry, or before_first() if there is none.
  entry_id last() const {
    return index_.last();
  }

  const hard_state& state() const {
    return state_;
  }

  /// Empty if `index` is before before_first() or behind last().
  std::optional<term_t> term_of(log_index index) const {
    return index_.term_of(index);
  }

  /// Entries in [first, last), at least one; at most `max_bytes` of payload in total unless the
  /// first is larger. @pre before_first().index < first < last <= last().index + 1.
  /// @throws storage_error `data_damaged` if a record is not what was written.
  std::vector<entry> read(log_index first, log_index last, std::uint64_t max_bytes) const;

  /// Entries up to `upto` are not needed any more: files with nothing behind it are used again.
  /// Entries may stay readable. @pre upto.index <= last().index; and the log's own pair.
  void release(entry_id upto);

  /// The state machine got everything up to `at` from elsewhere (paper 7): the log begins behind
  /// it. Entries behind it stay if the log holds `at` itself; else nothing of it leads to that
  /// state and all of it goes. The hard state stays. After a crash before this returns the log is
  /// as it was, or as it should be.
  void skip_to(entry_id at);

  /// Bytes in the files from the batch of entry `index` + 1 to the end: what a restart reads again
  /// if the state machine holds everything up to `index`. 0 if nothing is behind it.
  std::uint64_t bytes_since(log_index index) const;

private:
  raft_log(file_system& files, std::string directory, const raft_log_options& options,
           std::unique_ptr<directory_lock> lock);

  void start_segment();
  std::unique_ptr<file> take_file(const std::string& path);
  void begin_new_log();
  void write_batch(std::span<const log_group> groups);
  void stage(const log_group& group, batch_writer& writer);
  void cut_to(log_index last, batch_writer& writer);
  void recycle_oldest();
  const log_segment& segment(segment_number number) const;
  void read_run(const log_run& run, log_index first, log_index last, std::uint64_t& budget,
                std::vector<entry>& result) const;

  /// Runs one operation that changes the disk; if it fails the log is done.
  template <class Operation>
  void change(Operation operation);
  void refuse_if_failed() const;

  file_system& files_;
  std::string directory_;
  raft_log_options options_;
  std::unique_ptr<directory_lock> lock_;
  /// Never empty once open; the last one is written to.
  std::deque<log_segment> segments_;
  std::vector<std::string> spare_paths_;
  raft_log_index index_{entry_id{}};
  hard_state state_;
  batch_number newest_;
  /// At least `newest_`; the next batch is the one after it.
  batch_number highest_;
  /// Bytes of all segments since the oldest one at open, up to the end of the newest batch.
  std::uint64_t position_ = 0;
  bool closed_ = true;
  block_buffer buffer_;
  /// Why the log is done; empty while it is not.
  std::string failure_;
};

struct recovered_log {
  std::unique_ptr<raft_log> log;
  hard_state state;
  /// The entry right before `entries`.
  entry_id before_first;
  std::vector<entry> entries;
  /// A batch that was never acknowledged stood at the end, incomplete, and was dropped.
  bool torn_tail = false;
};

} // namespace troupe::storage
