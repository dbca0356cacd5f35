#pragma once

#include "storage/memory_engine.hpp"
#include "storage/rocksdb_engine.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace troupe::storage {

/// A machine that keeps a store of one kind over reopening and crashes; its files end with it.
class engine_machine {
public:
  virtual ~engine_machine() = default;

  /// The store in the directory, opened or made; the caller ends it before the machine.
  virtual std::unique_ptr<engine> open(const std::string& directory = "store") = 0;

  /// Stops the machine under an open store, which ends; what `open` finds then is what was durable.
  virtual void crash(std::unique_ptr<engine> open) = 0;

  /// Where a checkpoint of that name goes.
  virtual std::filesystem::path path(const std::string& directory) const = 0;
};

class memory_machine final : public engine_machine {
public:
  std::unique_ptr<engine> open(const std::string& directory) override;
  void crash(std::unique_ptr<engine> open) override;
  std::filesystem::path path(const std::string& directory) const override;

private:
  memory_disk disk_;
};

class rocksdb_machine final : public engine_machine {
public:
  rocksdb_machine();
  ~rocksdb_machine() override;

  std::unique_ptr<engine> open(const std::string& directory) override;

  /// Takes a copy of the files as they are while the store is open: what SIGKILL leaves behind.
  void crash(std::unique_ptr<engine> open) override;
  std::filesystem::path path(const std::string& directory) const override;

private:
  std::filesystem::path root_;
};

enum class engine_kind { memory, rocksdb };

std::unique_ptr<engine_machine> make_machine(engine_kind kind);

std::string kind_name(engine_kind kind);

} // namespace troupe::storage
