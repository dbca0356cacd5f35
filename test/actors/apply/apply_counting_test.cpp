#include "actors/apply/apply_core.hpp"
#include "storage/memory_engine.hpp"

#include <gtest/gtest.h>

namespace troupe::apply {
namespace {

using namespace std::chrono_literals;

constexpr apply_identity us{{1}, {2}, {3}};

/// Moves on by a millisecond each time it is looked at.
struct stepping_clock : clock {
  time_point now() const override {
    return at += 1ms;
  }

  std::int64_t unix_seconds() const override {
    return 0;
  }

  mutable time_point at{};
};

struct apply_counting_test : testing::Test {
  apply_counting_test() {
    core.count_in({std::make_shared<stepping_clock>(), counters}, 500us);
  }

  /// Applies one entry, for which a client waits.
  void apply(command_kind kind, const google::protobuf::MessageLite& request) {
    ++index;
    core.await({{{.counter = index, .call = {}, .deadline = time_point{10s}}}});
    apply_output out;
    core.apply(std::vector<entry>{{.id = {{1}, {index}},
                                   .origin = {us.member, us.boot, index},
                                   .payload = encode_command(kind, request.SerializeAsString())}},
               out);
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "/state"};
  mvcc::store store{engine};
  apply_core core{store, us, auto_compaction{{}, {}}};
  std::shared_ptr<metrics::node_counters> counters = std::make_shared<metrics::node_counters>();
  metrics::apply_counters& seen = counters->apply;
  std::uint64_t index = 0;
};

etcdserverpb::PutRequest put(std::string key, std::string value) {
  etcdserverpb::PutRequest request;
  request.set_key(std::move(key));
  request.set_value(std::move(value));
  return request;
}

std::uint64_t samples(const metrics::operation_histogram& of) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i <= metrics::operation_histogram::bounds::count; ++i)
    result += of.in_bucket(i);
  return result;
}

TEST_F(apply_counting_test, a_put_is_counted_and_timed) {
  apply(command_kind::put, put("key", "value"));
  EXPECT_EQ(seen.puts.value(), 1u);
  EXPECT_EQ(seen.put_bytes.value(), 8u);
  EXPECT_EQ(seen.txns.value(), 0u);
  EXPECT_EQ(seen.applied_index.value(), 1);
  const auto& durations = seen.durations[static_cast<std::size_t>(metrics::apply_op::put)];
  EXPECT_EQ(samples(durations[1]), 1u);
  EXPECT_EQ(durations[1].sum(), 1'000'000u);
  EXPECT_EQ(samples(durations[0]), 0u);
  EXPECT_EQ(seen.commit_duration.sum(), 1'000'000u);
  EXPECT_EQ(seen.batch_entries.in_bucket(0), 1u);
  EXPECT_EQ(seen.slow_applies.value(), 1u) << "a millisecond is more than the bound";
}

TEST_F(apply_counting_test, a_failed_put_is_timed_as_failed_and_puts_nothing) {
  auto request = put("missing", "");
  request.set_ignore_value(true);
  apply(command_kind::put, request);
  EXPECT_EQ(seen.puts.value(), 0u);
  const auto& durations = seen.durations[static_cast<std::size_t>(metrics::apply_op::put)];
  EXPECT_EQ(samples(durations[0]), 1u);
  EXPECT_EQ(samples(durations[1]), 0u);
}

TEST_F(apply_counting_test, what_does_several_things_is_a_transaction) {
  etcdserverpb::TxnRequest request;
  *request.add_success()->mutable_request_put() = put("a", "1");
  apply(command_kind::txn, request);
  EXPECT_EQ(seen.txns.value(), 0u);
  request.add_success()->mutable_request_range()->set_key("a");
  *request.add_success()->mutable_request_put() = put("b", "1");
  apply(command_kind::txn, request);
  EXPECT_EQ(seen.txns.value(), 1u);
  EXPECT_EQ(seen.puts.value(), 3u);
  EXPECT_EQ(seen.ranges.value(), 1u);
}

TEST_F(apply_counting_test, proposals_wait_until_applied_refused_or_out_of_time) {
  core.await({{{.counter = 90, .call = {}, .deadline = time_point{20s}},
               {.counter = 91, .call = {}, .deadline = time_point{20s}},
               {.counter = 92, .call = {}, .deadline = time_point{20s}}}});
  apply_output out;
  core.on_tick(time_point{1s}, out);
  EXPECT_EQ(seen.proposals_pending.value(), 3);
  core.refuse({{90}, errc::not_leader}, out);
  EXPECT_EQ(seen.proposals_failed.value(), 1u);
  core.on_tick(time_point{20s}, out);
  EXPECT_EQ(seen.proposals_failed.value(), 3u);
  EXPECT_EQ(seen.proposals_pending.value(), 0);
}

} // namespace
} // namespace troupe::apply
