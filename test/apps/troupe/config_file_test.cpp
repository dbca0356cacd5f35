#include "test/apps/troupe/options_fixture.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

namespace troupe::options {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class config_file : public testing::Test {
protected:
  config_file()
      : path_{std::filesystem::temp_directory_path()
              / ("troupe-config-" + std::to_string(getpid()) + ".yaml")} {}

  ~config_file() override {
    std::filesystem::remove(path_);
  }

  outcome read_file(const std::string& content, std::vector<std::string> more = {},
                    const environment& variables = {}) {
    std::ofstream{path_} << content;
    more.push_back("--config-file=" + path_.string());
    return read(more, variables);
  }

  std::filesystem::path path_;
};

TEST_F(config_file, has_the_names_of_flags_as_keys) {
  auto end = read_file(R"(
# a comment
name: m1
data-dir: /data
heartbeat-interval: 200
election-timeout: 2000
quota-backend-bytes: -1
strict-reconfig-check: false
listen-client-urls: http://127.0.0.1:1379,http://127.0.0.1:2379
advertise-client-urls: http://h:2379
log-outputs: [stderr, /tmp/x.log]
auto-compaction-mode: revision
auto-compaction-retention: 1000
wal-dir:
)");
  ASSERT_EQ(end.exit_code, 0) << end.error;
  const auto& server = end.result.server;
  EXPECT_EQ(server.node.name, "m1");
  EXPECT_EQ(server.node.data_dir, "/data");
  EXPECT_EQ(server.node.heartbeat_interval_ms, 200U);
  EXPECT_EQ(server.node.quota_bytes, -1);
  EXPECT_EQ(server.node.listen_client,
            (std::vector<listen_address>{{"127.0.0.1", 1379}, {"127.0.0.1", 2379}}));
  EXPECT_EQ(server.log.outputs, (std::vector<std::string>{"stderr", "/tmp/x.log"}));
  EXPECT_EQ(server.node.auto_compaction.revisions, 1000);
}

TEST_F(config_file, may_be_json) {
  auto end = read_file(R"({"name": "m1", "max-txn-ops": 5, "client-transport-security": {}})");
  ASSERT_EQ(end.exit_code, 0) << end.error;
  EXPECT_EQ(end.result.server.node.max_txn_ops, 5U);
}

TEST_F(config_file, counts_durations_in_nanoseconds) {
  auto end = read_file("grpc-keepalive-interval: 600000000000\n");
  ASSERT_EQ(end.exit_code, 0) << end.error;
  EXPECT_EQ(end.result.server.node.keepalive.interval, 10min);
  end = read_file("name: a\ngrpc-keepalive-interval: 10m\n");
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_EQ(end.error, "configuration file, line 2: invalid value \"10m\" for "
                       "\"grpc-keepalive-interval\": a duration is an integer in nanoseconds here");
}

TEST_F(config_file, silences_flags_and_variables) {
  auto end = read_file("name: file\n", {"--name=flag", "--cert-file=/c"},
                       {{"ETCD_NAME", "variable"}, {"ETCD_HEARTBEAT_INTERVAL", "abc"}});
  ASSERT_EQ(end.exit_code, 0) << end.error;
  EXPECT_EQ(end.result.server.node.name, "file");
  EXPECT_EQ(noted(end.result.server, "these flags are ignored beside --config-file", "flags"),
            (std::vector<std::string>{"cert-file", "name"}));
}

TEST_F(config_file, can_be_named_by_a_variable) {
  std::ofstream{path_} << "name: file\n";
  EXPECT_EQ(accept({}, {{"ETCD_CONFIG_FILE", path_.string()}}).node.name, "file");
  EXPECT_EQ(accept({}, {{"TROUPE_CONFIG_FILE", path_.string()}}).node.name, "file");
}

TEST_F(config_file, refuses_an_unknown_key_with_a_suggestion) {
  auto end = read_file("name: a\nelection-timeuot: 5\n");
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_EQ(end.error, "configuration file, line 2: unknown key \"election-timeuot\"; did you mean "
                       "\"election-timeout\"?");
  end = read_file("peer-transport-security:\n  cert-fiel: x\n");
  EXPECT_EQ(end.error, "configuration file, line 2: unknown key \"cert-fiel\"; did you mean "
                       "\"cert-file\"?");
}

TEST_F(config_file, refuses_protection_in_a_section) {
  EXPECT_EQ(read_file("client-transport-security:\n  cert-file: /c\n").error,
            "--cert-file: TLS is not available yet");
  EXPECT_EQ(read_file("peer-transport-security:\n  client-cert-auth: true\n").error,
            "--peer-client-cert-auth: TLS is not available yet");
  EXPECT_EQ(read_file("peer-transport-security:\n  allowed-cn: [a, b]\n").error,
            "--peer-cert-allowed-cn: TLS is not available yet");
  EXPECT_EQ(read_file("discovery-config:\n  token: t\n").error,
            "--discovery-token: discovery is not available yet");
  EXPECT_EQ(read_file("client-transport-security:\n  cert-file: ''\n  auto-tls: false\n").exit_code,
            0);
}

TEST_F(config_file, refuses_what_cannot_be_read) {
  EXPECT_THAT(read_file("name: [\n").error, HasSubstr("configuration file"));
  EXPECT_THAT(read_file("- a\n- b\n").error, HasSubstr("keys and values expected"));
  EXPECT_THAT(read_file("name: {a: b}\n").error, HasSubstr("must be a plain value"));
  EXPECT_THAT(read_file("heartbeat-interval: x\n").error,
              HasSubstr("invalid value \"x\" for \"heartbeat-interval\": parse error"));
  auto absent = read({"--config-file", "/nonexistent/x.yaml"});
  EXPECT_EQ(absent.exit_code, 1);
  EXPECT_THAT(absent.error, HasSubstr("/nonexistent/x.yaml"));
}

TEST_F(config_file, needs_no_advertised_urls_beside_listeners) {
  // etcd asks for them on the command line only.
  EXPECT_EQ(read_file("listen-client-urls: http://127.0.0.1:1\n").exit_code, 0);
}

} // namespace
} // namespace troupe::options
