#include "actors/service/catch_up.hpp"
#include "actors/service/read_gate.hpp"

#include <gtest/gtest.h>

namespace troupe::service {
namespace {

using namespace std::chrono_literals;

constexpr auto retry = 500ms;

time_point at(std::chrono::nanoseconds t) {
  return time_point{t};
}

gated_read read(std::int32_t stream, time_point deadline = time_point::max()) {
  return {{.call = {.stream = stream}, .deadline = deadline}, true};
}

std::vector<std::int32_t> streams(const std::vector<gated_read>& reads) {
  std::vector<std::int32_t> result;
  for (const auto& x : reads)
    result.push_back(x.call.call.stream);
  return result;
}

using streams_t = std::vector<std::int32_t>;

TEST(read_gate, linearizable_read_waits_for_a_round_and_then_for_its_index) {
  read_gate gate{{5}, true};
  gate.add_linearizable(read(1));
  auto round = gate.next_round(at(0s));
  ASSERT_TRUE(round);
  EXPECT_TRUE(gate.take_ready().empty());
  EXPECT_TRUE(gate.on({.round = round->round, .index = {7}}).empty());
  EXPECT_TRUE(gate.take_ready().empty());
  gate.on_applied({6}, true);
  EXPECT_TRUE(gate.take_ready().empty());
  gate.on_applied({7}, true);
  EXPECT_EQ(streams(gate.take_ready()), streams_t{1});
  EXPECT_EQ(gate.waiting(), 0u);
}

TEST(read_gate, read_that_comes_during_a_round_waits_for_the_next_one) {
  read_gate gate{{5}, true};
  gate.add_linearizable(read(1));
  auto first = gate.next_round(at(0s));
  gate.add_linearizable(read(2));
  EXPECT_FALSE(gate.next_round(at(0s)));
  gate.on({.round = first->round, .index = {5}});
  EXPECT_EQ(streams(gate.take_ready()), streams_t{1});
  auto second = gate.next_round(at(0s));
  ASSERT_TRUE(second);
  EXPECT_NE(second->round, first->round);
  gate.on({.round = second->round, .index = {5}});
  EXPECT_EQ(streams(gate.take_ready()), streams_t{2});
}

TEST(read_gate, answer_of_an_earlier_round_is_never_matched_to_a_later_one) {
  read_gate gate{{5}, true};
  gate.add_linearizable(read(1));
  auto first = gate.next_round(at(0s));
  EXPECT_TRUE(gate.expire(at(1s), retry).empty());
  auto second = gate.next_round(at(1s));
  ASSERT_TRUE(second);
  EXPECT_TRUE(gate.on({.round = first->round, .index = {5}}).empty());
  EXPECT_TRUE(gate.take_ready().empty());
  gate.on({.round = second->round, .index = {5}});
  EXPECT_EQ(streams(gate.take_ready()), streams_t{1});
}

TEST(read_gate, failed_round_gives_its_reads_back) {
  read_gate gate{{5}, true};
  gate.add_linearizable(read(1));
  auto round = gate.next_round(at(0s));
  gate.add_linearizable(read(2));
  auto failed = gate.on({.round = round->round, .error = errc::leader_changed});
  EXPECT_EQ(streams(failed), streams_t{1});
  EXPECT_EQ(gate.waiting(), 1u);
}

TEST(read_gate, serializable_read_runs_at_once_unless_the_member_is_still_recovering) {
  read_gate ready{{5}, true};
  ready.add_serializable(read(1));
  EXPECT_EQ(streams(ready.take_ready()), streams_t{1});

  read_gate recovering{{5}, false};
  recovering.add_serializable(read(1));
  EXPECT_TRUE(recovering.take_ready().empty());
  recovering.on_applied({6}, false);
  EXPECT_TRUE(recovering.take_ready().empty());
  recovering.on_applied({6}, true);
  EXPECT_EQ(streams(recovering.take_ready()), streams_t{1});
}

TEST(read_gate, serializable_read_does_not_wait_behind_a_confirmed_one) {
  read_gate gate{{5}, true};
  gate.add_linearizable(read(1));
  auto round = gate.next_round(at(0s));
  gate.on({.round = round->round, .index = {8}});
  gate.add_serializable(read(2));
  EXPECT_EQ(streams(gate.take_ready()), streams_t{2});
  EXPECT_EQ(gate.waiting(), 1u);
}

TEST(read_gate, round_index_does_not_let_reads_pass_before_the_member_has_caught_up) {
  read_gate gate{{5}, false};
  gate.add_linearizable(read(1));
  auto round = gate.next_round(at(0s));
  gate.on({.round = round->round, .index = {6}});
  gate.on_applied({8}, false);
  EXPECT_TRUE(gate.take_ready().empty());
  gate.on_applied({9}, true);
  EXPECT_EQ(streams(gate.take_ready()), streams_t{1});
}

TEST(catch_up, ends_with_the_log_as_it_was_found) {
  EXPECT_TRUE((catch_up{{{2}, {5}}, {{2}, {5}}}.done()));
  catch_up replay{{{1}, {3}}, {{2}, {6}}};
  EXPECT_FALSE(replay.done());
  replay.on_applied({{2}, {5}});
  EXPECT_FALSE(replay.done()) << "the state may have been at 6, however far the commit hint came";
  replay.on_applied({{2}, {6}});
  EXPECT_TRUE(replay.done());
}

TEST(catch_up, ends_with_the_first_entry_of_a_leader_that_has_cut_the_log) {
  catch_up replay{{{1}, {3}}, {{2}, {9}}};
  replay.on_applied({{2}, {4}});
  EXPECT_FALSE(replay.done());
  replay.on_applied({{3}, {5}});
  EXPECT_TRUE(replay.done()) << "entries 5 to 9 of term 2 were never committed";
}

TEST(read_gate, forgotten_read_never_runs_at_any_stage) {
  read_gate gate{{5}, true};
  gate.add_linearizable(read(1));
  EXPECT_TRUE(gate.forget({.stream = 1})) << "before a round";
  gate.add_linearizable(read(2));
  gate.add_linearizable(read(3));
  auto round = gate.next_round(at(0s));
  EXPECT_TRUE(gate.forget({.stream = 2})) << "during its round";
  gate.on({.round = round->round, .index = {9}});
  EXPECT_TRUE(gate.forget({.stream = 3})) << "while it waits for its index";
  EXPECT_FALSE(gate.forget({.stream = 3}));
  gate.on_applied({9}, true);
  EXPECT_TRUE(gate.take_ready().empty());
  EXPECT_EQ(gate.waiting(), 0u);
  EXPECT_EQ(gate.waiting_bytes(), 0u);
}

TEST(read_gate, time_runs_out_with_the_reason_of_the_stage) {
  read_gate gate{{5}, true};
  gate.add_linearizable(read(1, at(7s)));
  auto round = gate.next_round(at(0s));
  gate.on({.round = round->round, .index = {9}});
  gate.add_linearizable(read(2, at(7s)));
  gate.add_linearizable(read(3, at(8s)));
  auto expired = gate.expire(at(7s), retry);
  ASSERT_EQ(expired.size(), 2u);
  EXPECT_EQ(expired[0].call.stream, 2);
  EXPECT_EQ(expired[0].reason, errc::timeout);
  EXPECT_EQ(expired[1].call.stream, 1);
  EXPECT_EQ(expired[1].reason, errc::timeout_waiting_for_apply);
  EXPECT_EQ(gate.waiting(), 1u);
}

} // namespace
} // namespace troupe::service
