#pragma once

#include "messages/ids.hpp"
#include "storage/mvcc/source.hpp"

#include <cstdint>

namespace troupe::mvcc {

/// One change of one key, as a watcher will see it. Shared and immutable once published.
struct event {
  enum class type : std::uint8_t { put = 0, deletion = 1 };

  type kind = type::put;
  revision at;
  /// For a deletion only key and mod_revision count.
  key_value kv;
};

} // namespace troupe::mvcc
