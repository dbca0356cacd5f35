/// A program that watches a node over a real connection: two actor systems with a port between
/// them, on the real hub and history.

#include "actors/watch/history.hpp"
#include "actors/watch/remote_port.hpp"
#include "actors/watch/remote_subscription.hpp"
#include "actors/watch/watch_hub.hpp"
#include "storage/memory_engine.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <condition_variable>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <netinet/in.h>
#include <sys/socket.h>

namespace troupe::watch {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 30s;

struct core_config : caf::actor_system_config {
  core_config() {
    register_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
  }
};

/// What a node has of watches, and its port. The hub's messages pass through a stand-in that counts
/// who is registered.
class serving_node {
public:
  explicit serving_node(flow_limits flow = {}) {
    history = system.spawn(history_behavior, std::make_shared<history_core>(store));
    hub = system.spawn(hub_behavior, std::make_shared<hub_host>(store.revision(), history));
    // That there is nothing new opens the hub.
    caf::anon_send(hub, publish{.first = store.revision() + 1, .last = store.revision()});
    remote_context context;
    context.hub = system.spawn(counting_hub, this);
    counter = context.hub;
    context.history = history;
    context.flow = flow;
    remote = std::make_unique<remote_port>(system, std::move(context));
    port = remote->listen("127.0.0.1", 0);
  }

  ~serving_node() {
    end();
  }

  void end() {
    remote.reset();
    caf::scoped_actor self{system};
    for (auto* actor : {&counter, &hub})
      if (*actor) {
        caf::anon_send_exit(*actor, caf::exit_reason::user_shutdown);
        self->wait_for(*actor);
        *actor = hub_actor{};
      }
    if (history)
      caf::anon_send_exit(history, caf::exit_reason::user_shutdown);
    history = history_actor{};
  }

  /// As the applier does it. @returns the revision.
  std::int64_t put(const std::string& key, const std::string& value) {
    store.begin()->put(key, value, {}, false);
    applied = applied + 1;
    auto events = store.commit({{1}, applied});
    caf::anon_send(hub,
                   publish{.first = store.revision(),
                           .last = store.revision(),
                           .events = std::make_shared<std::vector<mvcc::event>>(std::move(events)),
                           .floor = store.compacted(),
                           .term = {4}});
    return store.revision();
  }

  /// Waits until so many registrations and de-registrations have reached the hub.
  bool await(std::size_t registrations, std::size_t drops) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, patience,
                            [&] { return registered >= registrations && dropped >= drops; });
  }

  std::uint16_t port = 0;

private:
  static hub_actor::behavior_type counting_hub(hub_actor::pointer, serving_node* owner) {
    auto count = [owner](std::size_t serving_node::*what) {
      std::lock_guard lock{owner->mutex};
      ++(owner->*what);
      owner->changed.notify_all();
    };
    auto pass = [owner](const auto& x) { caf::anon_send(owner->hub, x); };
    return {[=](const publish& x) { pass(x); },
            [=](const register_watches& x) {
              count(&serving_node::registered);
              pass(x);
            },
            [=](const drop_watches& x) {
              count(&serving_node::dropped);
              pass(x);
            },
            [=](const ask_progress& x) { pass(x); },
            [=](const previous_filled& x) { pass(x); },
            [=](const tick& x) { pass(x); }};
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  log_index applied;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t registered = 0;
  std::size_t dropped = 0;
  core_config config;
  caf::actor_system system{config};
  history_actor history;
  hub_actor hub;
  hub_actor counter;
  std::unique_ptr<remote_port> remote;
};

/// A program elsewhere.
struct program {
  struct program_config : caf::actor_system_config {
    program_config() {
      prepare_subscriptions(*this);
    }
  };

  program_config config;
  caf::actor_system system{config};
};

/// What a subscription has heard; calls come from threads of the program.
class listener {
public:
  remote_calls calls() {
    return {.on_started = [this](const started_v1& x) { note([&] { started = x.revision; }); },
            .on_changes =
              [this](const changes_v1& x) {
                if (gate.valid())
                  gate.wait();
                note([&] {
                  for (const auto& event : x.events)
                    values.push_back(event.kv.value.substr(0, 8));
                  upto = x.upto;
                });
              },
            .on_lost = [this](const lost_v1& x) { note([&] { lost = x; }); }};
  }

  template <class Condition>
  bool await(Condition condition) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, patience, condition);
  }

  /// Calls with changes do not return before it is ready.
  std::shared_future<void> gate;
  std::optional<std::int64_t> started;
  std::vector<std::string> values;
  std::int64_t upto = 0;
  std::optional<lost_v1> lost;

