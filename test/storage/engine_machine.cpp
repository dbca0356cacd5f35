#include "test/storage/engine_machine.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace troupe::storage {

std::unique_ptr<engine> memory_machine::open(const std::string& directory) {
  return std::make_unique<memory_engine>(disk_, path(directory));
}

void memory_machine::crash(std::unique_ptr<engine> open) {
  static_cast<memory_engine&>(*open).crash();
}

std::filesystem::path memory_machine::path(const std::string& directory) const {
  return directory;
}

rocksdb_machine::rocksdb_machine() {
  auto name = (std::filesystem::temp_directory_path() / "troupe_engine_XXXXXX").string();
  if (!::mkdtemp(name.data()))
    throw std::system_error{errno, std::generic_category(), "mkdtemp"};
  root_ = name;
}

rocksdb_machine::~rocksdb_machine() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::unique_ptr<engine> rocksdb_machine::open(const std::string& directory) {
  rocksdb_options options;
  options.memory_bytes = 16 << 20;
  return std::make_unique<rocksdb_engine>(path(directory), options);
}

void rocksdb_machine::crash(std::unique_ptr<engine> open) {
  const auto kept = path("crash");
  std::filesystem::copy(path("store"), kept, std::filesystem::copy_options::recursive);
  open.reset();
  std::filesystem::remove_all(path("store"));
  std::filesystem::rename(kept, path("store"));
}

std::filesystem::path rocksdb_machine::path(const std::string& directory) const {
  return root_ / directory;
}

std::unique_ptr<engine_machine> make_machine(engine_kind kind) {
  if (kind == engine_kind::memory)
    return std::make_unique<memory_machine>();
  return std::make_unique<rocksdb_machine>();
}

std::string kind_name(engine_kind kind) {
  return kind == engine_kind::memory ? "memory" : "rocksdb";
}

} // namespace troupe::storage
