#include "actors/metrics/rpc_counters.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

namespace troupe::metrics {
namespace {

using namespace std::chrono_literals;

TEST(rpc_counters_test, every_method_has_counters) {
  EXPECT_EQ(rpc_shapes().size(), rpc_method_count);
}

TEST(rpc_counters_test, known_versions_have_a_place_of_their_own) {
  std::set<std::size_t> places{api_versions::absent, api_versions::other};
  for (std::size_t minor = 0; minor < api_versions::minors; ++minor)
    places.insert(api_versions::index_of("3." + std::to_string(minor)));
  EXPECT_EQ(places.size(), api_versions::count);
  EXPECT_EQ(*places.rbegin(), api_versions::count - 1);
}

/// Checklist 118: what a client sends never becomes a label.
TEST(rpc_counters_test, made_up_versions_share_one_place) {
  for (const char* version : {"3", "3.", "3.32", "3.99", "3.100", "3.05", "3.-1", "3.5.1", "2.3",
                              "4.0", "3.x", "\"}\nup 1", "\xff\xfe"})
    EXPECT_EQ(api_versions::index_of(version), api_versions::other) << version;
  EXPECT_EQ(api_versions::index_of(std::string(1 << 20, '3')), api_versions::other);
  EXPECT_EQ(api_versions::index_of(""), api_versions::absent);
}

TEST(rpc_counters_test, a_call_is_counted_where_it_belongs) {
  rpc_counters x;
  x.started(rpc_method::kv_put, "3.5");
  x.received(rpc_method::kv_put);
  x.sent(rpc_method::kv_put);
  x.handled(rpc_method::kv_put, 11, 1ms);
  const auto& put = x.of(rpc_method::kv_put);
  EXPECT_EQ(put.started.value(), 1u);
  EXPECT_EQ(put.received.value(), 1u);
  EXPECT_EQ(put.sent.value(), 1u);
  EXPECT_EQ(put.handled[11].value(), 1u);
  EXPECT_EQ(put.handled[0].value(), 0u);
  EXPECT_EQ(x.of(rpc_method::kv_range).started.value(), 0u);
  EXPECT_EQ(x.requests(false, api_versions::index_of("3.5")), 1u);
  EXPECT_EQ(x.requests(true, api_versions::index_of("3.5")), 0u);
}

TEST(rpc_counters_test, calls_with_several_messages_count_as_streams) {
  rpc_counters x;
  x.started(rpc_method::watch_watch, "");
  x.started(rpc_method::kv_range_stream, "");
  EXPECT_EQ(x.requests(true, api_versions::absent), 2u);
}

TEST(rpc_counters_test, durations_are_kept_only_if_asked_for) {
  rpc_counters basic;
  basic.handled(rpc_method::kv_put, 0, 7ms);
  EXPECT_EQ(basic.duration_of(rpc_method::kv_put), nullptr);
  rpc_counters extensive{true};
  extensive.handled(rpc_method::kv_put, 0, 7ms);
  ASSERT_NE(extensive.duration_of(rpc_method::kv_put), nullptr);
  EXPECT_EQ(extensive.duration_of(rpc_method::kv_put)->in_bucket(1), 1u);
}

} // namespace
} // namespace troupe::metrics
