#include "actors/raft/core/log_view.hpp"
#include "actors/raft/core/progress.hpp"
#include "actors/raft/core/quorum.hpp"
#include "messages/ensure.hpp"
#include "test/actors/raft/core_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::raft {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- log_view

TEST(log_view, knows_terms_from_before_its_first_entry_to_its_last) {
  log_view log{at(1, 4), {entry_at(2, 5), entry_at(3, 6)}};
  EXPECT_FALSE(log.term_at({3}));
  EXPECT_EQ(log.term_at({4}), term_t{1});
  EXPECT_EQ(log.term_at({6}), term_t{3});
  EXPECT_FALSE(log.term_at({7}));
  EXPECT_TRUE(log.holds(at(1, 4)));
  EXPECT_FALSE(log.holds(at(2, 4)));
  EXPECT_EQ(log.last(), at(3, 6));
}

TEST(log_view, an_empty_log_ends_before_its_first_entry) {
  log_view log{at(2, 9), {}};
  EXPECT_EQ(log.last(), at(2, 9));
  EXPECT_TRUE(log.holds(at(2, 9)));
}

TEST(log_view, gaps_and_falling_terms_are_refused) {
  EXPECT_THROW(log_view(at(1, 1), {entry_at(1, 3)}), invariant_error);
  EXPECT_THROW(log_view(at(2, 1), {entry_at(1, 2)}), invariant_error);
}

TEST(log_view, a_slice_keeps_to_its_bytes_but_has_one_entry_at_least) {
  const std::string kib(1024, 'x');
  log_view log{{}, {entry_at(1, 1, kib), entry_at(1, 2, kib), entry_at(1, 3, kib)}};
  EXPECT_THAT(ids(log.slice({1}, {3}, 1)), ElementsAre(at(1, 1)));
  EXPECT_THAT(ids(log.slice({1}, {3}, 2 * cost_of(log.at({1})))), ElementsAre(at(1, 1), at(1, 2)));
  EXPECT_THAT(log.slice({4}, {3}, 1), IsEmpty());
  EXPECT_EQ(log.slice({2}, {2}, 1)[0].payload.view().data(), log.at({2}).payload.view().data());
}

TEST(log_view, trims_the_oldest_within_budget_and_bound) {
  log_view log{{}, log_of({1, 1, 2, 2})};
  const auto one = log.bytes() / 4;
  log.trim({3}, 2 * one);
  EXPECT_EQ(log.before_first(), at(1, 2));
  EXPECT_EQ(log.bytes(), 2 * one);
  log.trim({3}, 0);
  EXPECT_EQ(log.before_first(), at(2, 3));
  EXPECT_EQ(log.last(), at(2, 4));
}

TEST(log_view, a_cut_takes_everything_behind_it) {
  log_view log{{}, log_of({1, 1, 2, 2})};
  const auto one = log.bytes() / 4;
  log.cut_from({3});
  EXPECT_EQ(log.last(), at(1, 2));
  EXPECT_EQ(log.bytes(), 2 * one);
  EXPECT_THROW(log.cut_from({3}), invariant_error);
}

// --- quorum

electorate voters_of(std::uint64_t count) {
  electorate result;
  for (std::uint64_t i = 1; i <= count; ++i)
    result.incoming.push_back({i});
  return result;
}

auto among(std::set<member_id> members) {
  return [members = std::move(members)](member_id id) { return members.contains(id); };
}

TEST(quorum, is_a_majority_of_the_voters) {
  EXPECT_TRUE(is_quorum(voters_of(1), among({us})));
  EXPECT_FALSE(is_quorum(voters_of(2), among({us})));
  EXPECT_TRUE(is_quorum(voters_of(3), among({us, third})));
  EXPECT_FALSE(is_quorum(voters_of(4), among({us, third})));
  EXPECT_FALSE(is_quorum(voters_of(3), among({us, {7}, {8}})));
  EXPECT_FALSE(is_quorum(voters_of(0), among({us}))) << "nobody decides nothing";
}

TEST(quorum, is_a_majority_of_either_half_6) {
  const electorate joint{{{1}, {4}, {5}}, {{1}, {2}, {3}}};
  EXPECT_TRUE(is_quorum(joint, among({{1}, {2}, {4}})));
  EXPECT_FALSE(is_quorum(joint, among({{1}, {2}, {3}})));
  EXPECT_FALSE(is_quorum(joint, among({{1}, {4}, {5}})));
  EXPECT_TRUE(joint.contains({2}));
  EXPECT_FALSE(joint.contains({6}));
}

TEST(quorum, reaches_the_largest_value_that_a_majority_has) {
  auto reached = [](std::vector<std::uint64_t> values) {
    return reached_by_quorum(voters_of(values.size()),
                             [&](member_id id) { return values.at(id.value - 1); });
  };
  EXPECT_EQ(reached({7}), 7u);
  EXPECT_EQ(reached({7, 3}), 3u);
  EXPECT_EQ(reached({1, 7, 3}), 3u);
  EXPECT_EQ(reached({9, 1, 7, 3}), 3u);
  EXPECT_EQ(reached({7, 5, 5, 2, 1}), 5u);
  EXPECT_EQ(reached({5, 0, 0}), 0u);
}

