// Batches of reads, on the real store.

#include "actors/apply/alarms.hpp"
#include "actors/apply/downgrade.hpp"
#include "actors/read/read_core.hpp"
#include "storage/memory_engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace troupe::read {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

struct read_core_test : testing::Test {
  void put(const std::string& key, const std::string& value, lease_id lease = {}) {
    auto txn = store.begin();
    txn->put(key, value, lease, false);
    txn.reset();
    commit();
  }

  void commit() {
    store.commit({{1}, {++index}});
  }

  /// Takes all history below the newest revision away.
  void compact() {
    store.compact(store.revision());
    commit();
    store.remove_history(true);
  }

  read_call get(const std::string& key, std::int64_t revision = 0,
                time_point deadline = time_point::max()) {
    etcdserverpb::RangeRequest request;
    request.set_key(key);
    request.set_revision(revision);
    return {
      {.stream = ++stream}, rpc_method::kv_range, blob{request.SerializeAsString()}, deadline};
  }

  /// Lets `between` happen after each portion.
  void read(
    std::vector<read_call> calls, const std::function<void()>& between = [] {}) {
    core.on(read_batch{std::move(calls), {.term = {4}}, {index}}, now,
            [&](std::vector<rpc_answer>&& answers) {
              portions.push_back(std::move(answers));
              between();
            });
  }

  std::vector<std::size_t> portion_sizes() const {
    std::vector<std::size_t> sizes;
    for (const auto& portion : portions)
      sizes.push_back(portion.size());
    return sizes;
  }

  /// "value @revision" or the error of each answer, in order.
  std::vector<std::string> answers() const {
    std::vector<std::string> result;
    for (const auto& portion : portions)
      for (const auto& answer : portion) {
        etcdserverpb::RangeResponse response;
        EXPECT_TRUE(response.ParseFromString(std::string{answer.message.view()}));
        result.push_back(answer.error != errc::none
                           ? to_string(answer.error)
                           : response.kvs(0).value().substr(0, 5) + " @"
                               + std::to_string(response.header().revision()));
      }
    return result;
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  read_core core{store, engine, {.cluster = {9}, .member = {1}}};
  time_point now{1h};
  std::uint64_t index = 0;
  std::int32_t stream = 0;
  std::vector<std::vector<rpc_answer>> portions;
};

const std::string large(read_core::portion_bytes * 6 / 10, 'x');

TEST_F(read_core_test, many_large_answers_leave_in_portions) {
  put("a", large);
  read({get("a"), get("a"), get("a"), get("a"), get("a")});
  EXPECT_THAT(portion_sizes(), ElementsAre(2, 2, 1));
}

TEST_F(read_core_test, call_out_of_time_costs_no_read) {
  put("a", "old");
  read({get("a", 0, now), get("a", 0, now + 1ns)});
  EXPECT_THAT(answers(), ElementsAre("deadline exceeded", "old @2"));
}

TEST_F(read_core_test, newest_is_read_anew_when_a_compaction_takes_the_snapshot_away) {
  put("a", large);
  put("b", "old");
  bool done = false;
  read({get("a"), get("a"), get("b")}, [&] {
    if (std::exchange(done, true))
      return;
    put("b", "newer");
    put("b", "newest");
    compact();
  });
  EXPECT_THAT(answers(), ElementsAre("xxxxx @3", "xxxxx @3", "newes @5"))
    << "without the second look it would be refused, though it asks for what is there";
}

TEST_F(read_core_test, what_a_call_itself_names_stays_compacted) {
  put("a", large);
  put("b", "old");
  bool done = false;
  read({get("a"), get("a"), get("b", 3), get("b")}, [&] {
    if (std::exchange(done, true))
      return;
    put("b", "newer");
    put("b", "newest");
    compact();
  });
  EXPECT_THAT(answers(), ElementsAre("xxxxx @3", "xxxxx @3", "compacted", "newes @5"));
}

TEST_F(read_core_test, snapshot_of_before_is_good_while_nothing_is_taken_away) {
  put("a", large);
  put("b", "old");
  read({get("a"), get("a"), get("b")}, [&] { put("b", "newer"); });
  EXPECT_THAT(answers(), ElementsAre("xxxxx @3", "xxxxx @3", "old @3"));
}

TEST_F(read_core_test, keys_of_a_lease_complete_the_managers_answer) {
  put("a", "1", {5});
  put("b", "1", {6});
  put("c", "1", {5});
  etcdserverpb::LeaseTimeToLiveResponse begun;
  begun.set_id(5);
  begun.set_ttl(9);
  begun.set_grantedttl(10);
  read({{{.stream = 1}, rpc_method::lease_time_to_live, blob{begun.SerializeAsString()}}});
  etcdserverpb::LeaseTimeToLiveResponse answer;
  ASSERT_TRUE(answer.ParseFromString(std::string{portions.at(0).at(0).message.view()}));
  EXPECT_EQ(answer.ttl(), 9);
  EXPECT_EQ(answer.grantedttl(), 10);
  EXPECT_THAT(answer.keys(), UnorderedElementsAre("a", "c"));
  EXPECT_EQ(answer.header().revision(), 4);
  EXPECT_EQ(answer.header().raft_term(), 4u);
}

/// Hashes, slice by slice.
struct hash_test : read_core_test {
  read_call hash(std::int64_t revision = 0) {
    etcdserverpb::HashKVRequest request;
    request.set_revision(revision);
    return {
      {.stream = ++stream}, rpc_method::maintenance_hash_kv, blob{request.SerializeAsString()}};
  }

