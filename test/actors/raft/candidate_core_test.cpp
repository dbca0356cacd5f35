#include "actors/raft/core/candidate_core.hpp"
#include "messages/ensure.hpp"
#include "test/actors/raft/core_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::raft {

namespace {

using ::testing::ElementsAre;

TEST(candidate_core, begins_a_term_votes_for_itself_and_asks_the_others_5_2) {
  candidate_core core{make_replica({.term = 4, .log = {1, 4}})};
  auto step = core.start();
  EXPECT_EQ(step.to_persist->term, term_t{5});
  EXPECT_EQ(step.to_persist->voted_for, us);
  for (auto voter : {second, third}) {
    auto asked = answer<request_vote>(step, voter);
    ASSERT_TRUE(asked);
    EXPECT_EQ(*asked, (request_vote{{5}, us, at(4, 2)}));
  }
  EXPECT_TRUE(step.to_send_now.empty());
}

TEST(candidate_core, wins_with_a_majority_5_2) {
  candidate_core core{make_replica({.term = 1})};
  auto campaign = core.start();
  EXPECT_FALSE(core.on(written(campaign, core.state())).next_role);
  auto step = core.on(request_vote_reply{{2}, third, true});
  ASSERT_TRUE(step.next_role);
  EXPECT_EQ(step.next_role->role, raft_role::leader);
  EXPECT_EQ(step.next_role->state.term(), term_t{2});
}

TEST(candidate_core, its_own_vote_counts_once_it_is_on_disk) {
  candidate_core core{make_replica({.term = 1})};
  auto campaign = core.start();
  EXPECT_FALSE(core.on(request_vote_reply{{2}, second, true}).next_role);
  EXPECT_FALSE(core.on(request_vote_reply{{2}, third, true}).next_role);
  EXPECT_TRUE(core.on(written(campaign, core.state())).next_role);
}

TEST(candidate_core, an_earlier_write_on_disk_is_not_its_vote) {
  candidate_core core{make_replica({.voters = {us}})};
  auto campaign = core.start();
  EXPECT_FALSE(core.on(persisted{campaign.batch - 1, {}}).next_role);
  EXPECT_TRUE(core.on(persisted{campaign.batch, {}}).next_role);
}

TEST(candidate_core, one_voter_twice_is_one_vote) {
  candidate_core core{make_replica({.voters = {us, second, third, member_id{4}, member_id{5}}})};
  core.on(written(core.start(), core.state()));
  EXPECT_FALSE(core.on(request_vote_reply{{1}, second, true}).next_role);
  EXPECT_FALSE(core.on(request_vote_reply{{1}, second, true}).next_role);
  EXPECT_TRUE(core.on(request_vote_reply{{1}, third, true}).next_role);
}

TEST(candidate_core, only_voters_votes_count) {
  candidate_core core{make_replica({})};
  core.on(written(core.start(), core.state()));
  EXPECT_FALSE(core.on(request_vote_reply{{1}, member_id{8}, true}).next_role);
}

TEST(candidate_core, votes_of_another_term_do_not_count_5_1) {
  candidate_core core{make_replica({.term = 3})};
  core.on(written(core.start(), core.state()));
  EXPECT_FALSE(core.on(request_vote_reply{{3}, second, true}).next_role);
}

TEST(candidate_core, a_denial_is_no_vote) {
  candidate_core core{make_replica({})};
  core.on(written(core.start(), core.state()));
  EXPECT_FALSE(core.on(request_vote_reply{{1}, second, false}).next_role);
}

TEST(candidate_core, an_only_voter_wins_by_its_own_vote_on_disk) {
  candidate_core core{make_replica({.voters = {us}})};
  auto step = core.start();
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(core.on(tick{}).to_persist) << "a new term does not make the disk faster";
  EXPECT_TRUE(core.on(written(step, core.state())).next_role);
}

TEST(candidate_core, tries_again_in_a_new_term_after_a_timeout_5_2) {
  candidate_core core{make_replica({.term = 1, .limits = {.pre_vote = false}})};
  core.on(written(core.start(), core.state()));
  core.on(request_vote_reply{{2}, second, false});
  int ticks = 1;
  auto step = core.on(tick{});
  for (; !step.to_persist && ticks < 100; ++ticks)
    step = core.on(tick{});
  EXPECT_GE(ticks, 10);
  EXPECT_LT(ticks, 20);
  EXPECT_EQ(step.to_persist->term, term_t{3});
  // Votes of the lost term are gone.
  core.on(written(step, core.state()));
  EXPECT_FALSE(core.on(request_vote_reply{{2}, second, true}).next_role);
}

TEST(candidate_core, asks_first_before_it_tries_again) {
  candidate_core core{make_replica({.term = 1})};
  core.on(written(core.start(), core.state()));
  for (int i = 0; i < 20; ++i)
    if (auto step = core.on(tick{}); step.next_role) {
      EXPECT_EQ(step.next_role->role, raft_role::pre_candidate);
      EXPECT_EQ(step.next_role->state.term(), term_t{2}) << "no new term for it";
      return;
    }
  FAIL() << "an election was lost for ever";
}

TEST(candidate_core, wins_by_both_halves_of_a_joint_configuration_6) {
  auto state = make_replica({.term = 1, .voters = {us, second, third}});
  state.append(configuration_at(1, 1, joint_of({us, {4}, {5}}, {us, second, third})));
  candidate_core core{std::move(state)};
  auto step = core.start();
  for (auto voter : {second, third, member_id{4}, member_id{5}})
    EXPECT_TRUE(answer<request_vote>(step, voter)) << voter.value;
  core.on(written(step, core.state()));
  EXPECT_FALSE(core.on(request_vote_reply{{2}, second, true}).next_role);
  EXPECT_FALSE(core.on(request_vote_reply{{2}, third, true}).next_role) << "one half is not enough";
  EXPECT_TRUE(core.on(request_vote_reply{{2}, {5}, true}).next_role);
}

TEST(candidate_core, does_not_count_itself_when_it_is_about_to_leave_4_2_2) {
  auto state = make_replica({.term = 1});
  state.append(configuration_at(1, 1, members_of({second, third})));
  candidate_core core{std::move(state)};
  core.on(written(core.start(), core.state()));
  EXPECT_FALSE(core.on(request_vote_reply{{2}, second, true}).next_role);
  EXPECT_TRUE(core.on(request_vote_reply{{2}, third, true}).next_role);
}

TEST(candidate_core, a_campaign_for_a_transfer_says_so) {
  candidate_core core{make_replica({.term = 1}), true};
  auto step = core.start();
  EXPECT_TRUE(answer<request_vote>(step)->transfer);
  EXPECT_FALSE(answer<request_vote>(step)->pre);
}

TEST(candidate_core, an_answer_to_a_question_is_no_vote_9_6) {
  candidate_core core{make_replica({.term = 1})};
  core.on(written(core.start(), core.state()));
  EXPECT_FALSE(core.on(request_vote_reply{{2}, second, true, true}).next_role);
}

TEST(candidate_core, asks_again_who_was_not_reached) {
  candidate_core core{make_replica({.term = 1})};
  core.start();
  EXPECT_TRUE(answer<request_vote>(core.on(link_found{third}), third));
  EXPECT_FALSE(answer<request_vote>(core.on(link_found{{9}}), member_id{9})) << "has no vote";
}

TEST(candidate_core, yields_to_the_leader_of_its_term_5_2) {
  candidate_core core{make_replica({.term = 1})};
  core.start();
  auto step = core.on(append{.term = {2}, .leader = second});
  ASSERT_TRUE(step.next_role);
  EXPECT_EQ(step.next_role->role, raft_role::follower);
  EXPECT_TRUE(step.next_role->repeat_message);
  EXPECT_EQ(step.next_role->state.hard().voted_for, us);
}

TEST(candidate_core, does_not_yield_to_a_stale_leader_5_1) {
  candidate_core core{make_replica({.term = 1})};
  core.start();
  auto step = core.on(append{.term = {1}, .leader = second});
  EXPECT_FALSE(step.next_role);
  EXPECT_FALSE(answer<append_reply>(step)->success);
}

TEST(candidate_core, steps_down_for_a_newer_term_5_1) {
  auto expect_yield = [](auto message) {
    candidate_core core{make_replica({.term = 1})};
    core.start();
    auto step = core.on(message);
    ASSERT_TRUE(step.next_role);
    EXPECT_EQ(step.next_role->role, raft_role::follower);
    EXPECT_TRUE(step.next_role->repeat_message);
    // The follower that gets the message adopts the term.
    EXPECT_EQ(step.next_role->state.term(), term_t{2});
  };
  expect_yield(request_vote{{3}, second, {}});
  expect_yield(request_vote_reply{{3}, second, false});
  expect_yield(append{.term = {3}, .leader = second});
  expect_yield(append_reply{.term = {3}, .follower = second});
}

TEST(candidate_core, denies_its_rival_in_the_same_term_5_2) {
  candidate_core core{make_replica({.term = 1})};
  core.start();
  auto step = core.on(request_vote{{2}, second, at(1, 9)});
  EXPECT_FALSE(answer<request_vote_reply>(step)->granted);
  EXPECT_FALSE(step.next_role);
}

TEST(candidate_core, refuses_proposals_and_reads) {
  candidate_core core{make_replica({})};
  core.start();
  auto step = core.on(propose{{{.counter = 3, .payload = {}}}});
  EXPECT_THAT(step.refused.at(0).counters, ElementsAre(3u));
  EXPECT_EQ(core.on(read_index_request{9}).reads.at(0).error, errc::no_leader);
}

TEST(candidate_core, who_has_no_vote_cannot_campaign) {
  EXPECT_THROW(candidate_core{make_replica({.voters = {second}})}, invariant_error);
}

} // namespace

} // namespace troupe::raft
