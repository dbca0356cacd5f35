#pragma once

#include "storage/engine.hpp"
#include "storage/mvcc/record.hpp"

namespace troupe::mvcc {

/// Everything that was committed when it was made, in the store's own records (storage/format.md):
/// what `state` says is what `view` shows. Versions from state().compacted on and the events of
/// then stay readable as long as it lives: the store removes nothing that it needs, so it must not
/// live for long. For one thread at a time; must end before its store.
class pinned {
public:
  virtual ~pinned() = default;

  virtual const store_state& state() const = 0;
  virtual const storage::read_view& view() const = 0;
};

} // namespace troupe::mvcc
