#pragma once

#include "messages/ids.hpp"
#include "storage/engine.hpp"
#include "storage/mvcc/count_index.hpp"
#include "storage/mvcc/event.hpp"
#include "storage/mvcc/pinned.hpp"
#include "storage/mvcc/snapshot.hpp"
#include "storage/mvcc/source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::mvcc {

/// One transaction of the log: all its writes get the revision `revision() + 1` of the moment it
/// began, with sub-revisions in the order of the calls. It sees its own writes and those of every
/// earlier transaction of the open batch. Nothing is visible to snapshots before `store::commit`.
/// It ends with its destruction; what it wrote by then stays in the batch.
class write_txn : public source {
public:
  /// revision() of a transaction that has written is the one its writes get; before its first write
  /// it is the store's.
  /// @pre key is not empty. @returns what the key was before, if `want_previous`.
  virtual std::optional<key_value> put(std::string_view key, std::string_view value, lease_id lease,
                                       bool want_previous) = 0;

  /// Deletes the keys of `range` that exist now, in key order. @returns how many; `previous` gets
  /// them if not null.
  virtual std::int64_t delete_range(const key_range& range, std::vector<key_value>* previous) = 0;

  /// True once something was written.
  virtual bool changed() const = 0;
};

struct store_options {
  /// For the heads of keys written last, so that a put need not read the engine.
  std::size_t head_cache_bytes = std::size_t{32} << 20;
  count_limits count;
};

/// The versioned key space on an engine, and whatever else the applier keeps in the same batch.
///
/// One thread applies: it opens transactions one after the other, writes plain records, and ends
/// the batch with `commit`, which makes all of it visible and, with the engine's next flush point,
/// durable together with the log entry it came from. Only the functions under "any thread" may run
/// beside that. After a storage_error or invariant_error only destruction is left.
class store {
public:
  /// Opens what the engine holds; an empty engine is a store at revision 1.
  /// @throws storage_error data_damaged.
  explicit store(storage::engine& engine, store_options options = {});
  ~store();

  store(const store&) = delete;
  store& operator=(const store&) = delete;

  // The applier's thread.

  /// @pre no transaction is open. It must end before `commit` and before the store.
  std::unique_ptr<write_txn> begin();

  /// Raises the floor: from here on in the batch, and for snapshots made after `commit`, reads
  /// below `at` fail. @pre compacted() < at <= revision(); no transaction is open.
  void compact(std::int64_t at);

  /// Plain records of lease, auth, member, v2 and meta. Of meta "format" and "state" are taken, and
  /// of lease the attachments (lease_key.hpp), which follow the keys' leases by themselves. Reads
  /// see the open batch. `visit` shows [begin, end), ascending, until `show` returns false.
  void put(storage::family where, std::string_view key, std::string_view value);
  void erase(storage::family where, std::string_view key);
  bool get(storage::family where, std::string_view key, std::string& value) const;
  void visit(storage::family where, std::string_view begin, std::optional<std::string_view> end,
             const storage::read_view::shower& show) const;

  /// As `storage::read_view::walk`; sees the open batch, also what is written to it meanwhile. Must
  /// end before the batch does.
  std::unique_ptr<storage::read_view::walker> walk(storage::family where) const;

  /// Ends the batch: one atomic write. `applied` is the last entry whose effects are in it; it does
  /// not go back. @returns the batch's changes in the order of revision.
  std::vector<event> commit(entry_id applied);

  /// The newest revision, the floor (-1: none yet), the last entry; the open batch included, but
  /// for applied().
  std::int64_t revision() const;
  std::int64_t compacted() const;
  entry_id applied() const;

  // Any thread.

  /// What is committed now; see `snapshot`.
  std::unique_ptr<mvcc::snapshot> snapshot() const;

  /// The same with all records and all history, for who reads long; see `pinned`.
  std::unique_ptr<mvcc::pinned> pin() const;

  /// The last entry whose effects a crash keeps: the log may be cut up to it.
  entry_id flushed() const;

  /// Everything committed becomes durable; blocks.
  void flush();

  /// Whether history below the floor waits to be removed and may be; true at once after a crash
  /// that came between the two, and again when a `pinned` that held on to some has ended.
  bool history_to_remove() const;

  /// Removes what is below the floor from the engine; long, and blocks, beside readers and the
  /// applier. Versions of keys go only when they are a good part of the store, since that rewrites
  /// all of `data`, unless `all`. The engine's floor never passes the floor that a crash keeps:
  /// replayed entries find what they found the first time. Nor does it pass what is pinned.
  void remove_history(bool all);

  /// One slice of work for exact counts: reads up to about `max_keys` keys. Wanted after opening a
  /// store, and from time to time as it grows; until then counts of the rest walk over their keys.
  /// @returns false if there is nothing left to do for now.
  bool refine_counts(std::size_t max_keys);

private:
  class state;
  class txn;
  class reader;
  class pin_holder;

  std::unique_ptr<state> state_;
};

} // namespace troupe::mvcc
