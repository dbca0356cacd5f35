// Alarms, the quota and downgrades, as the log does them.
#include "actors/apply/apply_core.hpp"
#include "messages/command.hpp"
#include "messages/proto/record.pb.h"
#include "storage/memory_engine.hpp"
#include "test/support/text_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace troupe::apply {
namespace {

using namespace std::chrono_literals;
using etcdserverpb::AlarmRequest;
using etcdserverpb::AlarmResponse;
using etcdserverpb::CompactionRequest;
using etcdserverpb::DeleteRangeRequest;
using etcdserverpb::DowngradeRequest;
using etcdserverpb::DowngradeResponse;
using etcdserverpb::LeaseGrantRequest;
using etcdserverpb::LeaseRevokeRequest;
using etcdserverpb::PutRequest;
using etcdserverpb::TxnRequest;
using test::parse;

constexpr apply_identity us{{11}, {7}, {3}};
constexpr std::uint64_t quota = 1'000'000;

const char* const raise_space = "action: ACTIVATE memberID: 7 alarm: NOSPACE";
const char* const clear_space = "action: DEACTIVATE memberID: 7 alarm: NOSPACE";
const char* const raise_corrupt = "action: ACTIVATE memberID: 9 alarm: CORRUPT";

struct maintenance_test : testing::Test {
  maintenance_test() {
    start();
  }

  /// @param last index of the log.
  void start(std::uint64_t last = 0) {
    core =
      std::make_unique<apply_core>(store, us, auto_compaction{{}, {}},
                                   space_quota{.bytes = quota, .used = [this] { return used; }});
    core->on(
      raft_status{.role = raft_role::leader, .term = {2}, .leader = us.member, .last = {last}});
    core->count_in(metrics::meter{}, 1h);
  }

  /// Applies one command of a client that waits. @returns its answer.
  template <class Request>
  rpc_answer run(command_kind kind, const std::string& text) {
    return run(kind, parse<Request>(text).SerializeAsString());
  }

  rpc_answer run(command_kind kind, const std::string& body) {
    ++index;
    core->await({{{index, {}, time_point::max()}}});
    out = {};
    core->apply(std::vector<entry>{{.id = {{2}, {index}},
                                    .kind = entry_kind::command,
                                    .origin = {us.member, us.boot, index},
                                    .payload = encode_command(kind, body)}},
                out);
    return out.answers.empty() ? out.when_removed.at(0) : out.answers.at(0);
  }

  errc verdict(command_kind kind) {
    switch (kind) {
    case command_kind::put:
      return run<PutRequest>(kind, "key: 'a'").error;
    case command_kind::delete_range:
      return run<DeleteRangeRequest>(kind, "key: 'a'").error;
    case command_kind::compact:
      return run<CompactionRequest>(kind, "revision: " + std::to_string(store.revision())).error;
    case command_kind::lease_grant:
      return run<LeaseGrantRequest>(kind, "ID: " + std::to_string(++lease) + " TTL: 9").error;
    case command_kind::lease_revoke:
      return run<LeaseRevokeRequest>(kind, "ID: " + std::to_string(lease)).error;
    default:
      ADD_FAILURE();
      return errc::internal;
    }
  }

  errc txn(const std::string& text) {
    return run<TxnRequest>(command_kind::txn, text).error;
  }

  std::string alarm(const std::string& text) {
    auto answer = run<AlarmRequest>(command_kind::alarm, text);
    AlarmResponse response;
    EXPECT_TRUE(response.ParseFromString(std::string{answer.message.view()}));
    EXPECT_EQ(response.header().member_id(), us.member.value);
    EXPECT_EQ(response.header().revision(), store.revision());
    response.clear_header();
    return response.ShortDebugString();
  }

  /// The store takes `bytes`; what is proposed then is applied.
  void grow_to(std::uint64_t bytes) {
    run<DeleteRangeRequest>(command_kind::delete_range, "key: 'nothing'");
    used = bytes;
    tick();
    for (const auto& wanted : apply_output{std::move(out)}.to_propose) {
      auto command = decode_command(wanted.payload);
      run(command->kind, std::string{command->body.view()});
    }
  }

  void tick() {
    now += 100ms;
    out = {};
    core->on_tick(now, out);
  }

