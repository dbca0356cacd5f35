#pragma once

#include "messages/proto/kv.pb.h"
#include "storage/mvcc/source.hpp"

#include <utility>

namespace troupe::read {

inline void set_numbers(mvccpb::KeyValue& to, const mvcc::key_value_view& from) {
  to.set_create_revision(from.create_revision);
  to.set_mod_revision(from.mod_revision);
  to.set_version(from.version);
  to.set_lease(from.lease.value);
}

/// Writes what is stored into a new message; copies the bytes once.
inline void assign(mvccpb::KeyValue& to, const mvcc::key_value_view& from, bool with_value) {
  to.set_key(from.key.data(), from.key.size());
  if (with_value)
    to.set_value(from.value.data(), from.value.size());
  set_numbers(to, from);
}

/// The same without a copy.
inline void assign(mvccpb::KeyValue& to, mvcc::key_value&& from) {
  set_numbers(to, from.view());
  to.set_key(std::move(from.key));
  to.set_value(std::move(from.value));
}

} // namespace troupe::read
