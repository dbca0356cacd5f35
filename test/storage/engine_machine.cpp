#include "test/storage/engine_machine.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <system_error>

#ifdef __SANITIZE_THREAD__
// The library is not instrumented: the sanitizer sees the bytes that it copies, not how it orders
// them.
extern "C" const char* __tsan_default_suppressions() {
  return "race:librocksdb.so\n";
}
#endif

namespace troupe::storage {

namespace {

namespace fs = std::filesystem;

std::map<std::string, std::uintmax_t> files(const fs::path& directory) {
  std::map<std::string, std::uintmax_t> found;
  for (const auto& entry : fs::directory_iterator{directory}) {
    std::error_code gone;
    found[entry.path().filename().string()] = entry.file_size(gone);
  }
  return found;
}

/// @returns false if the files changed meanwhile.
bool copy_still_files(const fs::path& from, const fs::path& to) {
  const auto before = files(from);
  fs::create_directories(to);
  for (const auto& [name, size] : before) {
    std::error_code gone;
    fs::copy_file(from / name, to / name, gone);
    if (gone)
      return false;
  }
  return files(from) == before;
}

} // namespace

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
  // A file that RocksDB deletes or makes meanwhile means that the copy is of no single moment.
  while (!copy_still_files(path("store"), kept))
    std::filesystem::remove_all(kept);
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
