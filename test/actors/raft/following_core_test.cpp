#include "actors/raft/core/follower_core.hpp"
#include "messages/ensure.hpp"
#include "test/actors/raft/following.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::raft {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- who hears a leader (thesis 4.2.3, 9.6)

TEST(follower_core, who_hears_a_leader_does_not_vote_4_2_3) {
  follower_core core{make_replica({.term = 1})};
  core.on(append_of(1, {}, {}));
  auto step = core.on(vote_request(5, at(1, 9), third));
  EXPECT_FALSE(answer<request_vote_reply>(step, third)->granted);
  EXPECT_EQ(core.state().term(), term_t{1}) << "and keeps its term";
  for (int i = 0; i < 10; ++i)
    core.on(tick{});
  step = core.on(vote_request(5, at(1, 9), third));
  EXPECT_TRUE(answer<request_vote_reply>(step, third)->granted) << "an election timeout later";
}

TEST(follower_core, votes_in_a_transfer_although_it_hears_the_leader_4_2_3) {
  follower_core core{make_replica({.term = 1})};
  core.on(append_of(1, {}, {}));
  auto rpc = vote_request(2, at(1, 9), third);
  rpc.transfer = true;
  EXPECT_TRUE(answer<request_vote_reply>(core.on(rpc), third)->granted);
}

TEST(follower_core, votes_for_the_leader_that_restarted) {
  follower_core core{make_replica({.term = 1})};
  core.on(append_of(1, {}, {}));
  EXPECT_TRUE(answer<request_vote_reply>(core.on(vote_request(2, at(1, 9))))->granted);
}

TEST(follower_core, a_question_changes_neither_term_nor_vote_9_6) {
  follower_core core{make_replica({.term = 1, .log = {1}})};
  auto ask = vote_request(2, at(1, 1));
  ask.pre = true;
  auto step = core.on(ask);
  EXPECT_EQ(*answer<request_vote_reply>(step), (request_vote_reply{{2}, us, true, true}));
  EXPECT_FALSE(step.to_persist);
  auto other = ask;
  other.candidate = third;
  EXPECT_TRUE(answer<request_vote_reply>(core.on(other), third)->granted) << "it is no vote";
  ask.last = {};
  step = core.on(ask);
  EXPECT_EQ(*answer<request_vote_reply>(step), (request_vote_reply{{1}, us, false, true}))
    << "its log is older";
  core.on(append_of(1, at(1, 1), {}));
  EXPECT_FALSE(answer<request_vote_reply>(core.on(other), third)->granted) << "a leader lives";
}

TEST(follower_core, tells_who_asks_out_of_an_older_term_the_newer_one_checklist_10) {
  follower_core core{make_replica({.term = 5})};
  auto ask = vote_request(3, at(4, 9));
  ask.pre = true;
  EXPECT_EQ(*answer<request_vote_reply>(core.on(ask)), (request_vote_reply{{5}, us, false, true}));
}

TEST(follower_core, a_late_yes_to_a_question_is_no_newer_term) {
  follower_core core{make_replica({.term = 1})};
  EXPECT_FALSE(core.on(request_vote_reply{{2}, second, true, true}).to_persist);
  EXPECT_EQ(core.state().term(), term_t{1});
}

TEST(follower_core, campaigns_at_once_when_its_leader_hands_over_3_10) {
  follower_core core{make_replica({.term = 2})};
  EXPECT_FALSE(core.on(timeout_now{{2}, second}).next_role) << "it does not know that leader";
  core.on(append_of(2, {}, {}));
  EXPECT_FALSE(core.on(timeout_now{{1}, second}).next_role);
  EXPECT_FALSE(core.on(timeout_now{{2}, third}).next_role);
  auto step = core.on(timeout_now{{2}, second});
  ASSERT_TRUE(step.next_role);
  EXPECT_EQ(step.next_role->role, raft_role::candidate);
  EXPECT_TRUE(step.next_role->transfer);
}

TEST(follower_core, asks_soon_when_the_link_to_its_leader_breaks) {
  std::set<int> pauses;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    recovered_state found;
    found.hard.boot = {1};
    found.membership = members_of({us, second, third});
    core_config config{.id = us};
    follower_core core{replica{config, found, seed}};
    core.on(append_of(0, {}, {}));
    EXPECT_FALSE(core.on(link_lost{third}).next_role);
    EXPECT_EQ(core.status().leader, second);
    core.on(link_lost{second});
    EXPECT_EQ(core.status().leader, member_id{});
    int ticks = 1;
    auto step = core.on(tick{});
    for (; !step.next_role && ticks < 20; ++ticks)
      step = core.on(tick{});
    ASSERT_TRUE(step.next_role);
    EXPECT_EQ(step.next_role->role, raft_role::pre_candidate);
    pauses.insert(ticks);
  }
  EXPECT_EQ(pauses, (std::set<int>{1, 2, 3})) << "a third of the election timeout";
}

// --- configurations

