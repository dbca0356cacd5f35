#include "test/apps/troupe/options_fixture.hpp"

#include <gmock/gmock.h>

namespace troupe::options {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// The text with which these arguments are refused; they must be refused with 1.
std::string refusal(std::vector<std::string> arguments) {
  auto end = read(std::move(arguments));
  EXPECT_EQ(end.exit_code, 1);
  return end.error;
}

TEST(server_options, without_flags_a_node_has_the_defaults_of_its_configuration) {
  auto node = accept({}).node;
  node_config preset;
  EXPECT_EQ(node.name, preset.name);
  EXPECT_EQ(node.data_dir, preset.data_dir);
  EXPECT_EQ(node.listen_client, preset.listen_client);
  EXPECT_EQ(node.listen_peer, preset.listen_peer);
  EXPECT_EQ(node.advertise_client_urls, preset.advertise_client_urls);
  EXPECT_EQ(node.advertise_peer_urls, preset.advertise_peer_urls);
  EXPECT_EQ(node.cluster_token, preset.cluster_token);
  EXPECT_EQ(node.heartbeat_interval_ms, preset.heartbeat_interval_ms);
  EXPECT_EQ(node.election_timeout_ms, preset.election_timeout_ms);
  EXPECT_EQ(node.quota_bytes, preset.quota_bytes);
  EXPECT_EQ(node.max_txn_ops, preset.max_txn_ops);
  EXPECT_EQ(node.max_request_bytes, preset.max_request_bytes);
  EXPECT_EQ(node.max_concurrent_streams, preset.max_concurrent_streams);
  EXPECT_EQ(node.keepalive.min_client_interval, preset.keepalive.min_client_interval);
  EXPECT_EQ(node.keepalive.interval, preset.keepalive.interval);
  EXPECT_EQ(node.keepalive.timeout, preset.keepalive.timeout);
  EXPECT_EQ(node.auto_compaction.period, 0s);
  EXPECT_EQ(node.auto_compaction.revisions, 0);
  EXPECT_EQ(node.watch_progress_notify_interval, preset.watch_progress_notify_interval);
  EXPECT_EQ(node.memory_budget_bytes, preset.memory_budget_bytes);
  EXPECT_EQ(node.threads.edge_systems, preset.threads.edge_systems);
  EXPECT_TRUE(node.listen_subscription.empty());
  EXPECT_EQ(node.json_gateway, preset.json_gateway);
  EXPECT_EQ(node.cors, preset.cors);
  EXPECT_EQ(node.host_whitelist, preset.host_whitelist);
}

TEST(server_options, every_honoured_flag_arrives) {
  auto node = accept({"--name=n",
                      "--listen-client-urls=http://127.0.0.1:1,http://[::1]:2",
                      "--advertise-client-urls=http://h:1",
                      "--listen-peer-urls=http://127.0.0.1:3",
                      "--initial-advertise-peer-urls=http://p:3",
                      "--initial-cluster=n=http://p:3",
                      "--initial-cluster-token=t",
                      "--heartbeat-interval=10",
                      "--election-timeout=50",
                      "--quota-backend-bytes=9",
                      "--max-txn-ops=3",
                      "--max-request-bytes=4",
                      "--max-concurrent-streams=5",
                      "--grpc-keepalive-min-time=1s",
                      "--grpc-keepalive-interval=0",
                      "--grpc-keepalive-timeout=3s",
                      "--watch-progress-notify-interval=2s",
                      "--memory-budget-bytes=64M",
                      "--client-io-threads=2",
                      "--listen-subscription-urls=http://localhost:4,http://[::1]:5",
                      "--enable-grpc-gateway=false",
                      "--cors=http://a:1,https://b:2",
                      "--host-whitelist=h,127.0.0.1"})
                .node;
  EXPECT_EQ(node.data_dir, "n.troupe");
  EXPECT_EQ(node.listen_client, (std::vector<listen_address>{{"127.0.0.1", 1}, {"::1", 2}}));
  EXPECT_EQ(node.listen_peer, (std::vector<listen_address>{{"127.0.0.1", 3}}));
  EXPECT_EQ(node.advertise_client_urls, std::vector<std::string>{"http://h:1"});
  EXPECT_EQ(node.advertise_peer_urls, std::vector<std::string>{"http://p:3"});
  EXPECT_EQ(node.cluster_token, "t");
  EXPECT_EQ(node.heartbeat_interval_ms, 10U);
  EXPECT_EQ(node.election_timeout_ms, 50U);
  EXPECT_EQ(node.quota_bytes, 9);
  EXPECT_EQ(node.max_txn_ops, 3U);
  EXPECT_EQ(node.max_request_bytes, 4U);
  EXPECT_EQ(node.max_concurrent_streams, 5U);
  EXPECT_EQ(node.keepalive.min_client_interval, 1s);
  EXPECT_EQ(node.keepalive.interval, 0s);
  EXPECT_EQ(node.keepalive.timeout, 3s);
  EXPECT_EQ(node.watch_progress_notify_interval, 2s);
  EXPECT_EQ(node.memory_budget_bytes, 67108864U);
  EXPECT_EQ(node.threads.edge_systems, 2U);
  EXPECT_EQ(node.listen_subscription, (std::vector<listen_address>{{"::1", 5}, {"127.0.0.1", 4}}));
  EXPECT_FALSE(node.json_gateway);
  EXPECT_EQ(node.cors, (std::vector<std::string>{"http://a:1", "https://b:2"}));
  EXPECT_EQ(node.host_whitelist, (std::vector<std::string>{"h", "127.0.0.1"}));
}

TEST(server_options, the_log_is_set_up_as_asked) {
  auto log = accept({"--log-level=warn", "--log-format=json", "--log-outputs=stdout,/x"}).log;
  EXPECT_EQ(log.least, log::level::warn);
  EXPECT_EQ(log.shape, log::format::json);
  EXPECT_EQ(log.outputs, (std::vector<std::string>{"stdout", "/x"}));
  EXPECT_EQ(accept({}).log.shape, log::format::automatic);
  EXPECT_THAT(refusal({"--log-level=loud"}), HasSubstr("unrecognized level"));
  EXPECT_THAT(refusal({"--log-format=xml"}), HasSubstr("unknown log format"));
  EXPECT_THAT(refusal({"--logger=capnslog"}), HasSubstr("unknown logger option"));
}

TEST(server_options, listeners_need_advertised_urls) {
  EXPECT_EQ(refusal({"--listen-client-urls=http://127.0.0.1:1"}),
            "--advertise-client-urls is required when --listen-client-urls is set explicitly");
}

TEST(server_options, listeners_need_an_address) {
  EXPECT_EQ(refusal({"--listen-client-urls=http://foo:1", "--advertise-client-urls=http://a:1"}),
            "expected IP in URL for binding (http://foo:1)");
  EXPECT_EQ(refusal({"--listen-peer-urls=http://foo:1"}),
            "expected IP in URL for binding (http://foo:1)");
  EXPECT_EQ(read({"--listen-peer-urls=http://localhost:1"}).exit_code, 0);
  EXPECT_THAT(refusal({"--advertise-client-urls=http://:1"}),
              HasSubstr("unexpected empty host (http://:1)"));
}

TEST(server_options, subscriptions_stay_on_this_machine) {
  for (std::string host : {"0.0.0.0", "10.0.0.1", "[::]", "foo"})
    EXPECT_EQ(refusal({"--listen-subscription-urls=http://" + host + ":1"}),
              "--listen-subscription-urls http://" + host
                + ":1: only loopback addresses, while there is no mutual TLS");
  EXPECT_EQ(refusal({"--listen-subscription-urls=https://127.0.0.1:1"}),
            "--listen-subscription-urls https://127.0.0.1:1: TLS is not available yet");
  EXPECT_TRUE(accept({"--listen-subscription-urls="}).node.listen_subscription.empty());
}

TEST(server_options, only_plain_http_is_served) {
  EXPECT_EQ(
    refusal({"--listen-client-urls=https://127.0.0.1:1", "--advertise-client-urls=http://a:1"}),
    "--listen-client-urls https://127.0.0.1:1: TLS is not available yet");
  EXPECT_EQ(refusal({"--advertise-client-urls=https://a:1"}),
            "--advertise-client-urls https://a:1: TLS is not available yet");
  EXPECT_EQ(refusal({"--listen-peer-urls=unix://localhost:1"}),
            "--listen-peer-urls unix://localhost:1: unix domain sockets are not available yet");
  EXPECT_THAT(refusal({"--initial-cluster=default=https://a:1"}),
              HasSubstr("TLS is not available"));
}

TEST(server_options, what_is_missing_is_refused_unless_it_is_turned_off) {
  for (std::string text :
       {"--cert-file=c", "--client-cert-auth", "--auto-tls", "--peer-auto-tls",
        "--auth-token=jwt,x", "--force-new-cluster", "--enable-v2", "--discovery=http://d",
        "--discovery-srv=d", "--discovery-endpoints=e", "--tls-min-version=TLS1.3",
        "--cipher-suites=X", "--listen-metrics-urls=http://127.0.0.1:1", "--proxy=on",
        "--listen-client-http-urls=http://127.0.0.1:1", "--experimental-enable-v2v3=/p",
        "--experimental-peer-skip-client-san-verification"})
    EXPECT_THAT(refusal({text}), testing::AnyOf(HasSubstr("not available yet"), HasSubstr("gone")))
      << text;
  auto off = accept({"--name=n", "--cert-file=", "--client-cert-auth=false", "--auth-token=simple",
                     "--enable-v2=false", "--tls-min-version=TLS1.2", "--host-whitelist=*",
                     "--proxy=off", "--discovery-fallback=exit"});
  EXPECT_TRUE(off.notices.empty());
  EXPECT_THAT(refusal({"--discovery-fallback=proxy"}), HasSubstr("v2 proxy is deprecated"));
}

TEST(server_options, an_origin_is_a_url_or_all) {
  EXPECT_EQ(refusal({"--cors=http://a:1,b"}),
            "--cors b: an origin is \"*\" or has the form http://host:port");
  EXPECT_EQ(accept({"--cors="}).node.cors, std::vector<std::string>{});
}

TEST(server_options, timing_is_checked_as_etcd_does) {
  EXPECT_EQ(refusal({"--election-timeout=300"}),
            "--election-timeout[300ms] should be at least as 5 "
            "times as --heartbeat-interval[100ms]");
  EXPECT_EQ(refusal({"--election-timeout=50001"}),
            "--election-timeout[50001ms] is too long, and should be set less than 50000ms");
  EXPECT_EQ(refusal({"--heartbeat-interval=0"}), "--heartbeat-interval must be >0 (set to 0ms)");
  EXPECT_EQ(refusal({"--election-timeout=0"}), "--election-timeout must be >0 (set to 0ms)");
  EXPECT_EQ(refusal({"--heartbeat-interval=18446744073709551615"}),
            "--election-timeout[1000ms] should be at least as 5 times as "
            "--heartbeat-interval[18446744073709551615ms]");
  EXPECT_EQ(read({"--election-timeout=50000", "--heartbeat-interval=10000"}).exit_code, 0);
}

TEST(server_options, the_founding_cluster_is_this_member) {
  EXPECT_EQ(accept({"--name=n"}).initial_cluster, "n=http://localhost:2380");
  auto two_urls = accept({"--initial-advertise-peer-urls=http://a:1,http://b:1",
                          "--initial-cluster=default=http://b:1,default=http://a:1"});
  EXPECT_EQ(two_urls.node.advertise_peer_urls,
            (std::vector<std::string>{"http://a:1", "http://b:1"}));
  EXPECT_THAT(refusal({"--initial-cluster="}), HasSubstr("couldn't find local name \"default\""));
  EXPECT_EQ(refusal({"--initial-cluster=default"}), "empty URL given for \"default\"");
  EXPECT_EQ(refusal({"--initial-cluster=default=http://a:1"}),
            "--initial-cluster has http://a:1 but --initial-advertise-peer-urls is "
            "http://localhost:2380");
  EXPECT_EQ(refusal({"--initial-cluster-state=old"}), "unexpected clusterState \"old\"");
  EXPECT_TRUE(accept({"--initial-cluster-state=existing"}).join_existing);
}

TEST(server_options, several_members_may_found_a_cluster) {
  auto three =
    accept({"--initial-cluster=b=http://b:2,default=http://localhost:2380,b=http://b:1"});
  EXPECT_EQ(three.node.initial_cluster,
            (std::vector<founding_member>{{"b", {"http://b:1", "http://b:2"}},
                                          {"default", {"http://localhost:2380"}}}));
  EXPECT_EQ(three.initial_cluster, "b=http://b:1,b=http://b:2,default=http://localhost:2380");
  EXPECT_EQ(refusal({"--initial-cluster=default=http://localhost:2380,b=http://localhost:2380"}),
            "initial cluster default=http://localhost:2380,b=http://localhost:2380 has duplicate "
            "url http://localhost:2380");
}

TEST(server_options, quota_zero_is_the_default_and_negative_is_none) {
  EXPECT_EQ(accept({"--quota-backend-bytes=0"}).node.quota_bytes, 2147483648);
  EXPECT_EQ(accept({"--quota-backend-bytes=-5"}).node.quota_bytes, -5);
}

TEST(server_options, retention_counts_hours_spans_or_revisions) {
  EXPECT_EQ(accept({"--auto-compaction-retention=2"}).node.auto_compaction.period, 2h);
  EXPECT_EQ(accept({"--auto-compaction-retention=5m"}).node.auto_compaction.period, 5min);
  auto by_revision =
    accept({"--auto-compaction-mode=revision", "--auto-compaction-retention=1000"}).node;
  EXPECT_EQ(by_revision.auto_compaction.revisions, 1000);
  EXPECT_EQ(by_revision.auto_compaction.period, 0s);
  for (auto bad : {"-1", "-5m", "x", "99999999999"})
    refusal({"--auto-compaction-retention", bad});
  refusal({"--auto-compaction-mode=revision", "--auto-compaction-retention=5m"});
  EXPECT_EQ(refusal({"--auto-compaction-mode=daily"}), "unknown auto-compaction-mode \"daily\"");
}

TEST(server_options, limits_must_make_sense) {
  refusal({"--max-txn-ops=0"});
  refusal({"--max-txn-ops=4294967296"});
  refusal({"--max-request-bytes=0"});
  refusal({"--client-io-threads=0"});
  refusal({"--memory-budget-bytes=63M"});
  refusal({"--bcrypt-cost=3"});
  refusal({"--grpc-keepalive-timeout=-1s"});
  refusal({"--name="});
  EXPECT_EQ(refusal({"--compact-hash-check-time=0"}),
            "--compact-hash-check-time must be >0 (set to 0s)");
}

TEST(server_options, feature_gates_are_checked) {
  EXPECT_EQ(refusal({"--feature-gates=LeaseCheckpointPersist=true"}),
            "enabling feature gate LeaseCheckpointPersist requires enabling feature gate "
            "LeaseCheckpoint");
  EXPECT_EQ(refusal({"--feature-gates=LeaseChekpoint=true"}),
            "unrecognized feature gate: LeaseChekpoint; did you mean LeaseCheckpoint?");
  EXPECT_THAT(refusal({"--feature-gates=LeaseCheckpoint"}), HasSubstr("missing bool value"));
  EXPECT_THAT(refusal({"--feature-gates=LeaseCheckpoint=x"}), HasSubstr("invalid value"));
}

TEST(server_options, metrics_may_be_extensive) {
  EXPECT_FALSE(accept({"--name=n"}).node.extensive_metrics);
  EXPECT_TRUE(accept({"--name=n", "--metrics=extensive"}).node.extensive_metrics);
}

TEST(server_options, flags_without_effect_are_named_in_one_line_if_they_were_changed) {
  auto options = accept(
    {"--name=n", "--enable-pprof", "--wal-dir=/w", "--max-wals=5", "--snapshot-count=010000"});
  EXPECT_EQ(options.notices.size(), 1U);
  EXPECT_EQ(noted(options, "these flags have no effect", "flags"),
            (std::vector<std::string>{"enable-pprof", "wal-dir"}));
}

TEST(server_options, an_old_name_is_passed_on_with_a_warning) {
  auto options = accept({"--name=n", "--log-output=stdout"});
  EXPECT_EQ(options.log.outputs, std::vector<std::string>{"stdout"});
  EXPECT_EQ(noted(options, "these flags are deprecated; use their present names", "flags"),
            std::vector<std::string>{"log-output"});
  EXPECT_EQ(accept({"--log-output=stdout", "--log-outputs=stderr"}).log.outputs,
            std::vector<std::string>{"stderr"});
}

} // namespace
} // namespace troupe::options