TEST(quorum, reaches_what_both_halves_have_6) {
  const electorate joint{{{1}, {4}, {5}}, {{1}, {2}, {3}}};
  std::map<member_id, log_index> match{{{1}, {9}}, {{2}, {4}}, {{3}, {3}}, {{4}, {8}}, {{5}, {7}}};
  auto value = [&](member_id id) { return match.at(id); };
  EXPECT_EQ(reached_by_quorum(joint, value), log_index{4});
  match[{2}] = {9};
  EXPECT_EQ(reached_by_quorum(joint, value), log_index{8});
}

TEST(quorum, its_voters_are_those_of_the_configuration) {
  auto now = joint_of({us, {4}}, {us, second});
  now.members[{6}] = {.is_learner = true, .peer_urls = {}, .name = {}};
  const auto voters = electorate_of(now);
  EXPECT_THAT(voters.incoming, ElementsAre(us, member_id{4}));
  EXPECT_THAT(voters.outgoing, ElementsAre(us, second));
}

// --- progress

constexpr flight_limits wide{.appends = 4, .bytes = 1000};
constexpr log_index none{};

TEST(progress, replicates_optimistically_and_falls_back_to_probing) {
  progress follower;
  follower.next_index = {5};
  EXPECT_TRUE(follower.may_send_entries(wide));
  follower.on_sent({6}, 1);
  EXPECT_EQ(follower.next_index, log_index{5}) << "a probe may be lost";
  EXPECT_FALSE(follower.may_send_entries(wide));
  follower.on_accepted({6}, none);
  EXPECT_EQ(follower.state, progress::mode::replicate);
  follower.on_sent({8}, 1);
  EXPECT_EQ(follower.next_index, log_index{9});
  follower.on_rejected({6});
  EXPECT_EQ(follower.state, progress::mode::probe);
  EXPECT_EQ(follower.next_index, log_index{7});
}

TEST(progress, each_rejected_probe_goes_back_at_least_one) {
  progress follower;
  follower.next_index = {5};
  follower.on_rejected({9});
  EXPECT_EQ(follower.next_index, log_index{4});
  for (int i = 0; i < 9; ++i)
    follower.on_rejected({9});
  EXPECT_EQ(follower.next_index, log_index{1});
}

TEST(progress, what_is_confirmed_never_falls) {
  progress follower;
  follower.next_index = {5};
  follower.on_accepted({4}, none);
  follower.on_accepted({2}, none);
  EXPECT_EQ(follower.match_index, log_index{4});
  EXPECT_EQ(follower.next_index, log_index{5});
}

TEST(progress, what_is_on_its_way_is_bounded_by_number_and_bytes) {
  progress follower;
  follower.next_index = {5};
  follower.on_accepted({4}, none);
  for (std::uint64_t i = 5; i < 9; ++i) {
    EXPECT_TRUE(follower.may_send_entries(wide));
    follower.on_sent({i}, 1);
  }
  EXPECT_FALSE(follower.may_send_entries(wide));
  follower.on_accepted({5}, none);
  EXPECT_TRUE(follower.may_send_entries(wide));
  follower.on_sent({9}, 998);
  EXPECT_FALSE(follower.may_send_entries({.appends = 99, .bytes = 1000}));
  follower.on_accepted({6}, none);
  EXPECT_FALSE(follower.may_send_entries({.appends = 99, .bytes = 1000}));
  follower.on_accepted({9}, none);
  EXPECT_TRUE(follower.may_send_entries({.appends = 99, .bytes = 1000}));
}

TEST(progress, a_snapshot_on_its_way_ends_when_it_arrives_or_fails) {
  progress follower;
  follower.next_index = {1};
  follower.on_snapshot_wanted({9});
  EXPECT_FALSE(follower.may_send_entries(wide));
  follower.on_rejected({0});
  follower.on_accepted({2}, {5});
  EXPECT_EQ(follower.state, progress::mode::snapshot) << "old answers change nothing";
  auto arrived = follower;
  arrived.on_accepted({5}, {5});
  EXPECT_EQ(arrived.state, progress::mode::replicate) << "it says itself that it has got there";
  EXPECT_EQ(arrived.next_index, log_index{6});
  arrived = follower;
  arrived.on_snapshot_installed({9});
  EXPECT_EQ(arrived.state, progress::mode::probe);
  EXPECT_EQ(arrived.next_index, log_index{10});
  EXPECT_TRUE(arrived.catching_up);
  follower.on_snapshot_failed(77);
  EXPECT_EQ(follower.state, progress::mode::probe);
  EXPECT_EQ(follower.snapshot_not_before, 77u);
  EXPECT_FALSE(follower.catching_up);
}

} // namespace

} // namespace troupe::raft
