#include "actors/node/core_actors.hpp"

#include "actors/apply/membership.hpp"
#include "actors/lease/load_leases.hpp"
#include "actors/node/seed.hpp"
#include "actors/watch/history.hpp"
#include "actors/watch/watch_hub.hpp"
#include "messages/command.hpp"
#include "messages/proto/record.pb.h"
#include "messages/version.hpp"

#include <algorithm>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <limits>
#include <random>
#include <utility>

namespace troupe {

namespace {

/// Deadlines of requests are kept to this precision.
constexpr std::chrono::milliseconds request_tick{100};

/// Deadlines of pages, and housekeeping. An idle node is woken as rarely as its promises allow.
constexpr std::chrono::milliseconds slow_tick{1000};

/// An entry that takes longer to apply counts as slow (etcd's default of
/// `--warning-apply-duration`).
constexpr std::chrono::milliseconds slow_apply{100};

/// What a message of the client port may have beyond a proposal, as in etcd.
constexpr std::size_t grpc_overhead_bytes = 512 * 1024;

/// Raft's time runs in ticks of half a heartbeat: election timeouts differ by enough steps.
struct raft_pace {
  explicit raft_pace(const node_config& config)
      : tick(std::max(config.heartbeat_interval_ms / 2, 1U)),
        heartbeat_ticks(
          std::max(config.heartbeat_interval_ms / static_cast<unsigned>(tick.count()), 1U)),
        election_ticks(config.election_timeout_ms / static_cast<unsigned>(tick.count())) {}

