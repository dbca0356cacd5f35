#include "actors/node/node.hpp"

#include "actors/apply/membership.hpp"
#include "actors/edge/edge_broker.hpp"
#include "actors/gateway/routes.hpp"
#include "actors/metrics/measured_storage.hpp"
#include "actors/metrics/node_metrics.hpp"
#include "actors/node/core_actors.hpp"
#include "actors/node/monotonic_clock.hpp"
#include "actors/node/opened_data.hpp"
#include "actors/node/seed.hpp"
#include "actors/peer/peer_network.hpp"
#include "actors/watch/remote_port.hpp"
#include "actors/watch/subscriber.hpp"
#include "messages/ensure.hpp"
#include "messages/membership.hpp"
#include "messages/type_ids.hpp"
#include "messages/version.hpp"
#include "storage/posix_file_system.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <system_error>
#include <thread>
#include <utility>

namespace troupe {

namespace {

struct core_system_config : caf::actor_system_config {
  explicit core_system_config(const thread_config& threads) {
    register_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", static_cast<std::size_t>(threads.scheduler_workers));
  }
};

struct edge_system_config : caf::actor_system_config {
  edge_system_config() {
    load<caf::io::middleman>();
    register_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    set("middleman.workers", std::size_t{0});
    // One fast sender must not hold the loop for more than a few reads.
    set("middleman.max-consecutive-reads", std::size_t{4});
  }
};

/// A client port: an actor system of its own, so that no client delays the peers.
struct edge_system {
  edge_system() : system(config) {}

  edge_system_config config;
  caf::actor_system system;
  edge_actor edge;
};

/// For each edge its share of the listeners: several edges listen on the same ports.
using listeners_of_edge = std::vector<listener>;

std::vector<listeners_of_edge> listen(const node_config& config,
                                      std::vector<listen_address>& bound) {
  auto edges = std::max(config.threads.edge_systems, 1U);
  std::vector<listeners_of_edge> result(edges);
  for (auto address : config.listen_client)
    for (auto& listeners : result) {
      // Where any free port was asked for, the first edge chooses and the others follow.
      listeners.push_back(listener::tcp(address.host, address.port, edges > 1));
      bool first = &listeners == &result.front();
      address.port = listeners.back().port();
      if (first)
        bound.push_back(address);
    }
  return result;
}

edge_config edge_config_of(const node_config& config, std::uint32_t number) {
  constexpr std::size_t grpc_overhead_bytes = 512 * 1024;
  edge_config result;
  result.number = number;
  result.edges = std::max(config.threads.edge_systems, 1U);
  result.limits.max_message_bytes = config.max_request_bytes + grpc_overhead_bytes;
  // A message as JSON: base64 takes four bytes for three.
  result.limits.max_http_body_bytes = result.limits.max_message_bytes / 3 * 4 + 65'536;
  result.limits.max_concurrent_streams = config.max_concurrent_streams;
  result.limits.keepalive_min_time = config.keepalive.min_client_interval;
  result.limits.keepalive_interval = config.keepalive.interval;
  result.limits.keepalive_timeout = config.keepalive.timeout;
  auto prefixes = gateway::path_prefixes();
  result.http = {.origins = config.cors,
                 .hosts = config.host_whitelist,
                 .gateway_prefixes = {prefixes.begin(), prefixes.end()},
                 .streamed_paths = gateway::streamed_paths()};
  return result;
}

} // namespace

struct node::parts {
  ~parts() {
    end(std::chrono::milliseconds{0});
  }

  void end(std::chrono::milliseconds drain) {
    if (actors.supervisor)
      caf::anon_send(actors.supervisor, stand_down{});
    subscriptions.reset();
    for (auto& edge : edges)
      caf::anon_send(edge->edge, drain_clients{drain});
    for (auto& edge : edges) {
      caf::scoped_actor self{edge->system};
      self->wait_for(edge->edge);
    }
    edges.clear();
    // The store keeper may be in the middle of a long one.
    if (data.engine)
      data.engine->cancel_compactions();
    if (core)
      actors.end(*core);
    network.reset();
    failures->connect({});
    // A detached actor keeps its thread as long as somebody holds its handle.
    actors = {};
    core.reset();
    if (metrics)
      metrics->set_store({});
    // The store refers to its engine.
    data.store.reset();
    data = {};
  }

