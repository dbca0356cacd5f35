#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace troupe::storage {

/// Offsets, lengths and buffer addresses that are multiples of this take the fastest way to disk.
inline constexpr std::size_t block_bytes = 4096;

/// An open file; closed when it is destroyed. Every operation throws storage_error (`io_error`, or
/// `disk_full` where that is the reason) naming the file and what the system said.
class file {
public:
  virtual ~file() = default;

  /// Reads from `offset` until `bytes` is full or the file ends. @returns how many were read.
  virtual std::size_t read(std::uint64_t offset, std::span<std::byte> bytes) const = 0;

  /// Writes all of `bytes` at `offset` and returns when they, and a length of the file that
  /// includes them, are on disk. After a failure any part of them may be there, now or later, and
  /// reads may show what is not on disk: only writing it again tells.
  virtual void write_durable(std::uint64_t offset, std::span<const std::byte> bytes) = 0;

  virtual std::uint64_t size() const = 0;
};

/// Keeps other processes, and other nodes of this process, out of a directory until destroyed.
class directory_lock {
public:
  virtual ~directory_lock() = default;
};

enum class open_mode : std::uint8_t {
  existing,
  /// Fails if the name is taken.
  create,
};

/// The only way to the disk for the Raft log. Paths use '/'. What changes a directory (create,
/// rename, remove) is on disk only after `sync_directory` of it. Every operation throws
/// storage_error.
class file_system {
public:
  virtual ~file_system() = default;

  virtual std::unique_ptr<file> open(const std::string& path, open_mode mode) = 0;

  /// Replaces `to` if it exists. Both lie in the same directory.
  virtual void rename(const std::string& from, const std::string& to) = 0;

  virtual void remove(const std::string& path) = 0;

  /// The names in a directory, sorted, without "." and "..".
  virtual std::vector<std::string> list(const std::string& directory) const = 0;

  virtual void sync_directory(const std::string& directory) = 0;

  /// Afterwards the directory exists, durably in its parent, and only its owner may enter, also if
  /// it existed before. The parent must exist.
  virtual void make_directory(const std::string& path) = 0;

  /// Takes the lock file `LOCK` in the directory. @throws storage_error `data_locked` if someone
  /// else holds it.
  virtual std::unique_ptr<directory_lock> lock_directory(const std::string& directory) = 0;
};

} // namespace troupe::storage
