#include "apps/troupectl/saved_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace troupe::ctl {

namespace {

/// The name is on disk only with its directory.
void sync_directory_of(const std::string& path) {
  const auto parent = std::filesystem::path{path}.parent_path();
  const int directory = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY);
  const bool synced = directory >= 0 && ::fsync(directory) == 0;
  const int error = errno;
  if (directory >= 0)
    ::close(directory);
  if (!synced)
    throw std::system_error{error, std::generic_category(), parent.string()};
}

} // namespace

saved_file::saved_file(std::string path) : path_(std::move(path)), part_(path_ + ".part") {
  const int opened = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (opened < 0)
    fail(errno);
  // Whoever else writes it now holds the lock.
  if (::flock(opened, LOCK_EX | LOCK_NB) < 0 || ::fchmod(opened, 0600) < 0
      || ::ftruncate(opened, 0) < 0) {
    const int error = errno;
    ::close(opened);
    fail(error);
  }
  descriptor_ = opened;
}

saved_file::~saved_file() {
  if (descriptor_ < 0)
    return;
  ::unlink(part_.c_str());
  ::close(descriptor_);
}

void saved_file::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto done = ::write(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      fail(done < 0 ? errno : EIO);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

void saved_file::keep() {
  if (::fsync(descriptor_) < 0 || ::rename(part_.c_str(), path_.c_str()) < 0)
    fail(errno);
  ::close(std::exchange(descriptor_, -1));
  sync_directory_of(path_);
}

void saved_file::fail(int error) const {
  throw std::system_error{error, std::generic_category(), part_};
}

} // namespace troupe::ctl
