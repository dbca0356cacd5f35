#pragma once

#include "storage/rocksdb_engine.hpp"

#include <filesystem>
#include <memory>
#include <rocksdb/db.h>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// Settings of the whole database; `cache` and the write buffers share the memory of `options`.
rocksdb::DBOptions database_options(const rocksdb_options& options,
                                    const std::shared_ptr<rocksdb::Cache>& cache);

/// `default`, which RocksDB insists on and we leave empty, then the families in the order of their
/// numbers.
std::vector<rocksdb::ColumnFamilyDescriptor>
family_descriptors(const rocksdb_options& options, const std::shared_ptr<rocksdb::Cache>& cache);

/// Makes the directory with mode 0700, also if it is there already.
/// @throws storage_error data_foreign if it holds anything that RocksDB did not make.
void prepare_directory(const std::filesystem::path& directory);

/// @throws storage_error with what RocksDB says unless `status` is ok.
void check(const rocksdb::Status& status, std::string_view doing);

storage_error to_error(const rocksdb::Status& status, std::string_view doing);

} // namespace troupe::storage