  node_config config;
  std::shared_ptr<const clock> time;
  std::shared_ptr<storage::file_system> files;
  data_identity identity;
  std::vector<listen_address> addresses;
  std::shared_ptr<failure_relay> failures = std::make_shared<failure_relay>();
  opened_data data;
  std::shared_ptr<metrics::node_metrics> metrics;
  std::unique_ptr<core_system_config> core_config;
  std::unique_ptr<caf::actor_system> core;
  core_actors actors;
  /// None while there are no other members.
  std::unique_ptr<peer::peer_network> network;
  std::vector<std::unique_ptr<edge_system>> edges;
  /// None if the node takes no remote subscriptions.
  std::unique_ptr<watch::remote_port> subscriptions;
  std::vector<listen_address> subscription_addresses;
};

namespace {

std::shared_ptr<metrics::node_metrics>
metrics_of(const node_config& config, const opened_data& data,
           std::shared_ptr<metrics::node_counters> counters) {
  std::string cluster_version{etcd_cluster_version};
  cluster_version.resize(cluster_version.rfind('.'));
  auto result = std::make_shared<metrics::node_metrics>(
    metrics::metrics_identity{data.identity.member, std::string{etcd_version}, cluster_version,
                              config.quota_bytes},
    config.extensive_metrics ? metrics::metrics_detail::extensive : metrics::metrics_detail::basic,
    std::move(counters));
  result->set_store([&engine = *data.engine, &store = *data.store] {
    auto sizes = engine.sizes();
    auto source = store.snapshot();
    return metrics::store_numbers{.bytes = sizes.total(),
                                  .bytes_in_use = sizes.in_use(),
                                  .revision = source->revision(),
                                  .compacted = source->compacted()};
  });
  return result;
}

/// The peer port is not opened while a cluster has one member.
bool has_peers(const opened_data& data) {
  const auto& first = data.entries;
  auto newest = std::find_if(first.rbegin(), first.rend(),
                             [](const entry& x) { return x.kind == entry_kind::configuration; });
  const auto in_force = newest == first.rend()
                          ? apply::stored_configuration(*data.store, data.identity.cluster)
                          : decode_configuration(newest->payload).value();
  return in_force.members.size() > 1;
}

std::unique_ptr<peer::peer_network> network_of(const node_config& config, const opened_data& data,
                                               std::shared_ptr<const clock> time) {
  if (!has_peers(data))
    return nullptr;
  peer::peer_config result;
  result.own = {data.identity.cluster, data.identity.member, data.hard.boot, draw_seed()};
  for (const auto& address : config.listen_peer)
    result.listen.push_back({address.host, address.port});
  result.seed = draw_seed();
  result.time = std::move(time);
  return std::make_unique<peer::peer_network>(std::move(result));
}

template <class Parts>
void start_edges(Parts& parts, std::vector<listeners_of_edge> listeners) {
  for (std::uint32_t number = 0; number < listeners.size(); ++number) {
    auto edge = std::make_unique<edge_system>();
    auto counters = std::make_shared<edge_counters>();
    edge->edge = spawn_edge(edge->system, edge_config_of(parts.config, number),
                            {.calls = parts.actors.service,
                             .pages = parts.actors.pages,
                             .clock = parts.time,
                             .counters = counters,
                             .rpcs = parts.metrics->add_edge(number, counters),
                             .gateway = parts.actors.gateway},
                            std::move(listeners[number]));
    caf::anon_send(parts.actors.pages, service::page_edge_joined{number, edge->edge});
    if (parts.actors.gateway)
      caf::anon_send(parts.actors.gateway, gateway::gateway_edge_joined{number, edge->edge});
    parts.actors.introduce({number, edge->edge});
    caf::anon_send(parts.actors.supervisor,
                   vital_actor{"client port", caf::actor_cast<caf::strong_actor_ptr>(edge->edge)});
    caf::anon_send(edge->edge, serve_clients{});
    parts.edges.push_back(std::move(edge));
  }
}

template <class Parts>
void take_subscriptions(Parts& parts) {
  auto addresses = parts.config.listen_subscription;
  if (addresses.empty())
    return;
  watch::remote_context context;
  context.hub = parts.actors.hub;
  context.history = parts.actors.history;
  parts.subscriptions = std::make_unique<watch::remote_port>(*parts.core, std::move(context));
  for (auto& address : addresses)
    address.port = parts.subscriptions->listen(address.host, address.port);
  parts.subscription_addresses = std::move(addresses);
}

} // namespace

std::unique_ptr<node> node::launch(node_config config) try {
  auto parts = std::make_unique<node::parts>();
  parts->time = config.time ? config.time : std::make_shared<monotonic_clock>();
  parts->files = config.files ? config.files : std::make_shared<storage::posix_file_system>();
  auto counters = std::make_shared<metrics::node_counters>();
  parts->files = metrics::measure(parts->files, {parts->time, counters});
  parts->config = std::move(config);
  auto listeners = listen(parts->config, parts->addresses);
  std::filesystem::create_directories(
    std::filesystem::absolute(parts->config.data_dir).lexically_normal().parent_path());
  parts->data =
    open_data(parts->config, *parts->files, rocksdb_opener(parts->config),
              [relay = parts->failures](const std::string& reason) { relay->report(reason); });
  parts->identity = parts->data.identity;
  parts->metrics = metrics_of(parts->config, parts->data, counters);
  parts->core_config = std::make_unique<core_system_config>(parts->config.threads);
  parts->core = std::make_unique<caf::actor_system>(*parts->core_config);
  parts->network = network_of(parts->config, parts->data, parts->time);
  core_surroundings around{
    .time = parts->time, .metrics = parts->metrics, .join = {}, .peers = {}, .seams = {}};
  if (parts->network)
    around.join = [&](const raft::member_actor& member) {
      return caf::actor_cast<raft::peer_manager_handle>(
        parts->network->start(caf::actor_cast<raft::peer_handle>(member),
                              caf::actor_cast<peer::network_listener>(member)));
    };
  parts->actors = spawn_core(*parts->core, parts->config, parts->data, std::move(around));
  parts->actors.start_ticking(*parts->core);
  parts->failures->connect(parts->actors.supervisor);
  take_subscriptions(*parts);
  start_edges(*parts, std::move(listeners));
  return std::unique_ptr<node>{new node{std::move(parts)}};
} catch (const storage::storage_error& failure) {
  throw launch_error{failure.what()};
} catch (const watch::remote_port_error& failure) {
  throw launch_error{failure.what()};
} catch (const invariant_error& failure) {
  throw launch_error{failure.what()};
} catch (const std::system_error& failure) {
  throw launch_error{failure.what()};
}

node::node(std::unique_ptr<parts> parts) : parts_(std::move(parts)) {}

node::~node() = default;

void node::shutdown(std::chrono::milliseconds drain) {
  parts_->end(drain);
}

member_id node::id() const {
  return parts_->identity.member;
}

cluster_id node::cluster() const {
  return parts_->identity.cluster;
}

std::vector<listen_address> node::client_addresses() const {
  return parts_->addresses;
}

bool node::await_leader(std::chrono::milliseconds patience) const {
  constexpr std::chrono::milliseconds between{5};
  caf::scoped_actor self{*parts_->core};
  for (auto waited = std::chrono::milliseconds{0};; waited += between) {
    bool known = false;
    self->request(parts_->actors.member, patience, get_raft_status{})
      .receive([&](const raft_status& status) { known = status.leader != member_id{}; },
               [](const caf::error&) {});
    if (known || waited >= patience)
      return known;
    std::this_thread::sleep_for(between);
  }
}

std::vector<listen_address> node::subscription_addresses() const {
  return parts_->subscription_addresses;
}

watch::subscription node::subscribe(watch::watch_interest interest, std::int64_t start_revision,
                                    watch::subscriber_callbacks calls) {
  auto context = std::make_shared<watch::subscriber_context>();
  context->hub = parts_->actors.hub;
  context->history = parts_->actors.history;
  context->calls = std::move(calls);
  auto actor =
    watch::spawn_subscriber(*parts_->core, std::move(context), std::move(interest), start_revision);
  // Not to hold it: a handle must not outlive the actor system.
  return watch::subscription{[weak = caf::actor_cast<caf::weak_actor_ptr>(actor)] {
    if (auto alive = weak.lock())
      caf::anon_send_exit(alive, caf::exit_reason::user_shutdown);
  }};
}

} // namespace troupe
