#include "storage/posix_file_system.hpp"

#include "storage/storage_error.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace troupe::storage {
namespace {

[[noreturn]] void fail(const char* operation, const std::string& path, int error) {
  auto code = error == ENOSPC || error == EDQUOT ? errc::disk_full : errc::io_error;
  throw storage_error{code,
                      path + ": " + operation + ": " + std::generic_category().message(error)};
}

/// Repeats a system call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR)
    result = call();
  return result;
}

/// Owns one descriptor; -1 owns none.
class descriptor {
public:
  explicit descriptor(int fd = -1) : fd_(fd) {}

  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  descriptor& operator=(descriptor&&) = delete;

  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  int get() const {
    return fd_;
  }

  bool valid() const {
    return fd_ >= 0;
  }

private:
  int fd_;
};

descriptor open_descriptor(const std::string& path, int flags) {
  return descriptor{uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0600); })};
}

descriptor open_directory(const std::string& path) {
  auto result = open_descriptor(path, O_RDONLY | O_DIRECTORY);
  if (!result.valid())
    fail("open", path, errno);
  return result;
}

void sync_descriptor(const descriptor& fd, const std::string& path) {
  if (uninterrupted([&] { return ::fsync(fd.get()); }) < 0)
    fail("fsync", path, errno);
}

std::string parent_of(const std::string& path) {
  auto end = path.find_last_not_of('/');
  auto slash = end == std::string::npos ? end : path.rfind('/', end);
  if (slash == std::string::npos)
    return path.starts_with('/') ? "/" : ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool block_aligned(std::uint64_t offset, std::span<const std::byte> bytes) {
  auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  return (offset | address | bytes.size()) % block_bytes == 0;
}

class posix_file final : public file {
public:
  posix_file(std::string path, descriptor cached, descriptor direct)
      : path_(std::move(path)), cached_(std::move(cached)), direct_(std::move(direct)) {}

  std::size_t read(std::uint64_t offset, std::span<std::byte> bytes) const override {
    std::size_t done = 0;
    while (done < bytes.size()) {
      auto rest = bytes.subspan(done);
      auto at = static_cast<off_t>(offset + done);
      auto n = uninterrupted([&] { return ::pread(cached_.get(), rest.data(), rest.size(), at); });
      if (n < 0)
        fail("read", path_, errno);
      if (n == 0)
        break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  void write_durable(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (direct_.valid() && block_aligned(offset, bytes)) {
      write_all(direct_, offset, bytes);
      return;
    }
    write_all(cached_, offset, bytes);
    sync();
  }

  std::uint64_t size() const override {
    struct stat status {};
    if (::fstat(cached_.get(), &status) < 0)
      fail("fstat", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

private:
  void sync() {
    if (uninterrupted([&] { return ::fdatasync(cached_.get()); }) < 0)
      fail("fdatasync", path_, errno);
  }

  /// Continues a short write where it ended. What cannot go the direct way (the rest does not start
  /// at a block, or the device wants larger ones) goes the other one.
  void write_all(const descriptor& fd, std::uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      auto n = uninterrupted(
        [&] { return ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      auto refused = n < 0 && errno == EINVAL;
      if (n == 0 || (n < 0 && !(refused && &fd == &direct_)))
        fail("write", path_, n == 0 ? EIO : errno);
      auto done = refused ? 0 : static_cast<std::size_t>(n);
      offset += done;
      bytes = bytes.subspan(done);
      if (&fd == &direct_ && (refused || !block_aligned(offset, bytes))) {
        write_all(cached_, offset, bytes);
        sync();
        return;
      }
    }
  }

  std::string path_;
  descriptor cached_;
  /// O_DIRECT and O_DSYNC, for durable writes of whole blocks; invalid where the file system has
  /// no such thing.
  descriptor direct_;
};

class posix_directory_lock final : public directory_lock {
public:
  explicit posix_directory_lock(descriptor fd) : fd_(std::move(fd)) {}

private:
  descriptor fd_;
};

} // namespace

std::unique_ptr<file> posix_file_system::open(const std::string& path, open_mode mode) {
  auto flags = O_RDWR | (mode == open_mode::create ? O_CREAT | O_EXCL : 0);
  auto cached = open_descriptor(path, flags);
  if (!cached.valid())
    fail(mode == open_mode::create ? "create" : "open", path, errno);
  auto direct = open_descriptor(path, O_WRONLY | O_DIRECT | O_DSYNC);
  if (!direct.valid() && errno != EINVAL && errno != EOPNOTSUPP)
    fail("open", path, errno);
  return std::make_unique<posix_file>(path, std::move(cached), std::move(direct));
}

void posix_file_system::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) < 0)
    fail("rename", from, errno);
}

void posix_file_system::remove(const std::string& path) {
  if (::unlink(path.c_str()) < 0)
    fail("remove", path, errno);
}

std::vector<std::string> posix_file_system::list(const std::string& directory) const {
  std::unique_ptr<DIR, int (*)(DIR*)> stream{::opendir(directory.c_str()), ::closedir};
  if (!stream)
    fail("list", directory, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const auto* found = ::readdir(stream.get())) {
    std::string name = found->d_name;
    if (name != "." && name != "..")
      names.push_back(std::move(name));
    errno = 0;
  }
  if (errno != 0)
    fail("list", directory, errno);
  std::sort(names.begin(), names.end());
  return names;
}

void posix_file_system::sync_directory(const std::string& directory) {
  sync_descriptor(open_directory(directory), directory);
}

void posix_file_system::make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST)
    fail("create directory", path, errno);
  // A directory from before may let others in, and the umask may have kept the owner out.
  if (::chmod(path.c_str(), 0700) < 0)
    fail("set mode 0700", path, errno);
  sync_directory(path);
  sync_directory(parent_of(path));
}

std::unique_ptr<directory_lock> posix_file_system::lock_directory(const std::string& directory) {
  auto path = directory + "/LOCK";
  auto fd = open_descriptor(path, O_RDWR | O_CREAT);
  if (!fd.valid())
    fail("create", path, errno);
  if (uninterrupted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) < 0) {
    if (errno == EWOULDBLOCK)
      throw storage_error{errc::data_locked, path + ": another node already uses this directory"};
    fail("lock", path, errno);
  }
  return std::make_unique<posix_directory_lock>(std::move(fd));
}

} // namespace troupe::storage
