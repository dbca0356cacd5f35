#include "actors/node/opened_data.hpp"

#include "actors/log/log.hpp"
#include "actors/node/identity.hpp"
#include "actors/node/seed.hpp"
#include "messages/membership.hpp"
#include "storage/rocksdb_engine.hpp"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace troupe {

namespace {

/// Shares of the memory budget; what is left is for connections, messages and the log's tail.
constexpr std::uint64_t engine_share = 2;
constexpr std::uint64_t head_cache_share = 8;

std::vector<founding_member> founders(const node_config& config) {
  if (!config.initial_cluster.empty())
    return config.initial_cluster;
  return {{config.name, config.advertise_peer_urls}};
}

data_identity founding_identity(const node_config& config) {
  auto self = derive_member_id(config.advertise_peer_urls, config.cluster_token);
  std::vector<member_id> members;
  for (const auto& founder : founders(config))
    members.push_back(derive_member_id(founder.peer_urls, config.cluster_token));
  if (std::ranges::find(members, self) == members.end())
    throw storage::storage_error{errc::data_foreign,
                                 "none of the members that found the cluster has the peer URLs of "
                                 "this one: list it among them with the URLs it advertises"};
  return {derive_cluster_id(std::move(members)), self};
}

entry founding_entry(const node_config& config, const data_identity& identity) {
  configuration first{.cluster = identity.cluster, .members = {}, .outgoing = {}, .removed = {}};
  for (const auto& founder : founders(config))
    first.members[derive_member_id(founder.peer_urls, config.cluster_token)] = {
      .peer_urls = founder.peer_urls, .name = founder.name};
  return {.id = {{1}, {1}}, .kind = entry_kind::configuration, .payload = encode(first)};
}

/// Raises the boot count, and writes the first entry of a new log.
void start_boot(opened_data& data, const node_config& config) {
  data.hard.boot = data.hard.boot + 1;
  std::vector<entry> founding;
  if (data.log->last() == entry_id{}) {
    data.hard.term = {1};
    data.hard.commit = {1};
    founding.push_back(founding_entry(config, data.identity));
    data.entries = founding;
  }
  data.log->append(data.hard, founding);
}

storage::engine_listener listener_of(std::function<void(const std::string&)> on_failure) {
  return {.on_background_error =
            [on_failure = std::move(on_failure)](const storage::storage_error& failure) {
              on_failure(std::string{"the state machine's store failed: "} + failure.what());
            },
          .on_write_stall =
            [](storage::write_stall stall) {
              if (stall != storage::write_stall::none)
                log::warn("the state machine's store holds writes back",
                          {{"stopped", stall == storage::write_stall::stopped}});
            }};
}

/// The log is the only write-ahead log: a state it does not lead to comes from elsewhere.
void check_state_against_log(const opened_data& data, const std::string& path) {
  auto applied = data.store->applied();
  if (data.log->term_of(applied.index) != applied.term)
    throw storage::storage_error{
      errc::data_damaged, path + ": the state holds entry " + std::to_string(applied.index.value)
                            + ", which the Raft log does not: log and state are not of one "
                              "directory; restore both from one backup, or rejoin the cluster "
                              "with an empty directory"};
}

/// A simulation that is told its chance must find the same bytes on its disks.
std::uint64_t log_salt(const node_config& config, member_id member) {
  return config.random_seed != 0 ? seed_of_boot(config.random_seed, member, {}) : draw_seed();
}

} // namespace

storage::raft_log_options log_options(const node_config& config, const data_identity& identity) {
  return {.cluster = identity.cluster,
          .member = identity.member,
          .salt = log_salt(config, identity.member),
          .segment_bytes = config.log_segment_bytes,
          .fill_bytes = config.log_fill_bytes};
}

engine_opener rocksdb_opener(const node_config& config) {
  return [memory = config.memory_budget_bytes / engine_share](const std::string& directory,
                                                              storage::engine_listener listener) {
    storage::rocksdb_options options;
    options.memory_bytes = memory;
    options.listener = std::move(listener);
    return std::make_unique<storage::rocksdb_engine>(directory, options);
  };
}

opened_data open_data(const node_config& config, storage::file_system& files,
                      const engine_opener& open_engine,
                      std::function<void(const std::string&)> on_store_failure) {
  auto root = std::filesystem::absolute(config.data_dir).lexically_normal();
  data_directory directory{files, root.string()};
  opened_data data;
  if (auto known = directory.identity()) {
    data.identity = *known;
  } else {
    data.identity = founding_identity(config);
    directory.found(data.identity);
  }
  auto found =
    storage::raft_log::open(files, directory.log_path(), log_options(config, data.identity));
  data.log = std::move(found.log);
  data.hard = found.state;
  data.before_first = found.before_first;
  data.entries = std::move(found.entries);
  if (found.torn_tail)
    log::info("dropped an incomplete write at the end of the log; it was never acknowledged");
  data.engine = open_engine(directory.state_path(), listener_of(std::move(on_store_failure)));
  data.store = std::make_unique<mvcc::store>(
    *data.engine,
    mvcc::store_options{.head_cache_bytes = config.memory_budget_bytes / head_cache_share});
  check_state_against_log(data, directory.state_path());
  start_boot(data, config);
  return data;
}

} // namespace troupe
