#pragma once

#include "storage/engine.hpp"
#include "storage/mvcc/count_index.hpp"
#include "storage/mvcc/source.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe::mvcc {

/// Reads of what the engine holds, for the writer and for snapshots; from any thread. `at` is at
/// most the last published revision; every read fails with errc::compacted if `at` lies below the
/// engine's floor.
class committed {
public:
  committed(const storage::read_view& view, const count_index& counts)
      : view_(view), counts_(counts) {}

  errc get(std::string_view key, std::int64_t at, std::optional<key_value>& found) const;
  errc visit(const key_range& range, std::int64_t at,
             const std::function<bool(const key_value_view&)>& show) const;
  errc visit_keys(const key_range& range, std::int64_t at,
                  const std::function<bool(std::string_view)>& show) const;
  errc count(const key_range& range, std::int64_t at, std::int64_t& keys) const;

private:
  errc walk(const key_range& range, std::int64_t at, std::int64_t& keys) const;

  const storage::read_view& view_;
  const count_index& counts_;
};

} // namespace troupe::mvcc
