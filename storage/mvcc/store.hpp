#pragma once

#include "messages/ids.hpp"
#include "storage/engine.hpp"
#include "storage/mvcc/source.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::mvcc {

/// One change of one key, as a watcher will see it. Shared and immutable once published.
struct event {
  enum class type : std::uint8_t { put = 0, deletion = 1 };

  type kind = type::put;
  revision at;
  /// For a deletion only key and mod_revision count.
  key_value kv;
};

/// One transaction of the log: all its writes get the revision `revision() + 1` of the moment it
/// began, with sub-revisions in the order of the calls. It sees its own writes and those of every
/// earlier transaction of the open batch. Nothing is visible to snapshots before `store::commit`.
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

} // namespace troupe::mvcc
