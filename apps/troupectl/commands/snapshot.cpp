#include "actors/node/restored_directory.hpp"
#include "apps/troupe/server_options.hpp"
#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/interrupt.hpp"
#include "apps/troupectl/progress.hpp"
#include "apps/troupectl/saved_file.hpp"
#include "messages/version.hpp"
#include "storage/backup/backup_file.hpp"
#include "storage/backup/sha256.hpp"
#include "storage/posix_file_system.hpp"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <ostream>
#include <system_error>

namespace troupe::ctl {

const std::vector<flag> snapshot_restore_flags{
  {"bump-revision", flag_kind::count, "0",
   "How much to increase the latest revision after restore"},
  {"data-dir", flag_kind::text, "", "Path to the output data directory (default: <name>.troupe)"},
  {"initial-advertise-peer-urls", flag_kind::text, "http://localhost:2380",
   "List of this member's peer URLs to advertise to the rest of the cluster"},
  {"initial-cluster", flag_kind::text, "",
   "Initial cluster configuration for restore bootstrap (default: this member alone)"},
  {"initial-cluster-token", flag_kind::text, "etcd-cluster",
   "Initial cluster token for the etcd cluster during restore bootstrap"},
  {"mark-compacted", flag_kind::boolean, "false",
   "Mark the latest revision after restore as the point of scheduled compaction (required if "
   "--bump-revision > 0, disallowed otherwise)"},
  {"name", flag_kind::text, "default", "Human-readable name for this member"},
  {"skip-hash-check", flag_kind::boolean, "false",
   "Ignore snapshot integrity hash value; the checksums of its parts still count"},
  {"wal-dir", flag_kind::text, "", "Path to the WAL directory (use --data-dir if none given)", 0,
   "", "the log is always in the data directory"},
};

namespace {

constexpr std::int64_t bytes_per_kb = 1000;

/// What comes through, whole but for its digest, and that in the end.
class digest_check {
public:
  void add(std::string_view bytes) {
    bytes_ += bytes.size();
    tail_ += bytes;
    if (tail_.size() <= backup::sha256_bytes)
      return;
    const auto body = tail_.size() - backup::sha256_bytes;
    hash_.add(std::string_view{tail_}.substr(0, body));
    tail_.erase(0, body);
  }

  std::uint64_t bytes() const {
    return bytes_;
  }