  bool full() const {
    return core->progress().alarms.no_space;
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  std::unique_ptr<apply_core> core;
  std::uint64_t used = 0;
  std::uint64_t index = 0;
  std::int64_t lease = 1;
  time_point now{1h};
  apply_output out;
};

TEST_F(maintenance_test, alarm_is_raised_once_and_taken_back_once) {
  EXPECT_EQ(alarm("action: ACTIVATE alarm: NONE"), "");
  EXPECT_FALSE(out.alarms_changed);
  EXPECT_EQ(alarm(raise_space), "alarms { memberID: 7 alarm: NOSPACE }");
  EXPECT_TRUE(out.alarms_changed);
  EXPECT_EQ(alarm(raise_space), "alarms { memberID: 7 alarm: NOSPACE }");
  EXPECT_FALSE(out.alarms_changed);
  EXPECT_EQ(alarm("action: ACTIVATE memberID: 3 alarm: NOSPACE"),
            "alarms { memberID: 3 alarm: NOSPACE }");
  EXPECT_EQ(alarm(clear_space), "alarms { memberID: 7 alarm: NOSPACE }");
  EXPECT_TRUE(full()) << "that of member 3 is left";
  EXPECT_EQ(alarm(clear_space), "");
  EXPECT_EQ(alarm("action: DEACTIVATE memberID: 3 alarm: NOSPACE"),
            "alarms { memberID: 3 alarm: NOSPACE }");
  EXPECT_FALSE(full());
  EXPECT_EQ(store.revision(), 1);
}

TEST_F(maintenance_test, no_space_keeps_out_what_grows_and_nothing_else) {
  lease = 5;
  ASSERT_EQ(run<LeaseGrantRequest>(command_kind::lease_grant, "ID: 5 TTL: 9").error, errc::none);
  ASSERT_EQ(verdict(command_kind::put), errc::none);
  alarm(raise_space);
  EXPECT_TRUE(out.make_room);
  auto revision = store.revision();
  EXPECT_EQ(verdict(command_kind::put), errc::no_space);
  EXPECT_EQ(txn("success { request_put { key: 'b' } }"), errc::no_space);
  EXPECT_EQ(txn("failure { request_put { key: 'b' } }"), errc::no_space) << "whichever way it goes";
  EXPECT_EQ(txn("success { request_txn { success { request_put { key: 'b' } } } }"),
            errc::no_space);
  EXPECT_EQ(store.revision(), revision);
  EXPECT_EQ(verdict(command_kind::lease_grant), errc::no_space);
  --lease;
  EXPECT_EQ(
    txn("success { request_range { key: 'a' } } success { request_delete_range { key: 'x' } }"),
    errc::none);
  EXPECT_EQ(verdict(command_kind::delete_range), errc::none);
  EXPECT_EQ(verdict(command_kind::lease_revoke), errc::none);
  EXPECT_EQ(verdict(command_kind::compact), errc::none);
  EXPECT_TRUE(out.make_room) << "all of it, now";
  alarm(clear_space);
  EXPECT_EQ(verdict(command_kind::put), errc::none);
}

TEST_F(maintenance_test, corrupt_keeps_every_write_out) {
  lease = 5;
  ASSERT_EQ(run<LeaseGrantRequest>(command_kind::lease_grant, "ID: 5 TTL: 9").error, errc::none);
  ASSERT_EQ(run<PutRequest>(command_kind::put, "key: 'a' lease: 5").error, errc::none);
  alarm(raise_corrupt);
  alarm(raise_space);
  auto revision = store.revision();
  for (auto kind : {command_kind::put, command_kind::delete_range, command_kind::compact,
                    command_kind::lease_revoke, command_kind::lease_grant})
    EXPECT_EQ(verdict(kind), errc::corrupt);
  EXPECT_EQ(txn("success { request_delete_range { key: 'a' } }"), errc::corrupt);
  record::LeaseExpiry expiry;
  expiry.set_term(2);
  auto& expired = *expiry.add_leases();
  expired.set_id(5);
  expired.set_granted_at(1);
  EXPECT_EQ(run(command_kind::lease_expiry, expiry.SerializeAsString()).error, errc::corrupt);
  EXPECT_EQ(store.revision(), revision);
  EXPECT_EQ(run<DowngradeRequest>(command_kind::downgrade, "action: ENABLE").error, errc::none);
  alarm("action: DEACTIVATE memberID: 9 alarm: CORRUPT");
  EXPECT_EQ(verdict(command_kind::delete_range), errc::none);
  EXPECT_EQ(verdict(command_kind::put), errc::no_space) << "the other alarm is still there";
}

TEST_F(maintenance_test, alarms_outlive_a_restart) {
  alarm(raise_space);
  alarm("action: ACTIVATE memberID: 9 alarm: 7");
  start();
  EXPECT_EQ(core->progress().alarms, (raised_alarms{.no_space = true, .other = true}));
  EXPECT_EQ(verdict(command_kind::put), errc::no_space);
  EXPECT_EQ(stored_alarms(engine.latest()).size(), 2u);
}

TEST_F(maintenance_test, full_quota_raises_and_room_takes_back) {
  grow_to(quota - 1);
  EXPECT_FALSE(full());
  grow_to(quota);
  EXPECT_TRUE(full());
  EXPECT_TRUE(out.make_room);
  EXPECT_EQ(verdict(command_kind::put), errc::no_space);
  grow_to(quota - quota / 20);
  EXPECT_TRUE(full()) << "not for a moment's room";
  grow_to(quota / 2);
  EXPECT_FALSE(full());
  EXPECT_EQ(verdict(command_kind::put), errc::none);
  grow_to(quota + 5);
  EXPECT_TRUE(full());
}

TEST_F(maintenance_test, full_quota_is_known_after_a_restart) {
  grow_to(quota);
  start();
  grow_to(0);
  EXPECT_FALSE(full());
}

TEST_F(maintenance_test, replay_of_the_log_makes_no_room) {
  grow_to(quota);
  start(index + 2);
  grow_to(0);
  EXPECT_TRUE(full()) << "the rest of the log will fill it again";
  grow_to(0);
  EXPECT_FALSE(full());
}

TEST_F(maintenance_test, large_writes_do_not_wait_for_a_tick) {
  used = quota;
  run<PutRequest>(command_kind::put, "key: 'a'");
  EXPECT_TRUE(out.to_propose.empty());
  PutRequest large;
  large.set_key("b");
  large.set_value(std::string(1 << 20, 'x'));
  run(command_kind::put, large.SerializeAsString());
  EXPECT_EQ(out.to_propose.size(), 1u);
}

TEST_F(maintenance_test, room_takes_no_alarm_of_a_client_back) {
  alarm(raise_space);
  grow_to(0);
  EXPECT_TRUE(full());
  alarm(clear_space);
  EXPECT_FALSE(full());
}

TEST_F(maintenance_test, who_disarms_a_full_store_gets_some_room) {
  grow_to(quota);
  alarm(clear_space);
  grow_to(quota + quota / 32);
  EXPECT_FALSE(full());
  grow_to(quota + quota / 16);
  EXPECT_TRUE(full()) << "not without bound";
  alarm(clear_space);
  grow_to(0);
  grow_to(quota);
  EXPECT_TRUE(full()) << "once it was small the quota counts again";
}

TEST_F(maintenance_test, quota_alarm_of_another_member_counts_here) {
  record::QuotaAlarm theirs;
  theirs.set_member_id(9);
  theirs.set_full(true);
  run(command_kind::quota_alarm, theirs.SerializeAsString());
  EXPECT_TRUE(full());
  grow_to(0);
  EXPECT_TRUE(full()) << "its own affair";
  theirs.set_full(false);
  run(command_kind::quota_alarm, theirs.SerializeAsString());
  EXPECT_FALSE(full());
}

TEST(space_guard, says_it_again_only_when_it_was_not_heard) {
  using alarm = alarm_table::space_alarm;
  space_guard guard{100};
  time_point now{1h};
  EXPECT_EQ(guard.look(100, alarm::none, now), true);
  EXPECT_EQ(guard.look(101, alarm::none, now + 1s), std::nullopt);
  EXPECT_EQ(guard.look(101, alarm::none, now + 2s), true);
  EXPECT_EQ(guard.look(101, alarm::by_quota, now + 3s), std::nullopt);
  EXPECT_EQ(guard.look(50, alarm::by_quota, now + 3s), false) << "the opposite is news";
  EXPECT_EQ(guard.look(500, alarm::by_client, now + 4s), std::nullopt);
}

TEST(space_guard, without_a_quota_only_takes_back) {
  using alarm = alarm_table::space_alarm;
  space_guard guard{-1};
  EXPECT_EQ(guard.look(UINT64_MAX, alarm::none, {}), std::nullopt);
  EXPECT_EQ(guard.look(UINT64_MAX, alarm::by_quota, {}), false) << "an earlier start had one";
}

TEST_F(maintenance_test, downgrade_is_enabled_and_cancelled_once) {
  auto enable = [&] { return run<DowngradeRequest>(command_kind::downgrade, "action: ENABLE"); };
  auto cancel = [&] { return run<DowngradeRequest>(command_kind::downgrade, "action: CANCEL"); };
  EXPECT_EQ(cancel().error, errc::no_downgrade_in_progress);
  auto answer = enable();
  DowngradeResponse response;
  ASSERT_TRUE(response.ParseFromString(std::string{answer.message.view()}));
  EXPECT_EQ(response.version(), "3.6");
  EXPECT_EQ(response.header().member_id(), us.member.value);
  EXPECT_EQ(enable().error, errc::downgrade_in_progress);
  EXPECT_EQ(cancel().error, errc::none);
  EXPECT_EQ(cancel().error, errc::no_downgrade_in_progress);
}

} // namespace
} // namespace troupe::apply
