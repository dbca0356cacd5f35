#include "actors/raft/core/learner_core.hpp"
#include "actors/raft/core/pre_candidate_core.hpp"
#include "messages/ensure.hpp"
#include "test/actors/raft/core_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::raft {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

request_vote_reply yes(std::uint64_t term, member_id by) {
  return {{term}, by, true, true};
}

TEST(pre_candidate_core, asks_for_the_next_term_and_changes_nothing_9_6) {
  pre_candidate_core core{make_replica({.term = 4, .log = {1, 4}})};
  auto step = core.start();
  EXPECT_FALSE(step.to_persist);
  for (auto voter : {second, third})
    EXPECT_THAT(sent<request_vote>(step, voter, false),
                ElementsAre(request_vote{{5}, us, at(4, 2), true}));
  EXPECT_EQ(core.state().term(), term_t{4});
}

TEST(pre_candidate_core, campaigns_when_it_could_win) {
  pre_candidate_core core{make_replica({.term = 4})};
  core.start();
  auto step = core.on(yes(5, third));
  ASSERT_TRUE(step.next_role);
  EXPECT_EQ(step.next_role->role, raft_role::candidate);
  EXPECT_FALSE(step.next_role->transfer);
  EXPECT_EQ(step.next_role->state.term(), term_t{4});
}

TEST(pre_candidate_core, only_answers_to_its_question_count) {
  pre_candidate_core core{make_replica({.term = 4})};
  core.start();
  EXPECT_FALSE(core.on(yes(4, second)).next_role) << "asked in an older term";
  EXPECT_FALSE(core.on(yes(5, {8})).next_role) << "has no vote";
  EXPECT_FALSE(core.on(request_vote_reply{{4}, second, true, false}).next_role) << "a vote";
  EXPECT_FALSE(core.on(request_vote_reply{{4}, second, false, true}).next_role) << "a no";
}

TEST(pre_candidate_core, needs_both_halves_of_a_joint_configuration_6) {
  auto state = make_replica({.term = 1});
  state.append(configuration_at(1, 1, joint_of({us, {4}, {5}}, {us, second, third})));
  pre_candidate_core core{std::move(state)};
  EXPECT_EQ(core.start().to_send_now.size(), 4u);
  EXPECT_FALSE(core.on(yes(2, second)).next_role);
  EXPECT_TRUE(core.on(yes(2, {4})).next_role);
}

TEST(pre_candidate_core, asks_again_after_a_timeout) {
  pre_candidate_core core{make_replica({.term = 4})};
  core.start();
  int ticks = 1;
  while (core.on(tick{}).to_send_now.empty() && ticks < 100)
    ++ticks;
  EXPECT_GE(ticks, 10);
  EXPECT_LT(ticks, 20);
  EXPECT_EQ(core.state().term(), term_t{4});
}

TEST(pre_candidate_core, learns_from_a_no_that_its_term_is_old_checklist_10) {
  pre_candidate_core core{make_replica({.term = 4})};
  core.start();
  auto step = core.on(request_vote_reply{{7}, second, false, true});
  ASSERT_TRUE(step.next_role);
  EXPECT_EQ(step.next_role->role, raft_role::follower);
  EXPECT_TRUE(step.next_role->repeat_message) << "the follower adopts the term";
}

TEST(pre_candidate_core, yields_to_leaders_and_candidates_that_may_have_its_vote) {
  auto yields = [](auto message) {
    pre_candidate_core core{make_replica({.term = 4, .log = {4}})};
    core.start();
    auto step = core.on(message);
    return step.next_role && step.next_role->role == raft_role::follower
           && step.next_role->repeat_message;
  };
  EXPECT_TRUE(yields(append{.term = {4}, .leader = second}));
  EXPECT_FALSE(yields(append{.term = {3}, .leader = second}));
  EXPECT_TRUE(yields(append_reply{.term = {5}, .follower = second}));
  EXPECT_TRUE(yields(request_vote{{5}, second, {}}));
  EXPECT_TRUE(yields(request_vote{{4}, second, at(4, 1)}));
  EXPECT_FALSE(yields(request_vote{{4}, second, at(3, 9)})) << "an older log";
  EXPECT_FALSE(yields(request_vote{{5}, second, at(4, 1), true})) << "a question";
}

