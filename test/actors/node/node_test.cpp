/// Whole nodes in this process, on the real disk and real sockets, seen through the gRPC C++
/// client.

#include "actors/node/node.hpp"
#include "actors/watch/remote_subscription.hpp"
#include "messages/proto/rpc.grpc.pb.h"
#include "storage/posix_file_system.hpp"
#include "storage/storage_error.hpp"

#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// The real disk until `failing` is set; then no write becomes durable.
class breakable_file_system : public storage::file_system {
public:
  std::unique_ptr<storage::file> open(const std::string& path, storage::open_mode mode) override {
    return std::make_unique<breakable_file>(disk_.open(path, mode), *this);
  }

  void rename(const std::string& from, const std::string& to) override {
    disk_.rename(from, to);
  }

  void remove(const std::string& path) override {
    disk_.remove(path);
  }

  std::vector<std::string> list(const std::string& directory) const override {
    return disk_.list(directory);
  }

  void sync_directory(const std::string& directory) override {
    disk_.sync_directory(directory);
  }

  void make_directory(const std::string& path) override {
    disk_.make_directory(path);
  }

  std::unique_ptr<storage::directory_lock> lock_directory(const std::string& directory) override {
    return disk_.lock_directory(directory);
  }

  std::atomic<bool> failing = false;

private:
  struct breakable_file : storage::file {
    breakable_file(std::unique_ptr<storage::file> real, breakable_file_system& owner)
        : real(std::move(real)), owner(owner) {}

    std::size_t read(std::uint64_t offset, std::span<std::byte> bytes) const override {
      return real->read(offset, bytes);
    }

    void write_durable(std::uint64_t offset, std::span<const std::byte> bytes) override {
      fail_if_broken();
      real->write_durable(offset, bytes);
    }

    std::uint64_t size() const override {
      return real->size();
    }

    void fail_if_broken() const {
      if (owner.failing)
        throw storage::storage_error{errc::io_error, "the disk is gone"};
    }

    std::unique_ptr<storage::file> real;
    breakable_file_system& owner;
  };

  storage::posix_file_system disk_;
};

struct node_test : testing::Test {
  node_test() {
    auto pattern = (std::filesystem::temp_directory_path() / "troupe-node-XXXXXX").string();
    directory = mkdtemp(pattern.data());
  }

  ~node_test() override {
    std::filesystem::remove_all(directory);
  }

  node_config config_of(const std::string& name) const {
    node_config config;
    config.name = name;
    config.data_dir = directory / name;
    config.listen_client = {{"127.0.0.1", 0}};
    config.advertise_peer_urls = {"http://" + name + ":2380"};
    return config;
  }

  std::filesystem::path directory;
};

std::shared_ptr<grpc::Channel> channel_to(const node& server) {
  return grpc::CreateChannel("127.0.0.1:" + std::to_string(server.client_addresses().front().port),
                             grpc::InsecureChannelCredentials());
}

/// A client of one node.
struct kv_client {
  explicit kv_client(const node& server) : kv(etcdserverpb::KV::NewStub(channel_to(server))) {}

  grpc::Status put(const std::string& key, const std::string& value,
                   std::chrono::milliseconds patience = 20s) {
    etcdserverpb::PutRequest request;
    request.set_key(key);
    request.set_value(value);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + patience);
    return kv->Put(&context, request, &put_response);
  }

  std::string get(const std::string& key) {
    etcdserverpb::RangeRequest request;
    etcdserverpb::RangeResponse response;
    request.set_key(key);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    auto status = kv->Range(&context, request, &response);
    if (!status.ok())
      return "error: " + status.error_message();
    return response.kvs_size() == 0 ? "" : response.kvs(0).value();
  }

  std::unique_ptr<etcdserverpb::KV::Stub> kv;
  etcdserverpb::PutResponse put_response;
};

/// Has the node choose the id of a lease.
std::int64_t grant_lease(const node& server) {
  etcdserverpb::LeaseGrantRequest request;
  etcdserverpb::LeaseGrantResponse response;
  request.set_ttl(60);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 20s);
  auto status =
    etcdserverpb::Lease::NewStub(channel_to(server))->LeaseGrant(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.id();
}

TEST_F(node_test, with_a_fixed_seed_too_each_boot_chooses_other_ids) {
  auto config = config_of("n1");
  config.random_seed = 7;
  auto running = node::launch(config);
  auto first = grant_lease(*running);
  running->shutdown(1s);
  running.reset();
  running = node::launch(config);
  EXPECT_NE(grant_lease(*running), first);
}

