#include "actors/node/opened_data.hpp"

#include "actors/log/log.hpp"
#include "actors/node/identity.hpp"
#include "actors/node/seed.hpp"
#include "messages/proto/record.pb.h"
#include "storage/storage_error.hpp"

#include <algorithm>
#include <filesystem>
#include <random>

namespace troupe {

namespace {

/// Shares of the memory budget; what is left is for connections, messages and the log's tail.
constexpr std::uint64_t engine_share = 2;
constexpr std::uint64_t head_cache_share = 8;

data_identity founding_identity(const node_config& config) {
  auto member = derive_member_id(config.advertise_peer_urls, config.cluster_token);
  return {derive_cluster_id({member}), member};
}

entry founding_entry(const node_config& config, const data_identity& identity) {
  record::InitialMembership membership;
  membership.set_cluster_id(identity.cluster.value);
  auto& member = *membership.add_members();
  member.set_id(identity.member.value);
  member.set_name(config.name);
  for (const auto& url : config.advertise_peer_urls)
    member.add_peer_urls(url);
  return {.id = {{1}, {1}},
          .kind = entry_kind::configuration,
          .payload = blob{membership.SerializeAsString()}};
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

void open_state(opened_data& data, const node_config& config, const std::string& path,
                std::function<void(const std::string&)> on_failure) {
  storage::rocksdb_options options;
  options.memory_bytes = config.memory_budget_bytes / engine_share;
  options.listener = listener_of(std::move(on_failure));
  data.engine = std::make_unique<storage::rocksdb_engine>(path, options);
  data.store = std::make_unique<mvcc::store>(
    *data.engine,
    mvcc::store_options{.head_cache_bytes = config.memory_budget_bytes / head_cache_share});
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

} // namespace

opened_data open_data(const node_config& config, storage::file_system& files,
                      std::function<void(const std::string&)> on_store_failure) {
  auto root = std::filesystem::absolute(config.data_dir).lexically_normal();
  std::filesystem::create_directories(root.parent_path());
  data_directory directory{files, root.string()};
  opened_data data;
  if (auto known = directory.identity()) {
    data.identity = *known;
  } else {
    data.identity = founding_identity(config);
    directory.found(data.identity);
  }
  auto found = storage::raft_log::open(
    files, directory.log_path(),
    {.cluster = data.identity.cluster, .member = data.identity.member, .salt = draw_seed()});
  data.log = std::move(found.log);
  data.hard = found.state;
  data.before_first = found.before_first;
  data.entries = std::move(found.entries);
  if (found.torn_tail)
    log::info("dropped an incomplete write at the end of the log; it was never acknowledged");
  open_state(data, config, directory.state_path(), std::move(on_store_failure));
  check_state_against_log(data, directory.state_path());
  start_boot(data, config);
  return data;
}

} // namespace troupe