TEST(follower_core, without_a_vote_it_becomes_a_learner_once_that_is_committed) {
  follower_core core{make_replica({.term = 1})};
  auto step = core.on(append_of(1, {}, {configuration_at(1, 1, members_of({second, third}))}));
  EXPECT_FALSE(step.next_role) << "its log may be the only one with the entry (thesis 4.2.2)";
  step = core.on(append_of(1, at(1, 1), {entry_at(1, 2)}, 1));
  ASSERT_TRUE(step.next_role);
  EXPECT_EQ(step.next_role->role, raft_role::learner);
  EXPECT_FALSE(step.next_role->repeat_message);
  EXPECT_EQ(step.to_append.size(), 1u) << "the step itself is done";
  EXPECT_EQ(step.next_role->state.leader(), second);
}

TEST(follower_core, who_leaves_campaigns_while_that_is_not_committed_4_2_2) {
  follower_core core{make_replica({.term = 1})};
  core.on(append_of(1, {}, {configuration_at(1, 1, members_of({second, third}))}));
  for (int i = 0; i < 20; ++i)
    if (auto step = core.on(tick{}); step.next_role) {
      EXPECT_EQ(step.next_role->role, raft_role::pre_candidate);
      return;
    }
  FAIL();
}

TEST(follower_core, a_cut_configuration_is_undone_checklist_29) {
  follower_core core{make_replica({.term = 1})};
  const auto larger = members_of({us, second, third, {4}});
  auto step = core.on(append_of(1, {}, {configuration_at(1, 1, larger)}));
  ASSERT_TRUE(step.configured);
  EXPECT_EQ(step.configured->now, larger);
  EXPECT_FALSE(step.configured->committed);
  auto rival = append_of(2, {}, {entry_at(2, 1)}, 1);
  rival.leader = third;
  step = core.on(rival);
  ASSERT_TRUE(step.configured);
  EXPECT_EQ(step.configured->now, members_of({us, second, third}));
  EXPECT_TRUE(step.configured->committed);
}

TEST(follower_core, tells_once_that_a_configuration_is_committed) {
  follower_core core{make_replica({.term = 1})};
  EXPECT_TRUE(core.start().configured) << "the one it began with";
  const auto larger = members_of({us, second, third, {4}});
  core.on(append_of(1, {}, {configuration_at(1, 1, larger)}));
  auto step = core.on(append_of(1, at(1, 1), {entry_at(1, 2)}, 1));
  EXPECT_EQ(step.configured, (configuration_changed{larger, {1}, true}));
  EXPECT_FALSE(core.on(append_of(1, at(1, 2), {entry_at(1, 3)}, 2)).configured);
}

TEST(follower_core, an_entry_that_is_no_configuration_is_bad_input) {
  follower_core core{make_replica({.term = 1})};
  auto bad = configuration_at(1, 1, {});
  auto step = core.on(append_of(1, {}, {bad}));
  EXPECT_FALSE(answer<append_reply>(step));
  EXPECT_THAT(step.to_append, IsEmpty());
}

TEST(replica, finds_the_configuration_in_state_and_log_checklist_29) {
  const auto old = members_of({us, second, third});
  const auto added = members_of({us, second, third, {4}});
  const auto removed = members_of({us, second, {4}});
  recovered_state found{.hard = {.term = {1}, .boot = {1}},
                        .before_first = {},
                        .entries = {configuration_at(1, 1, old), configuration_at(1, 2, added),
                                    entry_at(1, 3), configuration_at(1, 4, removed)},
                        .applied = at(1, 3),
                        .membership = added};
  EXPECT_EQ(replica({.id = us}, found, 1).membership().what, removed);
  found.entries.pop_back();
  EXPECT_EQ(replica({.id = us}, found, 1).membership().what, added);
  found.membership = {};
  EXPECT_EQ(replica({.id = us}, found, 1).membership().what, added) << "as far as the log knows";
  found.entries.clear();
  found.applied = {};
  EXPECT_FALSE(replica({.id = us}, found, 1).is_voter());
}

// --- what only a leader does

TEST(follower_core, refuses_proposals_and_reads_while_it_knows_no_leader) {
  follower_core core{make_replica({.term = 1})};
  auto step = core.on(propose{{{.counter = 3, .payload = {}}, {.counter = 4, .payload = {}}}});
  ASSERT_EQ(step.refused.size(), 1u);
  EXPECT_THAT(step.refused[0].counters, ElementsAre(3u, 4u));
  EXPECT_EQ(step.refused[0].reason, errc::no_leader);
  auto read = core.on(read_index_request{9});
  ASSERT_EQ(read.reads.size(), 1u);
  EXPECT_EQ(read.reads[0].round, 9u);
  EXPECT_EQ(read.reads[0].error, errc::no_leader);
}