TEST_F(node_test, what_was_put_is_read_and_survives_a_restart) {
  auto first = node::launch(config_of("n1"));
  auto member = first->id();
  auto cluster = first->cluster();
  {
    kv_client client{*first};
    ASSERT_TRUE(client.put("a", "1").ok());
    EXPECT_EQ(client.put_response.header().revision(), 2);
    EXPECT_EQ(client.get("a"), "1");
  }
  first->shutdown(1s);
  first.reset();
  auto second = node::launch(config_of("n1"));
  EXPECT_EQ(second->id(), member);
  EXPECT_EQ(second->cluster(), cluster);
  kv_client client{*second};
  EXPECT_EQ(client.get("a"), "1");
  ASSERT_TRUE(client.put("a", "2").ok());
  EXPECT_EQ(client.put_response.header().revision(), 3);
}

TEST_F(node_test, identity_stays_when_flags_change) {
  auto member = node::launch(config_of("n1"))->id();
  auto changed = config_of("n1");
  changed.advertise_peer_urls = {"http://127.0.0.1:9999"};
  changed.cluster_token = "another";
  EXPECT_EQ(node::launch(changed)->id(), member);
}

TEST_F(node_test, five_nodes_live_in_one_process) {
  std::vector<std::unique_ptr<node>> nodes;
  for (auto name : {"n1", "n2", "n3", "n4", "n5"})
    nodes.push_back(node::launch(config_of(name)));
  for (std::size_t i = 0; i < nodes.size(); ++i)
    ASSERT_TRUE(kv_client{*nodes[i]}.put("who", std::to_string(i)).ok());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    EXPECT_EQ(kv_client{*nodes[i]}.get("who"), std::to_string(i));
}

/// A port that was free a moment ago.
std::uint16_t free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(::bind(probe, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &length), 0);
  ::close(probe);
  return ntohs(address.sin_port);
}

TEST_F(node_test, three_members_replicate_and_go_on_without_one) {
  std::vector<node_config> configs;
  std::vector<founding_member> founders;
  for (std::string name : {"n1", "n2", "n3"}) {
    auto config = config_of(name);
    auto port = free_port();
    config.listen_peer = {{"127.0.0.1", port}};
    config.advertise_peer_urls = {"http://127.0.0.1:" + std::to_string(port)};
    founders.push_back({name, config.advertise_peer_urls});
    configs.push_back(std::move(config));
  }
  std::vector<std::unique_ptr<node>> nodes;
  for (auto& config : configs) {
    config.initial_cluster = founders;
    nodes.push_back(node::launch(config));
  }
  auto put = [&](const node& to, const std::string& key) {
    kv_client client{to};
    grpc::Status status;
    for (int attempt = 0; attempt < 50 && !(status = client.put(key, key)).ok(); ++attempt)
      std::this_thread::sleep_for(100ms);
    EXPECT_TRUE(status.ok()) << status.error_message();
  };
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    EXPECT_TRUE(nodes[i]->await_leader(20s));
    EXPECT_EQ(nodes[i]->cluster(), nodes[0]->cluster());
    put(*nodes[i], "from" + std::to_string(i));
  }
  for (const auto& each : nodes)
    for (auto key : {"from0", "from1", "from2"})
      EXPECT_EQ(kv_client{*each}.get(key), key);
  // Whoever leads: each of them is missing once.
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].reset();
    auto key = "without" + std::to_string(i);
    put(*nodes[(i + 1) % 3], key);
    nodes[i] = node::launch(configs[i]);
    put(*nodes[i], "again" + std::to_string(i));
    EXPECT_EQ(kv_client{*nodes[i]}.get(key), key);
  }
}

TEST_F(node_test, several_edges_share_a_port) {
  auto config = config_of("n1");
  config.threads.edge_systems = 3;
  auto running = node::launch(config);
  ASSERT_EQ(running->client_addresses().size(), 1u);
  for (int i = 0; i < 20; ++i) {
    kv_client client{*running};
    ASSERT_TRUE(client.put("k", std::to_string(i)).ok());
    ASSERT_EQ(client.get("k"), std::to_string(i));
  }
}

TEST_F(node_test, a_program_watches_its_own_node) {
  auto running = node::launch(config_of("n1"));
  kv_client client{*running};
  ASSERT_TRUE(client.put("a", "1").ok());
  auto third = std::make_shared<std::promise<void>>();
  auto values = std::make_shared<std::vector<std::string>>();
  watch::subscriber_callbacks calls;
  calls.on_events = [=](const watch::watch_events& events) {
    for (std::size_t i = 0; i < events.size(); ++i)
      values->push_back(events[i].change.kv.value);
    if (values->size() == 3)
      third->set_value();
  };
  auto subscription = running->subscribe({mvcc::key_range::of("a", "")}, 1, calls);
  auto for_ever =
    running->subscribe({mvcc::key_range::of("a", "")}, 0, {.on_events = [](auto&) {}});
  ASSERT_TRUE(client.put("a", "2").ok());
  ASSERT_TRUE(client.put("b", "x").ok());
  ASSERT_TRUE(client.put("a", "3").ok());
  ASSERT_EQ(third->get_future().wait_for(20s), std::future_status::ready);
  EXPECT_EQ(*values, (std::vector<std::string>{"1", "2", "3"}));
  subscription = {};
  running->shutdown(0ms);
}

