#pragma once

#include "messages/blob.hpp"
#include "storage/mvcc/event.hpp"

namespace troupe::watch {

/// One entry of `WatchResponse.events` as it stands on the wire: tag, length and mvccpb.Event, just
/// as protobuf would write them. A deletion shows only key and mod_revision. Entries that follow
/// each other are a valid list.
/// @param previous becomes `prev_kv` if not null.
blob encode_event(const mvcc::event& change, const mvcc::key_value* previous = nullptr);

/// Whether there can be something before the change: not if it created the key.
inline bool has_previous(const mvcc::event& change) {
  return change.kind == mvcc::event::type::deletion
         || change.kv.create_revision != change.kv.mod_revision;
}

} // namespace troupe::watch