  /// @throws command_failed unless the last bytes are the SHA-256 of those before.
  void finish() const {
    if (bytes_ % backup::file_alignment != backup::sha256_bytes)
      throw command_failed(exit_interrupted,
                           "sha256 checksum not found [bytes: " + std::to_string(bytes_) + "]");
    if (tail_ != hash_.digest())
      throw command_failed(exit_interrupted,
                           "the snapshot was damaged on its way: its sha256 is another");
  }

private:
  backup::sha256 hash_;
  std::string tail_;
  std::uint64_t bytes_ = 0;
};

/// Receives a snapshot. @returns what the server calls the version of its storage.
std::string receive(context& it, const std::string& path) {
  std::optional<std::chrono::nanoseconds> timeout;
  if (it.flags().given("command-timeout"))
    timeout = it.connection().command_timeout;
  std::atomic<bool> interrupted = false;
  std::mutex opening;
  std::unique_ptr<stream> parts;
  interrupt on_signal([&] {
    interrupted = true;
    const std::lock_guard lock{opening};
    if (parts != nullptr)
      parts->cancel();
  });
  saved_file file(path);
  {
    auto opened = it.client().open(rpc_method::maintenance_snapshot, false, timeout);
    const std::lock_guard lock{opening};
    parts = std::move(opened);
  }
  parts->write(pb::SnapshotRequest{});
  parts->end_writing();
  digest_check check;
  std::string version;
  progress shown(it, "kB");
  for (pb::SnapshotResponse part; !interrupted && parts->read(part);) {
    file.write(part.blob());
    check.add(part.blob());
    version = part.version();
    const auto done = static_cast<std::int64_t>(check.bytes()) / bytes_per_kb;
    const auto left = static_cast<std::int64_t>(part.remaining_bytes()) / bytes_per_kb;
    shown.update(done, done + left);
  }
  if (interrupted)
    throw command_failed(exit_interrupted, "interrupted; nothing was kept");
  parts->finish();
  check.finish();
  file.keep();
  return version;
}

} // namespace

int snapshot_save(context& it) try {
  if (it.arguments.size() != 1)
    throw command_failed(exit_bad_arguments, "snapshot save expects one argument");
  const auto& endpoints = it.connection().endpoints;
  if (endpoints.size() != 1) {
    std::string all;
    for (const auto& one : endpoints)
      all += (all.empty() ? "" : " ") + one;
    throw command_failed(exit_interrupted,
                         "snapshot must be requested to one selected node, not multiple [" + all
                           + "]");
  }
  const auto& path = it.arguments[0];
  const auto version = receive(it, path);
  it.out << "Snapshot saved at " << path << '\n';
  if (!version.empty())
    it.out << "Server version " << it.for_out(version) << '\n';
  return exit_success;
} catch (const call_failed& error) {
  throw command_failed(exit_interrupted, error.what());
} catch (const std::system_error& error) {
  throw command_failed(exit_interrupted, error.what());
}

int snapshot_status_command(context& it) try {
  if (it.arguments.size() != 1)
    throw command_failed(exit_bad_arguments, "snapshot status requires exactly one argument");
  const auto& path = it.arguments[0];
  if (std::error_code error; !std::filesystem::exists(path, error))
    throw command_failed(exit_error, "stat " + path + ": no such file or directory");
  auto& display = it.display();
  auto file = backup::open_file(path);
  progress shown(it, "kB");
  std::uint64_t done = 0;
  backup::backup_reader reader{path, [&](std::span<std::byte> out) {
                                 const auto got = file.from(out);
                                 done += got;
                                 shown.update(static_cast<std::int64_t>(done) / bytes_per_kb,
                                              static_cast<std::int64_t>(file.bytes) / bytes_per_kb);
                                 return got;
                               }};
  for (backup::record one; reader.next(one);) {
  }
  shown.hide();
  display.snapshot({.hash = reader.all().hash,
                    .revision = reader.about().revision,
                    .total_keys = reader.all().all_records(),
                    .total_bytes = reader.bytes(),
                    .version = std::string{etcd_cluster_version}});
  return exit_success;
} catch (const storage::storage_error& error) {
  throw command_failed(exit_error, error.what());
}

namespace {

/// The flags that a server has too mean the same, and are judged the same.
restore_order order_of(const context& it) {
  const auto& flags = it.flags();
  std::vector<std::string> arguments;
  for (const auto* name : {"name", "initial-cluster-token", "initial-advertise-peer-urls"})
    arguments.push_back(std::string{"--"} + name + "=" + flags.text(name));
  if (flags.given("initial-cluster"))
    arguments.push_back("--initial-cluster=" + flags.text("initial-cluster"));
  const auto server = options::read_command(arguments, {}).server.node;
  restore_order order;
  order.backup = it.arguments[0];
  order.data_dir =
    flags.text("data-dir").empty() ? server.name + ".troupe" : flags.text("data-dir");
  order.name = server.name;
  order.initial_cluster = server.initial_cluster;
  order.cluster_token = server.cluster_token;
  order.skip_digest = flags.boolean("skip-hash-check");
  order.rules.mark_compacted = flags.boolean("mark-compacted");
  const auto bump = std::min<std::uint64_t>(flags.count("bump-revision"), INT64_MAX);
  order.rules.bump_revision = static_cast<std::int64_t>(bump);
  return order;
}

} // namespace

int snapshot_restore(context& it) try {
  if (it.arguments.size() != 1)
    throw command_failed(exit_bad_arguments, "snapshot restore requires exactly one argument");
  if ((it.flags().count("bump-revision") > 0) != it.flags().boolean("mark-compacted"))
    throw command_failed(exit_bad_arguments, "--mark-compacted required if --bump-revision > 0, "
                                             "disallowed otherwise");
  auto order = order_of(it);
  progress shown(it, "kB");
  order.on_progress = [&](std::uint64_t done, std::uint64_t total) {
    shown.update(static_cast<std::int64_t>(done) / bytes_per_kb,
                 static_cast<std::int64_t>(total) / bytes_per_kb);
  };
  storage::posix_file_system files;
  const auto made = restore_backup(order, files);
  shown.hide();
  it.out << "Snapshot of revision " << made.from.revision << " restored to " << order.data_dir
         << '\n'
         << "Member " << go::hex(made.identity.member.value, 16) << " of cluster "
         << go::hex(made.identity.cluster.value, 16) << ", revision " << made.state.revision
         << '\n';
  return exit_success;
} catch (const storage::storage_error& error) {
  throw command_failed(exit_error, error.what());
} catch (const options::option_error& error) {
  throw command_failed(exit_error, error.what());
} catch (const std::system_error& error) {
  throw command_failed(exit_error, error.what());
}

} // namespace troupe::ctl