TEST(follower_core, forwards_proposals_to_its_leader_in_parts) {
  follower_core core{make_replica({.term = 1, .limits = {.append_bytes = 10}})};
  core.on(append_of(1, {}, {}));
  const blob eight{"12345678"};
  auto step = core.on(propose{{{.counter = 3, .payload = eight},
                               {.counter = 4, .payload = eight},
                               {.counter = 5, .payload = blob{"1"}}}});
  EXPECT_THAT(step.refused, IsEmpty());
  auto parts = sent<forward_propose>(step, second, false);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].from, us);
  EXPECT_EQ(parts[0].boot, boot_count{1});
  ASSERT_EQ(parts[0].proposals.size(), 1u);
  EXPECT_EQ(parts[0].proposals[0].counter, 3u);
  ASSERT_EQ(parts[1].proposals.size(), 2u);
  EXPECT_EQ(parts[1].proposals[1].counter, 5u);
}

TEST(follower_core, forwards_nothing_while_too_little_is_applied) {
  follower_core core{make_replica({.term = 1, .log = {1, 1}, .limits = {.unapplied_entries = 1}})};
  core.on(append_of(1, at(1, 2), {}, 2));
  auto step = core.on(propose{{{.counter = 3, .payload = {}}}});
  ASSERT_EQ(step.refused.size(), 1u);
  EXPECT_EQ(step.refused[0].reason, errc::too_many_requests);
}

TEST(follower_core, what_the_leader_refuses_is_refused_unless_it_was_of_another_boot) {
  follower_core core{make_replica({.term = 1})};
  auto step = core.on(forward_refused{{1}, {3, 4}, errc::too_many_requests});
  ASSERT_EQ(step.refused.size(), 1u);
  EXPECT_THAT(step.refused[0].counters, ElementsAre(3u, 4u));
  EXPECT_EQ(step.refused[0].reason, errc::too_many_requests);
  EXPECT_THAT(core.on(forward_refused{{7}, {5}, errc::too_many_requests}).refused, IsEmpty());
}

TEST(follower_core, forwards_a_read_and_answers_it_once) {
  follower_core core{make_replica({.term = 1})};
  core.on(append_of(1, {}, {}));
  auto step = core.on(read_index_request{9});
  EXPECT_THAT(step.reads, IsEmpty());
  EXPECT_THAT(sent<forward_read>(step, second, false), ElementsAre(forward_read{us, {1}, 9}));
  EXPECT_THAT(core.on(forward_read_reply{{7}, 9, errc::none, {5}}).reads, IsEmpty());
  EXPECT_THAT(core.on(forward_read_reply{{1}, 8, errc::none, {5}}).reads, IsEmpty());
  step = core.on(forward_read_reply{{1}, 9, errc::none, {5}});
  ASSERT_EQ(step.reads.size(), 1u);
  EXPECT_EQ(step.reads[0].index, log_index{5});
  EXPECT_THAT(core.on(forward_read_reply{{1}, 9, errc::none, {5}}).reads, IsEmpty());
}

TEST(follower_core, a_forwarded_read_fails_with_the_leader) {
  auto expect_failed = [](auto lose) {
    follower_core core{make_replica({.term = 1})};
    core.on(append_of(1, {}, {}));
    core.on(read_index_request{9});
    auto step = lose(core);
    ASSERT_EQ(step.reads.size(), 1u);
    EXPECT_EQ(step.reads[0].error, errc::leader_changed);
  };
  expect_failed([](auto& core) { return core.on(append_of(2, {}, {})); });
  expect_failed([](auto& core) { return core.on(link_lost{second}); });
  expect_failed([](auto& core) { return core.on(timeout_now{{1}, second}); });
}

TEST(follower_core, a_forwarded_read_is_asked_again_and_fails_at_last) {
  follower_core core{make_replica({.term = 1})};
  core.on(append_of(1, {}, {}));
  core.on(read_index_request{9});
  std::size_t asked = 0;
  for (int i = 1; i < 10; ++i) {
    core.on(append_of(1, {}, {}));
    auto step = core.on(tick{});
    asked += sent<forward_read>(step, second, false).size();
    EXPECT_THAT(step.reads, IsEmpty());
  }
  EXPECT_EQ(asked, 2u);
  core.on(append_of(1, {}, {}));
  EXPECT_EQ(core.on(tick{}).reads.at(0).error, errc::leader_changed);
}

TEST(follower_core, refuses_what_takes_it_for_the_leader) {
  follower_core core{make_replica({.term = 1})};
  auto step = core.on(forward_propose{second, {3}, {{.counter = 8, .payload = {}}}});
  EXPECT_THAT(sent<forward_refused>(step, second, false),
              ElementsAre(forward_refused{{3}, {8}, errc::not_leader}));
  step = core.on(forward_read{second, {3}, 7});
  EXPECT_THAT(sent<forward_read_reply>(step, second, false),
              ElementsAre(forward_read_reply{{3}, 7, errc::not_leader, {}}));
  EXPECT_THAT(core.on(transfer_leadership{6, second}).transfers,
              ElementsAre(transfer_reply{6, errc::not_leader}));
}

} // namespace

} // namespace troupe::raft