TEST(pre_candidate_core, says_yes_to_a_rival_that_only_asks_as_well) {
  pre_candidate_core core{make_replica({.term = 4})};
  core.start();
  EXPECT_EQ(*answer<request_vote_reply>(core.on(request_vote{{5}, second, {}, true})),
            (request_vote_reply{{5}, us, true, true}));
}

TEST(pre_candidate_core, who_has_no_vote_asks_for_none) {
  EXPECT_THROW(pre_candidate_core{make_replica({.voters = {second}})}, invariant_error);
}

// --- learners

TEST(learner_core, never_campaigns) {
  learner_core core{make_replica({.term = 1, .voters = {second, third}, .learners = {us}})};
  core.on(append{.term = {1}, .leader = second});
  core.on(link_lost{second});
  for (int i = 0; i < 100; ++i)
    ASSERT_FALSE(core.on(tick{}).next_role);
  EXPECT_FALSE(core.on(timeout_now{{1}, second}).next_role);
}

TEST(learner_core, follows_and_forwards) {
  learner_core core{make_replica({.term = 1, .voters = {second, third}, .learners = {us}})};
  auto step = core.on(
    append{.term = {1}, .leader = second, .prev = {}, .entries = {entry_at(1, 1)}, .commit = {1}});
  EXPECT_TRUE(answer<append_reply>(step)->success);
  EXPECT_THAT(ids(core.on(written(step, core.state())).committed), ElementsAre(at(1, 1)));
  step = core.on(propose{{{.counter = 3, .payload = {}}}});
  EXPECT_EQ(sent<forward_propose>(step, second, false).size(), 1u);
  EXPECT_EQ(core.status().role, raft_role::learner);
  EXPECT_EQ(core.status().leader, second);
}

TEST(learner_core, votes_when_it_is_asked_checklist_30) {
  // The candidate's configuration may already give it a vote.
  learner_core core{make_replica({.term = 1, .voters = {second, third}, .learners = {us}})};
  EXPECT_TRUE(answer<request_vote_reply>(core.on(request_vote{{2}, second, {}}))->granted);
}

TEST(learner_core, becomes_a_follower_with_a_vote) {
  learner_core core{make_replica({.term = 1, .voters = {second}, .learners = {us}})};
  auto step = core.on(append{.term = {1},
                             .leader = second,
                             .prev = {},
                             .entries = {configuration_at(1, 1, members_of({us, second}))}});
  ASSERT_TRUE(step.next_role);
  EXPECT_EQ(step.next_role->role, raft_role::follower);
  EXPECT_EQ(step.to_append.size(), 1u);
  EXPECT_TRUE(answer<append_reply>(step));
}

TEST(learner_core, a_member_in_no_configuration_takes_what_the_leader_sends) {
  learner_core core{make_replica({.voters = {}})};
  EXPECT_FALSE(core.start().configured);
  auto step = core.on(append{.term = {1},
                             .leader = second,
                             .prev = {},
                             .entries = {configuration_at(1, 1, members_of({second}, {us}))}});
  EXPECT_TRUE(answer<append_reply>(step)->success);
  EXPECT_TRUE(step.configured);
  EXPECT_FALSE(step.next_role);
}

TEST(learner_core, forgets_a_leader_that_is_silent) {
  learner_core core{make_replica({.term = 1, .voters = {second}, .learners = {us}})};
  core.on(append{.term = {1}, .leader = second});
  for (int i = 0; i < 20; ++i)
    core.on(tick{});
  EXPECT_EQ(core.status().leader, member_id{});
  EXPECT_THAT(core.on(propose{{{.counter = 3, .payload = {}}}}).to_send_now, IsEmpty());
}

} // namespace

} // namespace troupe::raft