private:
  template <class Change>
  void note(Change change) {
    std::lock_guard lock{mutex};
    change();
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
};

using texts = std::vector<std::string>;

TEST(remote_subscription, a_program_hears_the_past_and_what_happens) {
  serving_node node;
  node.put("a", "1");
  node.put("b", "x");
  node.put("a", "2");
  listener ear;
  program program;
  auto face = connect(program.system, "127.0.0.1", node.port);
  {
    auto watch = subscribe(program.system, face, {.key = "a", .start_revision = 1}, ear.calls());
    ASSERT_TRUE(ear.await([&] { return ear.values.size() == 2; }));
    EXPECT_EQ(ear.started, 4);
    EXPECT_EQ(node.put("a", "3"), 5);
    ASSERT_TRUE(ear.await([&] { return ear.upto == 5; }));
    EXPECT_EQ(ear.values, (texts{"1", "2", "3"}));
  }
  EXPECT_TRUE(node.await(1, 1)) << "who wants to hear no more is forgotten";
  EXPECT_FALSE(ear.lost);
}

/// Cuts every connection to this port that begins in this process.
void cut_connections_to(std::uint16_t port) {
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0
        && peer.sin_family == AF_INET && ntohs(peer.sin_port) == port)
      shutdown(fd, SHUT_RDWR);
  }
}

TEST(remote_subscription, who_vanishes_is_forgotten_and_may_go_on_without_a_gap) {
  serving_node node;
  listener ear;
  program program;
  auto face = connect(program.system, "127.0.0.1", node.port);
  auto watch = subscribe(program.system, face, {.key = "a"}, ear.calls());
  ASSERT_TRUE(ear.await([&] { return ear.started.has_value(); }));
  auto seen = node.put("a", "1");
  ASSERT_TRUE(ear.await([&] { return ear.upto == seen; }));
  cut_connections_to(node.port);
  EXPECT_TRUE(node.await(1, 1)) << "the node has forgotten it";
  ASSERT_TRUE(ear.await([&] { return ear.lost.has_value(); }));
  EXPECT_EQ(ear.lost, lost_v1{loss::disconnected});

  node.put("a", "2");
  face = connect(program.system, "127.0.0.1", node.port);
  watch = subscribe(program.system, face, {.key = "a", .start_revision = seen + 1}, ear.calls());
  EXPECT_TRUE(ear.await([&] { return ear.values == texts{"1", "2"}; }));
}

TEST(remote_subscription, a_slow_program_is_bounded_and_catches_up) {
  serving_node node{{.window_bytes = 64'000, .message_bytes = 16'000}};
  listener ear;
  std::promise<void> go_on;
  ear.gate = go_on.get_future().share();
  program program;
  auto face = connect(program.system, "127.0.0.1", node.port);
  auto watch = subscribe(program.system, face, {.key = "a"}, ear.calls());
  ASSERT_TRUE(ear.await([&] { return ear.started.has_value(); }));
  texts expected;
  for (int i = 1000; i < 1300; ++i) {
    expected.push_back(std::to_string(i) + "____");
    node.put("a", expected.back() + std::string(4000, '_'));
  }
  ASSERT_TRUE(node.await(1, 1)) << "the hub holds nothing for it any more";
  go_on.set_value();
  ASSERT_TRUE(ear.await([&] { return ear.upto == 301; }));
  EXPECT_EQ(ear.values, expected);
}

TEST(remote_subscription, the_end_of_the_node_is_told) {
  auto node = std::make_unique<serving_node>();
  listener ear;
  program program;
  auto face = connect(program.system, "127.0.0.1", node->port);
  auto watch = subscribe(program.system, face, {.key = "a"}, ear.calls());
  ASSERT_TRUE(ear.await([&] { return ear.started.has_value(); }));
  auto port = node->port;
  node.reset();
  ASSERT_TRUE(ear.await([&] { return ear.lost.has_value(); }));
  EXPECT_EQ(ear.lost, lost_v1{loss::disconnected});
  EXPECT_THROW(connect(program.system, "127.0.0.1", port), connect_error);
}

TEST(remote_subscription, only_loopback_and_only_a_free_port) {
  serving_node node;
  core_config config;
  caf::actor_system system{config};
  remote_port another{system, {}};
  EXPECT_THROW(another.listen("0.0.0.0", 0), remote_port_error);
  EXPECT_THROW(another.listen("127.0.0.1", node.port), remote_port_error);
  EXPECT_NE(another.listen("::1", 0), 0);
}

} // namespace
} // namespace troupe::watch