  std::vector<rpc_answer> hash_all() {
    std::vector<rpc_answer> all;
    while (core.hashing())
      for (auto& answer : core.hash_on(now))
        all.push_back(std::move(answer));
    return all;
  }

  etcdserverpb::HashKVResponse hashed(std::int64_t revision = 0) {
    read({hash(revision)});
    auto answers = hash_all();
    etcdserverpb::HashKVResponse response;
    EXPECT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers.at(0).error, errc::none);
    EXPECT_TRUE(response.ParseFromString(std::string{answers.at(0).message.view()}));
    return response;
  }

  errc failure(std::int64_t revision) {
    read({hash(revision)});
    return hash_all().at(0).error;
  }
};

TEST_F(hash_test, names_its_revisions) {
  put("a", "1");
  put("a", "2");
  auto newest = hashed();
  EXPECT_EQ(newest.hash_revision(), 3);
  EXPECT_EQ(newest.compact_revision(), -1);
  EXPECT_EQ(newest.header().revision(), 3);
  EXPECT_EQ(newest.header().member_id(), 1u);
  EXPECT_EQ(newest.header().raft_term(), 4u);
  auto older = hashed(2);
  EXPECT_EQ(older.hash_revision(), 2);
  EXPECT_EQ(older.header().revision(), 3);
  EXPECT_NE(older.hash(), newest.hash());
  EXPECT_EQ(hashed(3).hash(), newest.hash());
  EXPECT_EQ(failure(4), errc::future_revision);
}

TEST_F(hash_test, stays_the_same_whatever_was_compacted) {
  for (int i = 0; i < 10; ++i)
    put("k" + std::to_string(i % 3), std::to_string(i));
  auto before = hashed(8);
  compact();
  EXPECT_EQ(failure(8), errc::compacted);
  EXPECT_EQ(hashed(11).compact_revision(), 11);
  put("k0", "x");
  EXPECT_EQ(hashed(11).hash(), hashed(11).hash());
  EXPECT_NE(hashed(12).hash(), hashed(11).hash());
  EXPECT_NE(before.hash(), hashed(11).hash());
}

TEST_F(hash_test, leaves_others_their_turn_and_keeps_its_revision) {
  for (std::size_t i = 0; i < hash_queue::slice_records + 1; ++i) {
    auto txn = store.begin();
    txn->put("k" + std::to_string(i), "v", {}, false);
  }
  commit();
  read({hash(), get("k1")});
  EXPECT_THAT(answers(), ElementsAre("v @10002")) << "did not wait";
  auto revision = store.revision();
  EXPECT_TRUE(core.hash_on(now).empty());
  put("k1", "newer");
  compact();
  auto answer = hash_all();
  etcdserverpb::HashKVResponse response;
  ASSERT_TRUE(response.ParseFromString(std::string{answer.at(0).message.view()}));
  EXPECT_EQ(response.hash_revision(), revision);
}

TEST_F(hash_test, is_given_up_with_its_client_and_bounded) {
  put("a", "1");
  std::vector<read_call> calls;
  for (std::size_t i = 0; i < hash_queue::max_calls + 1; ++i)
    calls.push_back(hash());
  calls[1].deadline = now + 1ns;
  read(calls);
  ASSERT_EQ(portions.at(0).size(), 1u);
  EXPECT_EQ(portions[0][0].error, errc::too_many_requests);
  core.on(read_stream_event{calls[0].call, true}, now);
  now += 1ns;
  auto answers = hash_all();
  EXPECT_EQ(answers.size(), hash_queue::max_calls - 1);
  EXPECT_EQ(answers[0].error, errc::deadline_exceeded);
  EXPECT_EQ(answers[1].error, errc::none);
}

TEST_F(hash_test, finds_what_changed_by_itself) {
  auto counters = std::make_shared<metrics::node_counters>();
  core.count_in(metrics::meter{nullptr, counters});
  put("a", "1");
  auto before = hashed();
  EXPECT_EQ(counters->maintenance.damage_found.value(), 0u);
  std::string record;
  mvcc::encode_version({.create_revision = 2, .mod_revision = 2, .version = 1}, "2", record);
  auto batch = engine.make_batch();
  batch->put_version("a", 2, record);
  engine.write(*batch);
  EXPECT_NE(hashed().hash(), before.hash());
  EXPECT_EQ(counters->maintenance.damage_found.value(), 1u);
}

