// Batches of reads, on the real store.

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

} // namespace
} // namespace troupe::read
