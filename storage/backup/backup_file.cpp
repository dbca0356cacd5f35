#include "storage/backup/backup_file.hpp"

#include "storage/storage_error.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>

namespace troupe::backup {

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw storage::storage_error{errc::io_error, path + ": " + why};
}

} // namespace

opened_file open_file(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error)
    fail(path, error.message());
  auto file = std::make_shared<std::ifstream>(path, std::ios::binary);
  if (!*file)
    fail(path, std::generic_category().message(errno));
  const auto read = [path, file](std::span<std::byte> out) {
    file->read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
    if (file->bad())
      fail(path, "cannot be read to its end");
    return static_cast<std::size_t>(file->gcount());
  };
  return {read, bytes};
}

} // namespace troupe::backup
