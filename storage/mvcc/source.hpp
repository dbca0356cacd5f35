#pragma once

#include "messages/errc.hpp"
#include "messages/ids.hpp"
#include "storage/mvcc/key_range.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::mvcc {

/// A key as it was at one revision. The views are valid during the call that shows it.
struct key_value_view {
  std::string_view key;
  std::string_view value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  lease_id lease;
};

/// The same, owned.
struct key_value {
  std::string key;
  std::string value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  lease_id lease;

  key_value_view view() const {
    return {key, value, create_revision, mod_revision, version, lease};
  }
};

/// Something that can be read at a revision: a snapshot of the store, or a transaction that sees
/// its own writes. Every read takes the revision `at`, in [max(compacted(), 0), revision()];
/// outside it the read fails with `errc::compacted` or `errc::future_revision`. Callers turn
/// "latest" (a request's revision <= 0) into revision() first.
class source {
public:
  virtual ~source() = default;

  /// The newest revision this source sees; 1 if nothing was ever written.
  virtual std::int64_t revision() const = 0;

  /// The compaction floor, itself still readable; -1 if there never was a compaction.
  virtual std::int64_t compacted() const = 0;

  /// Shows the key as of `at` if it exists then. @returns compacted, future_revision, or none (also
  /// when there is no key).
  virtual errc get(std::string_view key, std::int64_t at,
                   std::optional<key_value>& found) const = 0;

  /// Shows the keys of `range` that exist at `at`, ascending, until `show` returns false.
  virtual errc visit(const key_range& range, std::int64_t at,
                     const std::function<bool(const key_value_view&)>& show) const = 0;

  /// How many keys of `range` exist at `at`; exact, and for recent revisions without walking over
  /// them.
  virtual errc count(const key_range& range, std::int64_t at, std::int64_t& keys) const = 0;

  /// Whether `at` is readable.
  errc check(std::int64_t at) const {
    if (at > revision())
      return errc::future_revision;
    if (at < compacted())
      return errc::compacted;
    return errc::none;
  }
};

} // namespace troupe::mvcc