TEST_F(node_test, a_program_elsewhere_watches_a_node) {
  auto config = config_of("n1");
  config.listen_subscription = {{"127.0.0.1", 0}};
  auto running = node::launch(config);
  ASSERT_EQ(running->subscription_addresses().size(), 1u);
  caf::actor_system_config program;
  watch::prepare_subscriptions(program);
  caf::actor_system system{program};
  auto face = watch::connect(system, "127.0.0.1", running->subscription_addresses()[0].port);
  auto heard = std::make_shared<std::promise<changes_v1>>();
  auto lost = std::make_shared<std::promise<lost_v1>>();
  auto subscription =
    watch::subscribe(system, face, {.key = "a", .start_revision = 1},
                     {.on_changes = [=](const changes_v1& x) { heard->set_value(x); },
                      .on_lost = [=](const lost_v1& x) { lost->set_value(x); }});
  ASSERT_TRUE(kv_client{*running}.put("a", "1").ok());
  auto changes = heard->get_future();
  ASSERT_EQ(changes.wait_for(20s), std::future_status::ready);
  EXPECT_EQ(changes.get(), (changes_v1{1, 2, {{.kv = {"a", "1", 2, 2, 1, 0}}}}));
  running.reset();
  auto loss_of_node = lost->get_future();
  ASSERT_EQ(loss_of_node.wait_for(20s), std::future_status::ready);
  EXPECT_EQ(loss_of_node.get(), lost_v1{loss::disconnected});
}

TEST_F(node_test, subscriptions_from_other_machines_are_refused) {
  auto config = config_of("n1");
  config.listen_subscription = {{"0.0.0.0", 0}};
  EXPECT_THROW(node::launch(config), launch_error);
}

TEST_F(node_test, data_in_use_is_refused) {
  auto running = node::launch(config_of("n1"));
  EXPECT_THROW(node::launch(config_of("n1")), launch_error);
  kv_client client{*running};
  EXPECT_TRUE(client.put("a", "1").ok()) << "and does not disturb who uses it";
}

TEST_F(node_test, port_in_use_is_refused) {
  auto running = node::launch(config_of("n1"));
  auto other = config_of("n2");
  other.listen_client = running->client_addresses();
  EXPECT_THROW(node::launch(other), launch_error);
}

TEST_F(node_test, data_of_another_program_is_refused) {
  std::filesystem::create_directories(directory / "n1" / "log");
  EXPECT_THROW(node::launch(config_of("n1")), launch_error);
}

TEST_F(node_test, state_without_its_log_is_refused) {
  {
    auto running = node::launch(config_of("n1"));
    ASSERT_TRUE(kv_client{*running}.put("a", "1").ok());
  }
  std::filesystem::remove_all(directory / "n1" / "log");
  EXPECT_THROW(node::launch(config_of("n1")), launch_error);
}

TEST_F(node_test, failed_write_ends_the_node_and_acknowledges_nothing) {
  auto disk = std::make_shared<breakable_file_system>();
  auto config = config_of("n1");
  config.files = disk;
  auto told = std::make_shared<std::promise<std::string>>();
  config.on_fatal = [told](const std::string& reason) { told->set_value(reason); };
  auto running = node::launch(config);
  kv_client client{*running};
  ASSERT_TRUE(client.put("a", "1").ok());
  // An open watch must not keep the node from its end.
  grpc::ClientContext watching;
  auto stub = etcdserverpb::Watch::NewStub(channel_to(*running));
  auto watch = stub->Watch(&watching);
  etcdserverpb::WatchRequest request;
  request.mutable_create_request()->set_key("a");
  etcdserverpb::WatchResponse created;
  ASSERT_TRUE(watch->Write(request) && watch->Read(&created));
  disk->failing = true;
  EXPECT_FALSE(client.put("a", "2", 2s).ok());
  auto reason = told->get_future();
  ASSERT_EQ(reason.wait_for(20s), std::future_status::ready);
  EXPECT_NE(reason.get().find("the disk is gone"), std::string::npos);
  running.reset();

  disk->failing = false;
  config.on_fatal = nullptr;
  auto again = node::launch(config);
  EXPECT_EQ((kv_client{*again}.get("a")), "1");
}

} // namespace
} // namespace troupe
