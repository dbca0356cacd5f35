#include "actors/raft/member.hpp"
#include "actors/sim/simulated_disk.hpp"
#include "actors/storage/storage_actor.hpp"
#include "test/support/actor_fixture.hpp"
#include "test/support/recorder.hpp"

#include <gmock/gmock.h>

namespace troupe::storage {

namespace {

using ::testing::ElementsAre;

constexpr member_id us{1};
constexpr std::uint64_t segment = 256 * block_bytes;

class storage_actor_test : public test::actor_fixture {
protected:
  storage_actor_test() {
    disk.make_directory("/data");
    log = open_log();
    storage =
      own(spawn_storage(system, {.log = log, .member = own(member.actor), .detached = false}));
    run();
  }

  std::shared_ptr<raft_log> open_log() {
    auto found = raft_log::open(
      disk, "/data/log",
      {.cluster = {9}, .member = us, .salt = 5, .segment_bytes = segment, .fill_bytes = segment});
    // A whole segment filled with zeros: from here on each write is one sync.
    found.log->prepare_ahead();
    return std::move(found.log);
  }

  void send_batch(std::uint64_t number, std::uint64_t index) {
    send(storage, persist{.state = hard_state{.term = {1}, .voted_for = us, .boot = {1}},
                          .entries = {{.id = {{1}, {index}}, .payload = blob{"x"}}},
                          .batch = number});
  }

  std::vector<std::uint64_t> answered() {
    std::vector<std::uint64_t> result;
    for (const auto& done : member.all<persisted>())
      result.push_back(done.batch);
    return result;
  }

  sim::simulated_disk disk{1};
  std::shared_ptr<raft_log> log;
  test::recorder<persisted> member{system};
  storage_actor storage;
};

TEST_F(storage_actor_test, batches_that_wait_share_one_write_and_one_sync) {
  const auto before = disk.syncs();
  for (std::uint64_t i = 1; i <= 20; ++i)
    send_batch(i, i);
  run();
  EXPECT_EQ(disk.syncs(), before + 1);
  ASSERT_THAT(answered(), ElementsAre(20u));
  EXPECT_EQ(member.all<persisted>()[0].last, (entry_id{{1}, {20}}));
}

TEST_F(storage_actor_test, nothing_is_answered_before_the_sync) {
  const auto before = disk.syncs();
  send_batch(1, 1);
  step(storage);
  EXPECT_EQ(disk.syncs(), before);
  EXPECT_THAT(answered(), ElementsAre());
  run();
  EXPECT_EQ(disk.syncs(), before + 1);
  EXPECT_THAT(answered(), ElementsAre(1u));
}

TEST_F(storage_actor_test, what_comes_during_a_write_goes_into_the_next) {
  send_batch(1, 1);
  step(storage);
  send_batch(2, 2);
  step(storage); // its reminder, which was queued before the second batch
  send_batch(3, 3);
  run();
  EXPECT_THAT(answered(), ElementsAre(1u, 3u));
}

TEST_F(storage_actor_test, what_was_answered_survives_a_power_cut) {
  for (std::uint64_t i = 1; i <= 3; ++i) {
    send_batch(i, i);
    run();
  }
  disk.crash();
  auto found = raft_log::open(disk, "/data/log", {.cluster = {9}, .member = us});
  ASSERT_EQ(found.entries.size(), 3u);
  EXPECT_EQ(found.entries[2].id, (entry_id{{1}, {3}}));
  EXPECT_EQ(found.state.voted_for, us);
}

TEST_F(storage_actor_test, closes_the_last_batch_once_when_idle) {
  auto pass = [&](int milliseconds) {
    sched.advance_time(std::chrono::milliseconds{milliseconds});
    run();
  };
  send_batch(1, 1);
  run();
  pass(10);
  send_batch(2, 2);
  run();
  const auto before = disk.syncs();
  pass(10);
  EXPECT_EQ(disk.syncs(), before) << "the second write was only just now";
  pass(20);
  EXPECT_EQ(disk.syncs(), before + 1);
  EXPECT_FALSE(sched.has_pending_timeout()) << "an idle log needs no timer";
}

TEST_F(storage_actor_test, does_not_close_batches_while_it_is_busy) {
  const auto before = disk.syncs();
  for (std::uint64_t i = 1; i <= 50; ++i) {
    send_batch(i, i);
    run();
    sched.advance_time(std::chrono::milliseconds{15});
    run();
  }
  EXPECT_EQ(disk.syncs(), before + 50);
}

TEST_F(storage_actor_test, releases_segments_that_are_not_needed) {
  for (std::uint64_t i = 1; i <= 8; ++i)
    send(storage,
         persist{.state = {},
                 .entries = {{.id = {{1}, {i}}, .payload = blob{std::string(segment / 2, 'x')}}},
                 .batch = i}),
      run();
  EXPECT_EQ(log->before_first(), entry_id{});
  send(storage, release_log{{{1}, {6}}});
  run();
  EXPECT_GT(log->before_first().index, log_index{0});
  EXPECT_LE(log->before_first().index, log_index{6});
}

TEST_F(storage_actor_test, a_failed_sync_ends_it_with_the_reason_and_without_an_answer) {
  caf::error reason;
  caf::actor_cast<caf::strong_actor_ptr>(storage)->get()->attach_functor(
    [&](const caf::error& why) { reason = why; });
  send_batch(1, 1);
  run();
  send_batch(2, 2);
  step(storage);
  send_batch(3, 3);
  disk.fail_after(0);
  run();
  EXPECT_THAT(answered(), ElementsAre(1u));
  EXPECT_EQ(reason, errc::io_error) << system.render(reason);
}

/// A member with its storage, both real.
TEST_F(storage_actor_test, a_failed_sync_takes_member_and_role_along) {
  raft::recovered_state found{.hard = {.boot = {1}}};
  found.membership.members[us] = {};
  auto whole = own(raft::spawn_member(system, {.core = {.id = us}, .found = found}));
  auto disk_actor = own(spawn_storage(system, {.log = log, .member = whole, .detached = false}));
  test::recorder<committed, propose_refused> applier{system};
  send(whole, raft::handles{.storage = disk_actor, .applier = own(applier.actor)});
  send(whole, tick{});
  run();
  ASSERT_EQ(applier.all<committed>().size(), 1u) << "it leads, and has opened its term";
  const auto before = system.registry().running();
  disk.fail_after(0);
  send(whole, propose{{{.counter = 1, .payload = blob{"x"}}}});
  run();
  EXPECT_EQ(applier.all<committed>().size(), 1u);
  EXPECT_EQ(system.registry().running(), before - 3) << "storage, member and its role are gone";
}

} // namespace

} // namespace troupe::storage