TEST_F(hash_test, whole_state_has_a_hash_of_its_own) {
  auto whole = [&] {
    read({{{.stream = ++stream}, rpc_method::maintenance_hash, {}}});
    etcdserverpb::HashResponse response;
    EXPECT_TRUE(response.ParseFromString(std::string{hash_all().at(0).message.view()}));
    EXPECT_EQ(response.header().revision(), store.revision());
    return response.hash();
  };
  put("a", "1");
  auto before = whole();
  EXPECT_EQ(before, whole());
  store.put(storage::family::auth, "name", "value");
  commit();
  EXPECT_NE(before, whole());
}

TEST_F(read_core_test, alarms_are_listed_and_told_by_status) {
  apply::alarm_table alarms{store};
  etcdserverpb::AlarmRequest request;
  etcdserverpb::AlarmResponse raised;
  request.set_action(etcdserverpb::AlarmRequest::ACTIVATE);
  for (auto [member, type] : {std::pair{5u, 2}, std::pair{0u, 1}, std::pair{5u, 9}}) {
    request.set_memberid(member);
    request.set_alarm(static_cast<etcdserverpb::AlarmType>(type));
    alarms.apply(request, raised);
  }
  commit();
  auto listed = [&](etcdserverpb::AlarmType type) {
    etcdserverpb::AlarmRequest get;
    get.set_alarm(type);
    portions.clear();
    read({{{.stream = 1}, rpc_method::maintenance_alarm, blob{get.SerializeAsString()}}});
    etcdserverpb::AlarmResponse response;
    EXPECT_TRUE(response.ParseFromString(std::string{portions.at(0).at(0).message.view()}));
    response.clear_header();
    return response.ShortDebugString();
  };
  EXPECT_EQ(listed(etcdserverpb::NONE), "alarms { alarm: NOSPACE } alarms { memberID: 5 alarm: "
                                        "CORRUPT } alarms { memberID: 5 alarm: 9 }");
  EXPECT_EQ(listed(etcdserverpb::CORRUPT), "alarms { memberID: 5 alarm: CORRUPT }");
  portions.clear();
  read({{{.stream = 1}, rpc_method::maintenance_status, {}}});
  etcdserverpb::StatusResponse status;
  ASSERT_TRUE(status.ParseFromString(std::string{portions.at(0).at(0).message.view()}));
  EXPECT_THAT(status.errors(), ElementsAre("etcdserver: no leader", "alarm:NOSPACE ",
                                           "memberID:5 alarm:CORRUPT ", "memberID:5 alarm:9 "));
  EXPECT_GT(status.dbsize(), 0) << "also before the first flush";
  EXPECT_GT(status.dbsizeinuse(), 0);
  EXPECT_TRUE(status.has_downgradeinfo());
  EXPECT_FALSE(status.downgradeinfo().enabled());
}

TEST_F(read_core_test, status_tells_a_learner) {
  for (auto role : {raft_role::follower, raft_role::learner}) {
    core.on(read_batch{{{{.stream = 1}, rpc_method::maintenance_status, {}}}, {.role = role}, {}},
            now, [&](std::vector<rpc_answer>&& answers) {
              etcdserverpb::StatusResponse status;
              ASSERT_TRUE(status.ParseFromString(std::string{answers.at(0).message.view()}));
              EXPECT_EQ(status.islearner(), role == raft_role::learner);
            });
  }
}

TEST_F(read_core_test, downgrade_under_way_is_shown_and_refuses_the_next) {
  auto validate = [&] {
    portions.clear();
    read({{{.stream = 1}, rpc_method::maintenance_downgrade, {}}});
    return portions.at(0).at(0).error;
  };
  EXPECT_EQ(validate(), errc::none);
  etcdserverpb::DowngradeRequest enable;
  etcdserverpb::DowngradeResponse done;
  enable.set_action(etcdserverpb::DowngradeRequest::ENABLE);
  ASSERT_EQ(apply::apply(store, enable, done), errc::none);
  commit();
  EXPECT_EQ(validate(), errc::downgrade_in_progress);
  portions.clear();
  read({{{.stream = 1}, rpc_method::maintenance_status, {}}});
  etcdserverpb::StatusResponse status;
  ASSERT_TRUE(status.ParseFromString(std::string{portions.at(0).at(0).message.view()}));
  EXPECT_TRUE(status.downgradeinfo().enabled());
  EXPECT_EQ(status.downgradeinfo().targetversion(), "3.5.0");
}

} // namespace
} // namespace troupe::read
