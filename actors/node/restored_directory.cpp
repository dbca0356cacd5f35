#include "actors/node/restored_directory.hpp"

#include "actors/node/identity.hpp"
#include "actors/node/seed.hpp"
#include "messages/membership.hpp"
#include "messages/raft.hpp"
#include "storage/backup/backup_file.hpp"
#include "storage/raft_log.hpp"
#include "storage/rocksdb_engine.hpp"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace troupe {

namespace {

namespace fs = std::filesystem;
using storage::storage_error;

const std::string lock_name = "LOCK";

/// The names in the directory but for the lock; none if there is no directory.
std::vector<std::string> names_in(const fs::path& root) {
  std::vector<std::string> names;
  if (fs::exists(root))
    for (const auto& found : fs::directory_iterator{root})
      if (auto name = found.path().filename().string(); name != lock_name)
        names.push_back(std::move(name));
  return names;
}

/// Durably before it goes on; what says that the rest is not whole stays.
void remove_content(const fs::path& root, storage::file_system& files) {
  for (const auto& name : names_in(root))
    if (name != data_directory::restoring_name)
      fs::remove_all(root / name);
  files.sync_directory(root.string());
}

/// What makes ids of members that restore alike alike, and all others different.
std::string token_of(const restore_order& order, const std::string& digest) {
  return order.cluster_token + "\n" + digest + std::to_string(order.rules.bump_revision)
         + (order.rules.mark_compacted ? "c" : "");
}

struct founding {
  data_identity identity;
  configuration first;
};

founding found_cluster(const restore_order& order, const std::string& digest) {
  founding result;
  const auto token = token_of(order, digest);
  std::vector<member_id> ids;
  for (const auto& member : order.initial_cluster) {
    const auto id = derive_member_id(member.peer_urls, token);
    ids.push_back(id);
    result.first.members[id] = {.peer_urls = member.peer_urls, .name = member.name};
    if (member.name == order.name)
      result.identity.member = id;
  }
  result.identity.cluster = derive_cluster_id(std::move(ids));
  result.first.cluster = result.identity.cluster;
  return result;
}

/// As the first start of a founding member leaves it, but for the start.
void write_log(const founding& cluster, const std::string& path, storage::file_system& files) {
  const auto opened = storage::raft_log::open(
    files, path,
    {.cluster = cluster.identity.cluster, .member = cluster.identity.member, .salt = draw_seed()});
  const hard_state hard{.term = {1}, .voted_for = {}, .boot = {}, .commit = {1}};
  const std::array entries{entry{.id = {{1}, {1}},
                                 .kind = entry_kind::configuration,
                                 .origin = {},
                                 .payload = encode(cluster.first)}};
  opened.log->append(hard, entries);
}

/// Fills an empty directory; its identity comes last.
restored_directory fill(data_directory& directory, backup::backup_reader& reader,
                        const restore_order& order, storage::file_system& files) {
  restored_directory result{.identity = {}, .from = reader.about(), .state = {}};
  {
    storage::rocksdb_engine engine{directory.state_path(), {}};
    result.state = backup::restore_state(reader, engine, order.rules);
  }
  const auto cluster = found_cluster(order, reader.digest());
  write_log(cluster, directory.log_path(), files);
  directory.found(cluster.identity);
  result.identity = cluster.identity;
  return result;
}

void check_order(const restore_order& order) {
  const auto is_own = [&](const founding_member& member) { return member.name == order.name; };
  if (std::ranges::count_if(order.initial_cluster, is_own) != 1)
    throw storage_error{errc::data_foreign, "couldn't find local name \"" + order.name
                                              + "\" in the initial cluster configuration"};
}

void check_target(const fs::path& root) {
  const auto names = names_in(root);
  const bool unfinished = std::ranges::find(names, data_directory::restoring_name) != names.end();
  if (!names.empty() && !unfinished)
    throw storage_error{errc::data_foreign, "data-dir \"" + root.string()
                                              + "\" not empty or could not be read; a backup is "
                                                "restored into a new directory"};
}

} // namespace

restored_directory restore_backup(const restore_order& order, storage::file_system& files) {
  check_order(order);
  auto file = backup::open_file(order.backup);
  std::uint64_t done = 0;
  backup::backup_reader reader{order.backup,
                               [&](std::span<std::byte> out) {
                                 const auto got = file.from(out);
                                 done += got;
                                 if (order.on_progress)
                                   order.on_progress(done, file.bytes);
                                 return got;
                               },
                               order.skip_digest};
  auto root = fs::absolute(order.data_dir / fs::path{}).lexically_normal().parent_path();
  check_target(root);
  const bool is_new = !fs::exists(root);
  fs::create_directories(root.parent_path());
  data_directory directory{files, root.string()};
  auto lock = files.lock_directory(root.string());
  const auto finish = [&] {
    fs::remove(root / lock_name);
    lock.reset();
  };
  remove_content(root, files);
  try {
    directory.begin_restore();
    auto result = fill(directory, reader, order, files);
    directory.end_restore();
    finish();
    return result;
  } catch (...) {
    remove_content(root, files);
    directory.end_restore();
    finish();
    if (is_new)
      fs::remove(root);
    throw;
  }
}

} // namespace troupe
