#pragma once

#include "storage/file_system.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace troupe::sim {

/// What a disk promises not to tear: a crash keeps or loses each of these as a whole.
inline constexpr std::size_t sector_bytes = 512;

enum class disk_call : std::uint8_t {
  open,
  read,
  write,
  sync,
  size,
  rename,
  remove,
  list,
  sync_directory,
  make_directory,
  lock_directory,
};

enum class disk_fault : std::uint8_t {
  /// The call fails; of a write any sectors may have reached the disk, of a failed sync too.
  io_error,
  disk_full,
};

/// How a crash treats what was not synced.
struct crash_options {
  /// Of 100 sectors and directory changes, how many are kept; drawn for each crash if absent.
  std::optional<unsigned> kept_percent;
  /// How many bits are flipped in kept sectors that were not synced. One that was written over
  /// with what it held already is not among them.
  unsigned flipped_bits = 0;
};

/// A disk in memory that forgets as real ones may: what was not synced survives a crash in any
/// subset of sectors, and creations, renames and removals that were not synced in any subset too.
/// Same seed and same calls, same disk. One thread at a time.
///
/// A durable write is a write and a sync, each of which can fail. After a failed sync what it
/// should have written may be lost although reads still show it, and a later sync does not help.
class simulated_disk final : public storage::file_system {
public:
  explicit simulated_disk(std::uint64_t seed);
  simulated_disk(simulated_disk&&) noexcept;
  simulated_disk& operator=(simulated_disk&&) noexcept;
  ~simulated_disk() override;

  std::unique_ptr<storage::file> open(const std::string& path, storage::open_mode mode) override;
  void rename(const std::string& from, const std::string& to) override;
  void remove(const std::string& path) override;
  std::vector<std::string> list(const std::string& directory) const override;
  void sync_directory(const std::string& directory) override;
  void make_directory(const std::string& path) override;
  std::unique_ptr<storage::directory_lock> lock_directory(const std::string& directory) override;

  /// From now on every call fails, and nothing reaches the disk.
  void freeze();

  /// Ends that without a crash: the process is gone, the machine goes on, un-synced data stays.
  /// Files and locks from before stay frozen for good, as after a crash.
  void thaw();

  /// Loses what the power cut loses and lets the next user in. Open files and locks of the user
  /// before stay frozen for good.
  void crash(const crash_options& options = {});

  /// Calls so far, also failed ones, of every kind.
  std::uint64_t calls() const;

  /// The call after `n` more fails, 0 being the next one; none if absent.
  void fail_after(std::optional<std::uint64_t> n, disk_fault fault = disk_fault::io_error);

  /// From now on so many of 100 syncs of files succeed and do nothing: a disk that lies.
  void skip_syncs(unsigned percent);

  /// The kind of the last call that was made to fail.
  std::optional<disk_call> failed_call() const;

  /// The bytes of a file as a read would see them. @pre it exists.
  std::string contents(const std::string& path) const;

  /// Replaces a file, synced with its name: for damage that no crash does. Creates it if missing.
  void set_contents(const std::string& path, std::string bytes);

  /// Flips the bits of `mask` in one byte of a file, for those who have it open too. @pre the file
  /// has that byte.
  void corrupt(const std::string& path, std::uint64_t offset, std::uint8_t mask);

  /// How many syncs and directory syncs have succeeded.
  std::uint64_t syncs() const;

private:
  class handle;
  class lock;
  struct inode;
  struct state;

  std::shared_ptr<state> state_;
};

} // namespace troupe::sim
