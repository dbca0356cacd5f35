#pragma once

#include "storage/engine.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <rocksdb/db.h>
#include <string>
#include <string_view>

namespace troupe::storage {

struct rocksdb_database;

/// Reads what is in the database now, or a snapshot of it.
class rocksdb_view final : public read_view {
public:
  /// @param fixed is released with the view; none: whatever is written meanwhile is seen.
  rocksdb_view(const rocksdb_database& db, const rocksdb::Snapshot* fixed);
  ~rocksdb_view() override;

  rocksdb_view(const rocksdb_view&) = delete;
  rocksdb_view& operator=(const rocksdb_view&) = delete;

  found get_version(std::string_view key, std::int64_t at, std::string& value) const override;
  found visit_versions(std::string_view begin, std::optional<std::string_view> end, std::int64_t at,
                       const shower& show) const override;
  bool get(family where, std::string_view key, std::string& value) const override;
  void visit(family where, std::string_view begin, std::optional<std::string_view> end,
             const shower& show) const override;
  std::unique_ptr<read_view::walker> walk(family where) const override;

private:
  class walker;

  rocksdb::ReadOptions read_options() const;
  rocksdb::Status get(const rocksdb::ReadOptions& options, family where, std::string_view key,
                      std::string& value) const;
  found scan(rocksdb::ReadOptions options, family where, std::string_view begin,
             std::optional<std::string_view> end, std::int64_t at, const shower& show) const;

  const rocksdb_database& db_;
  const rocksdb::Snapshot* const fixed_;
};

} // namespace troupe::storage
