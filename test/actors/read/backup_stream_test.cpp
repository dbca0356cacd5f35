// Maintenance.Snapshot: the parts in a row are a backup, told as etcd's protocol has it.
#include "actors/read/read_core.hpp"
#include "storage/memory_engine.hpp"
#include "test/storage/backup_file.hpp"

#include <gtest/gtest.h>

namespace troupe::read {
namespace {

using namespace std::chrono_literals;

struct backup_stream_test : testing::Test {
  void fill(int keys, std::size_t value_bytes) {
    for (int i = 0; i < keys; ++i) {
      auto txn = store.begin();
      txn->put("k" + std::to_string(i), std::string(value_bytes, 'v'), {}, false);
      txn.reset();
      store.commit({{1}, {++index}});
    }
  }

  void compact() {
    store.compact(store.revision());
    store.commit({{1}, {++index}});
  }

  std::vector<rpc_answer> start(call_id call) {
    std::vector<rpc_answer> all;
    read_batch batch{
      {{call, rpc_method::maintenance_snapshot, {}, time_point::max()}}, {}, {index}};
    core.on(
      batch, now,
      [&](std::vector<rpc_answer>&& answers) {
        all.insert(all.end(), answers.begin(), answers.end());
      },
      1'700'000'000);
    return all;
  }

  rpc_answer more(call_id call, bool cancelled = false) {
    auto answers = core.on(read_stream_event{call, cancelled}, now);
    return answers.empty() ? rpc_answer{} : answers.front();
  }

  static etcdserverpb::SnapshotResponse message(const rpc_answer& answer) {
    etcdserverpb::SnapshotResponse response;
    EXPECT_TRUE(answer.has_message);
    EXPECT_TRUE(response.ParseFromString(std::string{answer.message.view()}));
    return response;
  }

  std::vector<etcdserverpb::SnapshotResponse> whole(call_id call) {
    auto answer = start(call).at(0);
    std::vector<etcdserverpb::SnapshotResponse> all{message(answer)};
    while (!answer.ends)
      all.push_back(message(answer = more(call)));
    return all;
  }

  storage::memory_disk disk;
  storage::memory_engine engine{disk, "state"};
  mvcc::store store{engine};
  read_core core{store, engine, {.cluster = {9}, .member = {1}}};
  time_point now{1h};
  std::uint64_t index = 0;
};

TEST_F(backup_stream_test, parts_are_a_backup_and_its_digest) {
  fill(40, 100'000);
  const auto parts = whole({.stream = 1});
  EXPECT_GT(parts.size(), 5u);
  std::string file;
  for (const auto& part : parts) {
    EXPECT_EQ(part.version(), "3.6.0");
    EXPECT_FALSE(part.has_header());
    EXPECT_LT(part.blob().size(), read_core::stream_part_bytes + (std::size_t{300} << 10));
    file += part.blob();
  }
  EXPECT_EQ(parts.back().blob().size(), 32u) << "the digest is a message of its own";
  EXPECT_EQ(file.size() % 512, 32u);
  EXPECT_EQ(backup::verify(file).all_records(), 40u);
  backup::backup_reader reader{"the file", backup::source_of(file)};
  EXPECT_EQ(reader.about(), (backup::description{{9}, {1}, 41, -1, {{1}, {40}}, 1'700'000'000}));
}

TEST_F(backup_stream_test, remaining_bytes_fall_to_zero_with_the_last_part) {
  for (const auto value_bytes : {std::size_t{100}, std::size_t{200'000}}) {
    fill(30, value_bytes);
    const auto parts = whole({.stream = 1});
    for (std::size_t i = 1; i < parts.size(); ++i)
      EXPECT_LE(parts[i].remaining_bytes(), parts[i - 1].remaining_bytes());
    for (std::size_t i = 0; i + 2 < parts.size(); ++i)
      EXPECT_GT(parts[i].remaining_bytes(), 0u);
    EXPECT_EQ(parts[parts.size() - 2].remaining_bytes(), 0u);
  }
}

TEST_F(backup_stream_test, compaction_does_not_cut_it_off) {
  fill(30, 100'000);
  auto answer = start({.stream = 1}).at(0);
  auto file = message(answer).blob();
  compact();
  store.remove_history(true);
  while (!answer.ends)
    file += message(answer = more({.stream = 1})).blob();
  EXPECT_EQ(backup::verify(file).all_records(), 30u);
  EXPECT_TRUE(store.history_to_remove()) << "now nobody holds on to it";
}

TEST_F(backup_stream_test, client_that_goes_lets_go_of_the_history) {
  fill(30, 100'000);
  start({.stream = 1});
  compact();
  EXPECT_FALSE(store.history_to_remove());
  EXPECT_FALSE(more({.stream = 1}, true).ends);
  EXPECT_TRUE(store.history_to_remove());
  EXPECT_FALSE(more({.stream = 1}).has_message) << "it is forgotten";
}

TEST_F(backup_stream_test, client_that_takes_nothing_is_given_up) {
  fill(30, 100'000);
  start({.stream = 1});
  start({.stream = 2});
  now += read_core::backup_patience - 1ns;
  EXPECT_TRUE(core.on_tick(now).empty());
  more({.stream = 2});
  now += 1ns;
  const auto given_up = core.on_tick(now);
  ASSERT_EQ(given_up.size(), 1u);
  EXPECT_EQ(given_up[0].call, (call_id{.stream = 1}));
  EXPECT_EQ(given_up[0].error, errc::timeout);
  EXPECT_TRUE(given_up[0].ends);
  EXPECT_TRUE(more({.stream = 2}).has_message);
}

TEST_F(backup_stream_test, more_backups_than_there_may_be_are_refused) {
  fill(30, 100'000);
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(read_core::max_backups); ++i)
    EXPECT_EQ(start({.stream = i + 1}).at(0).error, errc::none);
  EXPECT_EQ(start({.stream = 99}).at(0).error, errc::too_many_requests);
  more({.stream = 1}, true);
  EXPECT_EQ(start({.stream = 99}).at(0).error, errc::none);
}

} // namespace
} // namespace troupe::read
