#pragma once

#include "storage/engine.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>

namespace troupe::storage {

struct rocksdb_database;
class rocksdb_view;

struct rocksdb_options {
  /// For block cache and write buffers together; index and filter blocks are in the cache.
  std::size_t memory_bytes = std::size_t{256} << 20;
  /// Write buffers of all families beyond which the engine flushes by itself; at most half of
  /// `memory_bytes` is used.
  std::size_t write_buffer_bytes = std::size_t{64} << 20;
  /// Threads for flushes and compactions.
  int background_jobs = 2;
  engine_listener listener;
};

/// The engine on RocksDB, without its write-ahead log: `data` uses user-defined timestamps.
class rocksdb_engine final : public engine {
public:
  /// Opens the store in `directory`, or makes it, with mode 0700.
  /// @throws storage_error data_locked, data_foreign (the directory holds something else),
  /// data_newer, data_damaged, disk_full, io_error.
  rocksdb_engine(const std::filesystem::path& directory, rocksdb_options options);

  /// Stops a running `compact`, flushes and closes. Views must have ended.
  ~rocksdb_engine() override;

  rocksdb_engine(const rocksdb_engine&) = delete;
  rocksdb_engine& operator=(const rocksdb_engine&) = delete;

  std::unique_ptr<write_batch> make_batch() const override;
  void write(write_batch& batch) override;
  const read_view& latest() const override;
  std::unique_ptr<read_view> snapshot() const override;
  void flush() override;
  std::optional<std::string> durable(std::string_view meta_key) const override;
  void raise_floor(std::int64_t at) override;
  std::int64_t floor() const override;
  void compact(bool data_too) override;
  void cancel_compactions() override;
  void checkpoint(const std::filesystem::path& directory) override;
  engine_sizes sizes() const override;

private:
  class batch;

  std::unique_ptr<rocksdb_database> db_;
  std::unique_ptr<rocksdb_view> latest_;
};

} // namespace troupe::storage
