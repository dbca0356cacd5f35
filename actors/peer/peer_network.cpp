#include "actors/peer/peer_network.hpp"

#include "actors/log/log.hpp"
#include "actors/peer/acceptor.hpp"
#include "actors/peer/peer_link.hpp"
#include "actors/peer/peer_manager.hpp"
#include "actors/peer/peer_scribe.hpp"
#include "actors/peer/peer_session.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/logger.hpp>
#include <caf/node_id.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <mutex>
#include <random>
#include <set>
#include <utility>

namespace troupe::peer {

namespace {

/// CAF names a process by its id and its machine, which are the same for two containers on one
/// host's network: they would take each other for themselves. So a name is drawn.
class peer_middleman final : public caf::io::middleman {
public:
  explicit peer_middleman(caf::actor_system& system) : middleman(system), multiplexer_(&system) {}

  template <class Modules>
  static caf::actor_system::module* make(caf::actor_system& system, Modules) {
    return new peer_middleman(system);
  }

  void init(caf::actor_system_config& config) override {
    middleman::init(config);
    std::random_device source;
    caf::node_id::default_data::host_id_type host;
    std::ranges::generate(host, [&] { return static_cast<std::uint8_t>(source()); });
    // Before any actor has seen it; the system's own member, which is not const.
    const_cast<caf::node_id&>(system().node()) = caf::make_node_id(source() | 1U, host);
  }

  caf::io::network::multiplexer& backend() override {
    return multiplexer_;
  }

private:
  caf::io::network::default_multiplexer multiplexer_;
};

struct network_system_config : caf::actor_system_config {
  network_system_config() {
    load<peer_middleman>();
    register_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    set("middleman.workers", std::size_t{0});
    set("middleman.attach-utility-actors", true);
    // Links and sessions judge silence themselves: these would end every connection that is in its
    // handshake at a tick, and slow ones in the middle of a message.
    set("middleman.heartbeat-interval", caf::timespan{0});
    set("middleman.connection-timeout", caf::timespan{0});
  }
};

/// Every connection that was accepted and still stands.
class open_wires {
public:
  void add(const std::shared_ptr<wire>& wire) {
    std::scoped_lock lock{mutex_};
    std::erase_if(wires_, [](const auto& known) { return known.expired(); });
    wires_.push_back(wire);
  }

  void hang_up() {
    std::scoped_lock lock{mutex_};
    for (const auto& known : wires_)
      if (auto wire = known.lock())
        wire->hang_up();
  }

private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<wire>> wires_;
};

std::vector<endpoint> endpoints_of(const std::vector<std::string>& urls) {
  std::vector<endpoint> result;
  for (const auto& url : urls)
    if (auto parsed = parse_endpoint(url))
      result.push_back(std::move(*parsed));
    else
      log::error("a peer URL cannot be used", {{"url", url}});
  return result;
}

} // namespace

struct peer_network::parts {
  explicit parts(peer_config wanted)
      : config(std::move(wanted)),
        tls(config.tls ? std::make_shared<tls::tls_context>(*config.tls) : nullptr),
        room(std::make_shared<waiting_room>(config.newcomers)),
        door({.listen = config.listen, .deadline = config.newcomer_deadline}, config.time, tls,
             room) {}

  caf::io::network::default_multiplexer& multiplexer() {
    return static_cast<caf::io::network::default_multiplexer&>(system->middleman().backend());
  }

  void begin(raft::peer_handle to, network_listener listener);
  peer_link_actor start_link(const peer_manager_actor& judge, member_id peer, hello_v1 hello,
                             const std::vector<std::string>& urls);
  void arrived(arrival guest);
  void end();