  std::chrono::milliseconds tick;
  unsigned heartbeat_ticks;
  unsigned election_ticks;
};

template <class Behavior, class Host>
auto spawn_host(caf::actor_system& system, bool detached, Behavior behavior, Host host) {
  auto shared = std::make_shared<Host>(std::move(host));
  return detached ? system.spawn<caf::detached>(behavior, shared) : system.spawn(behavior, shared);
}

apply::auto_compaction_policy compaction_policy(const auto_compaction_config& config) {
  using mode = apply::auto_compaction_policy::mode;
  if (config.period.count() > 0)
    return {.kind = mode::periodic, .retention_period = config.period};
  if (config.revisions > 0)
    return {.kind = mode::revision, .retention_revisions = config.revisions};
  return {};
}

/// Of something that this node draws by chance.
std::uint64_t seed_of(const node_config& config, const opened_data& data) {
  if (config.random_seed != 0)
    return seed_of_boot(config.random_seed, data.identity.member, data.hard.boot);
  return draw_seed();
}

raft::member_config member_config_of(const node_config& config, opened_data& data) {
  raft_pace pace{config};
  raft::member_config result;
  result.core.id = data.identity.member;
  result.core.election_timeout_ticks = pace.election_ticks;
  result.core.heartbeat_ticks = pace.heartbeat_ticks;
  result.found = {.hard = data.hard,
                  .before_first = data.before_first,
                  .entries = std::move(data.entries),
                  .applied = data.store->applied(),
                  .membership = apply::stored_configuration(*data.store, data.identity.cluster)};
  result.seed = seed_of(config, data);
  result.detached = config.threads.detach_member;
  return result;
}

blob announcement_of(const node_config& config, const data_identity& identity) {
  record::PublishMember published;
  published.set_member_id(identity.member.value);
  published.set_name(config.name);
  for (const auto& url : config.advertise_client_urls)
    published.add_client_urls(url);
  return encode_command(command_kind::publish_member, published.SerializeAsString());
}

std::chrono::nanoseconds request_timeout(const node_config& config) {
  return std::chrono::seconds{5} + 2 * std::chrono::milliseconds{config.election_timeout_ms};
}

std::chrono::milliseconds election_timeout(const node_config& config) {
  return std::chrono::milliseconds{config.election_timeout_ms};
}

/// etcd's: one and a half election timeouts.
std::int64_t min_lease_seconds(const node_config& config) {
  return std::chrono::ceil<std::chrono::seconds>(election_timeout(config) * 3 / 2).count();
}

service::service_core service_core_of(const node_config& config, const opened_data& data) {
  service::service_limits limits;
  limits.max_txn_ops = config.max_txn_ops;
  limits.max_request_bytes = config.max_request_bytes;
  limits.request_timeout = request_timeout(config);
  limits.min_lease_seconds = min_lease_seconds(config);
  limits.seed = seed_of(config, data);
  service::service_core core{limits, {data.store->applied(), data.log->last()}};
  core.announce(announcement_of(config, data.identity));
  return core;
}

lease::lease_manager_actor spawn_leases(caf::actor_system& system, const node_config& config,
                                        const opened_data& data, const metrics::meter& meter,
                                        const core_actors& core,
                                        std::shared_ptr<const clock> time) {
  auto leases = lease::load_leases(
    *data.store, {.election_timeout = election_timeout(config), .seed = seed_of(config, data)});
  leases.count_in(meter);
  lease::call_limits limits{.request_timeout = request_timeout(config),
                            .leader_loss = 3 * election_timeout(config)};
  return system.spawn(
    lease::lease_manager_behavior,
    std::make_shared<lease::lease_manager_host>(
      std::move(leases), lease::lease_identity{data.identity.cluster, data.identity.member}, limits,
      lease::manager_peers{core.member, core.readers.back()}, *data.store, std::move(time)));
}

watch::watch_service_actor spawn_watches(caf::actor_system& system, const node_config& config,
                                         const opened_data& data, const metrics::meter& meter,
                                         const core_actors& core,
                                         std::shared_ptr<const clock> time) {
  auto host = std::make_shared<watch::watch_service_host>();
  host->config = {.identity = {data.identity.cluster, data.identity.member},
                  .fragment_bytes = config.max_request_bytes + grpc_overhead_bytes,
                  .progress_interval = config.watch_progress_notify_interval,
                  .seed = seed_of(config, data)};
  host->hub = core.hub;
  host->history = core.history;
  host->time = std::move(time);
  host->meter = meter;
  return system.spawn(watch::watch_service_behavior, std::move(host));
}

read::reader_actor spawn_reader(caf::actor_system& system, bool detached, const node_config& config,
                                const opened_data& data, const metrics::meter& meter,
                                std::shared_ptr<const clock> time) {
  read::read_core core{*data.store,
                       *data.engine,
                       {.cluster = data.identity.cluster,
                        .member = data.identity.member,
                        .version = std::string{etcd_version},
                        .quota_bytes = config.quota_bytes}};
  core.count_in(meter);
  return spawn_host(system, detached, read::reader_behavior,
                    read::reader_host{std::move(core), std::move(time)});
}

/// The pages are the edge of their own probes; real edges are numbered from 0.
constexpr std::uint32_t probe_edge = std::numeric_limits<std::uint32_t>::max();

service::page_core page_core_of(const node_config& config) {
  return service::page_core{{.probe_edge = probe_edge,
                             .probe_timeout = request_timeout(config),
                             .server_version = std::string{etcd_version},
                             .cluster_version = std::string{etcd_cluster_version},
                             .storage_version = std::string{etcd_cluster_version}}};
}

/// The gateway is the edge of its calls.
constexpr std::uint32_t gateway_edge = probe_edge - 1;

gateway::gateway_core gateway_core_of(const node_config& config, metrics::node_metrics& metrics) {
  return {{.edge = gateway_edge, .max_message_bytes = config.max_request_bytes + 524'288},
          metrics.add_caller()};
}

/// The recipes are the edge of the calls within their calls.
constexpr std::uint32_t recipe_edge = probe_edge - 2;

recipe::recipe_core recipe_core_of(const node_config& config) {
  // The service says itself when something takes too long; that comes first.
  return recipe::recipe_core{
    {.edge = recipe_edge, .inner_timeout = request_timeout(config) + std::chrono::seconds{1}}};
}

template <class Handle>
vital_actor vital(const char* name, const Handle& handle) {
  return {name, caf::actor_cast<caf::strong_actor_ptr>(handle)};
}

std::vector<vital_actor> vital_actors(const core_actors& core) {
  std::vector<vital_actor> result{
    vital("member", core.member),   vital("storage", core.storage),
    vital("applier", core.applier), vital("store keeper", core.keeper),
    vital("recipes", core.recipes), vital("service", core.service),
    vital("pages", core.pages),     vital("lease manager", core.leases)};
  if (core.gateway)
    result.push_back(vital("gateway", core.gateway));
  result.push_back(vital("history", core.history));
  result.push_back(vital("watch hub", core.hub));
  result.push_back(vital("watches", core.watches));
  for (const auto& reader : core.readers)
    result.push_back(vital("reader", reader));
  return result;
}

} // namespace

core_actors spawn_core(caf::actor_system& system, const node_config& config, opened_data& data,
                       core_surroundings around) {
  auto& [time, metrics, join, others, seams] = around;
  core_actors core;
  metrics::meter meter{time, metrics->counters()};
  const auto& threads = config.threads;
  apply::store_keeper_host keeper{*data.store, *data.engine, time, {}};
  keeper.meter = meter;
  core.keeper =
    spawn_host(system, threads.detach_applier, apply::store_keeper_behavior, std::move(keeper));
  apply::apply_core apply{
    *data.store,
    {data.identity.cluster, data.identity.member, data.hard.boot},
    apply::auto_compaction{compaction_policy(config.auto_compaction), time->now()},
    {.bytes = config.quota_bytes,
     .used = [&engine = *data.engine] { return engine.sizes().total(); }}};
  apply.count_in(meter, slow_apply);
  core.applier = spawn_host(system, threads.detach_applier, apply::applier_behavior,
                            apply::applier_host{std::move(apply), core.keeper, time});

  // The last reader takes the lists, the others the points.
  for (unsigned i = 0; i < std::max(threads.point_readers, 1U); ++i)
    core.readers.push_back(
      spawn_reader(system, threads.point_readers > 0, config, data, meter, time));
  core.readers.push_back(spawn_reader(system, threads.list_readers > 0, config, data, meter, time));

  core.member = raft::spawn_member(system, member_config_of(config, data));
  core.storage = storage::spawn_storage(
    system,
    {.log = data.log, .member = core.member, .detached = threads.detach_storage, .meter = meter});

  auto history = std::make_shared<watch::history_core>(*data.store);
  core.history = threads.detach_history
                   ? system.spawn<caf::detached>(watch::history_behavior, history)
                   : system.spawn(watch::history_behavior, history);
  core.hub =
    system.spawn(watch::hub_behavior,
                 std::make_shared<watch::hub_host>(data.store->revision(), core.history, meter));
  core.watches = spawn_watches(system, config, data, meter, core, time);

  core.recipes = spawn_host(system, false, recipe::recipe_behavior,
                            recipe::recipe_host{recipe_core_of(config), time});
  core.leases = spawn_leases(system, config, data, meter, core, time);

  service::service_peers peers{.member = core.member,
                               .applier = core.applier,
                               .point_readers = {core.readers.begin(), core.readers.end() - 1},
                               .list_reader = core.readers.back(),
                               .watches = core.watches,
                               .leases = core.leases,
                               .recipes = core.recipes,
                               .keeper = core.keeper};
  if (seams.around_service)
    seams.around_service(core, peers);
  service::service_host service{service_core_of(config, data), std::move(peers), time};
  service.meter = meter;
  core.service = spawn_host(system, false, service::service_behavior, std::move(service));
  if (config.json_gateway)
    core.gateway =
      spawn_host(system, threads.detach_gateway, gateway::gateway_behavior,
                 gateway::gateway_host{gateway_core_of(config, *metrics), core.service, time});
  core.pages = spawn_host(
    system, false, service::http_pages_behavior,
    service::http_pages_host{page_core_of(config), core.service, std::move(metrics), time});

  core.supervisor =
    system.spawn<caf::hidden>(supervisor_behavior, vital_actors(core), config.on_fatal);

  raft::handles known{.storage = core.storage,
                      .applier = core.applier,
                      .reader = core.service,
                      .listener = core.service};
  if (join)
    known.peers = join(core.member);
  if (seams.around_member)
    seams.around_member(core, known);

  // From here on things move.
  caf::anon_send(core.recipes, recipe::call_through{core.service});
  caf::anon_send(core.applier, apply::propose_to{core.member});
  caf::anon_send(core.applier, apply::watched_by{core.hub, data.log->last()});
  caf::anon_send(core.applier, apply::leases_managed_by{core.leases});
  caf::anon_send(core.applier, apply::follow_applied{core.member});
  caf::anon_send(core.applier, apply::follow_applied{core.service});
  caf::anon_send(core.member, std::move(known));
  if (!others.empty())
    caf::anon_send(core.member, raft::peer_table{std::move(others)});
  core.ticks = {{{core.member}, raft_pace{config}.tick},
                {{core.service, core.applier, core.leases, core.watches}, request_tick},
                {{core.pages, core.keeper, core.recipes, core.readers.back()}, slow_tick}};
  core.introduce({probe_edge, core.pages});
  if (core.gateway)
    core.introduce({gateway_edge, core.gateway});
  core.introduce({recipe_edge, core.recipes});
  return core;
}

void core_actors::introduce(const service::edge_joined& edge) const {
  caf::anon_send(service, edge);
  caf::anon_send(recipes, edge);
  caf::anon_send(applier, edge);
  caf::anon_send(keeper, edge);
  caf::anon_send(watches, edge);
  caf::anon_send(leases, edge);
  for (const auto& reader : readers)
    caf::anon_send(reader, edge);
}

void core_actors::start_ticking(caf::actor_system& system) {
  for (const auto& plan : ticks)
    tickers.push_back(system.spawn(ticker_behavior, plan.sinks, plan.interval));
}

std::vector<caf::strong_actor_ptr> core_actors::all() const {
  std::vector<caf::strong_actor_ptr> result;
  auto add = [&](const auto& actor) {
    if (actor)
      result.push_back(caf::actor_cast<caf::strong_actor_ptr>(actor));
  };
  for (const auto& ticker : tickers)
    add(ticker);
  add(pages);
  add(gateway);
  add(recipes);
  add(service);
  add(leases);
  add(member);
  add(storage);
  for (const auto& reader : readers)
    add(reader);
  add(applier);
  add(watches);
  add(hub);
  add(history);
  add(keeper);
  add(supervisor);
  return result;
}

void core_actors::end(caf::actor_system& system) const {
  caf::scoped_actor self{system};
  for (const auto& actor : all()) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    self->wait_for(actor);
  }
}

} // namespace troupe
