#pragma once

#include "storage/engine.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe::storage {

/// One content of a store, by value.
struct memory_state {
  using versions = std::map<std::int64_t, std::optional<std::string>>;

  std::map<std::string, versions, std::less<>> data;
  std::map<std::string, std::string, std::less<>> plain[family_count];
  std::uint64_t bytes = 0;
};

/// The disk of a simulated machine: what is left of each store when its engine has gone. Shared by
/// the engines on it, which must end first.
class memory_disk {
public:
  struct directory {
    memory_state durable;
    std::int64_t floor = 0;
    bool locked = false;
  };

  mutable std::mutex mutex;
  std::map<std::filesystem::path, directory> directories;
};

/// Keeps the engine's contract in memory, for the simulation: deterministic, no thread of its own,
/// and with crashes at every point that the contract allows.
class memory_engine final : public engine {
public:
  /// Opens the store in `directory` of `disk`, or makes it.
  /// @throws storage_error data_locked if another engine has it open; see check_format.
  memory_engine(memory_disk& disk, std::filesystem::path directory);

  /// Flushes, unless it crashed.
  ~memory_engine() override;

  memory_engine(const memory_engine&) = delete;
  memory_engine& operator=(const memory_engine&) = delete;

  /// Makes a flush point that nobody hears of, as a full write buffer would.
  void flush_silently();

  /// How many flush points a crash may go back to: the last, and those before it that neither
  /// `flush` nor `durable` has reported.
  std::size_t flush_points() const;

  /// The machine stops: `disk` keeps the flush point that lies `back` before the last, and the
  /// directory can be opened again. What is still written here is seen by reads here and counts no
  /// more. @pre back < flush_points().
  void crash(std::size_t back = 0);

  std::unique_ptr<write_batch> make_batch() const override;
  void write(write_batch& batch) override;
  const read_view& latest() const override;
  std::unique_ptr<read_view> snapshot() const override;
  void flush() override;
  std::optional<std::string> durable(std::string_view meta_key) const override;
  void raise_floor(std::int64_t at) override;
  std::int64_t floor() const override;
  void compact(bool data_too) override;
  void checkpoint(const std::filesystem::path& directory) override;
  engine_sizes sizes() const override;

private:
  struct change;
  class batch;
  class view;

  std::shared_ptr<const memory_state> current() const;
  void persist(std::size_t changes) const;

  memory_disk& disk_;
  const std::filesystem::path directory_;
  std::unique_ptr<view> latest_;
  mutable std::mutex mutex_;
  /// Copied on write while a reader still holds it.
  std::shared_ptr<memory_state> state_;
  std::int64_t floor_ = 0;
  /// Written since the durable state on disk, in order.
  mutable std::vector<change> unflushed_;
  /// Ascending lengths of prefixes of `unflushed_`: flush points that were not reported.
  mutable std::vector<std::size_t> silent_points_;
  bool crashed_ = false;
};

} // namespace troupe::storage