  peer_config config;
  std::shared_ptr<tls::tls_context> tls;
  std::shared_ptr<waiting_room> room;
  network_system_config system_config;
  std::unique_ptr<caf::actor_system> system;
  /// Connections in and connections out are apart, so that two members that connect to each other
  /// at the same time have two connections and not one that each takes for redundant.
  caf::actor inbound;
  caf::actor outbound;
  network_parts network;
  raft::peer_handle member;
  open_wires wires;
  acceptor door;
};

void peer_network::parts::begin(raft::peer_handle to, network_listener listener) {
  system = std::make_unique<caf::actor_system>(system_config);
  system->middleman().run_later(block_sigpipe);
  inbound = system->middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
  outbound = system->middleman().named_broker<caf::io::basp_broker>(caf::atom("BASPout"));
  member = std::move(to);
  auto host = std::make_shared<manager_host>();
  host->own = config.own;
  host->boots = config.known_boots;
  host->listener = listener;
  host->counters = config.counters;
  host->start_link = [this](const peer_manager_actor& judge, member_id peer, hello_v1 hello,
                            const std::vector<std::string>& urls) {
    return start_link(judge, peer, std::move(hello), urls);
  };
  network = {.time = config.time,
             .counters = config.counters,
             .listener = std::move(listener),
             .manager = system->spawn(manager_behavior, std::shared_ptr<const manager_host>{host}),
             .max_message_bytes = config.max_message_bytes,
             .refused = config.refused};
  door.start([this](arrival guest) { arrived(std::move(guest)); });
}

/// In the manager.
peer_link_actor peer_network::parts::start_link(const peer_manager_actor& judge, member_id peer,
                                                hello_v1 hello,
                                                const std::vector<std::string>& urls) {
  auto endpoints = endpoints_of(urls);
  if (endpoints.empty())
    return {};
  dialer::options options{config.dial_interval, config.dial_patience, config.timing.silence};
  auto host = std::make_shared<link_host>();
  host->network = network;
  host->network.manager = judge;
  host->config = {.peer = peer,
                  .hello = std::move(hello),
                  .timing = config.timing,
                  .seed = config.seed ^ peer.value,
                  .max_unconfirmed_bytes = config.max_unconfirmed_bytes,
                  .way = std::make_shared<dialer>(std::move(endpoints), options, config.time, tls)};
  host->broker = outbound;
  host->multiplexer = &multiplexer();
  auto link = system->spawn(link_behavior, std::shared_ptr<const link_host>{std::move(host)});
  // A thread that spawns logs for that system from then on, and the system's end waits until no
  // thread does. This one may be a worker of whoever woke the manager, with a longer life.
  caf::logger::set_current_actor_system(nullptr);
  return link;
}

/// In the acceptor's thread.
void peer_network::parts::arrived(arrival guest) {
  auto host = std::make_shared<session_host>();
  host->config = {.other_end = guest.from.other_end,
                  .greeting = config.timing.greeting,
                  .silence = config.timing.silence * 3};
  host->network = network;
  host->member = member;
  host->seat = std::move(guest.seat);
  host->wire = std::make_shared<wire>(guest.from.socket.get(), config.max_message_bytes);
  set_connection_options(guest.from.socket.get(), host->config.silence);
  wires.add(host->wire);
  auto scribe = make_peer_scribe(multiplexer(), std::move(guest.from), host->wire);
  auto session = system->spawn(session_behavior, host);
  // The port is only the name under which the broker finds the actor for this handshake.
  caf::anon_send(inbound, caf::publish_atom_v, std::move(scribe), std::uint16_t{1},
                 caf::actor_cast<caf::strong_actor_ptr>(session),
                 system->message_types(caf::actor_cast<session_face>(session)));
}

void peer_network::parts::end() {
  door.stop();
  if (!system)
    return;
  {
    caf::scoped_actor self{*system};
    self->send(network.manager, end_peers{});
    self->wait_for(network.manager);
  }
  wires.hang_up();
  // What holds actors of the system must go before it.
  network = {};
  inbound = {};
  outbound = {};
  system.reset();
}

peer_network::peer_network(peer_config config)
    : parts_(std::make_unique<parts>(std::move(config))) {}

peer_network::~peer_network() {
  parts_->end();
}

const std::vector<host_and_port>& peer_network::addresses() const {
  return parts_->door.addresses();
}

peer_manager_actor peer_network::start(raft::peer_handle member, network_listener listener) {
  parts_->begin(std::move(member), std::move(listener));
  return parts_->network.manager;
}

std::optional<std::string> peer_network::reload_certificates() {
  return parts_->tls ? parts_->tls->reload() : std::nullopt;
}

tls::tls_context::reload_counts peer_network::certificate_reloads() const {
  return parts_->tls ? parts_->tls->reloads() : tls::tls_context::reload_counts{};
}

} // namespace troupe::peer
