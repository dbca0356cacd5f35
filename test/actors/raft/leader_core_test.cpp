#include "actors/raft/core/invariants.hpp"
#include "messages/ensure.hpp"
#include "test/actors/raft/leading.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::raft {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- the start of a term

TEST(leader_core, opens_its_term_with_an_entry_of_its_own_8) {
  leading leader{{.term = 2, .log = {1}}};
  ASSERT_THAT(ids(leader.opening.to_append), ElementsAre(at(2, 2)));
  EXPECT_EQ(leader.opening.to_append[0].kind, entry_kind::term_start);
  EXPECT_EQ(leader.opening.to_append[0].origin, (entry_origin{us, {1}, 0}));
  // It goes to the others while it is being written here.
  for (auto follower : {second, third})
    EXPECT_EQ(entries_sent(leader.opening, follower), 1u);
  EXPECT_TRUE(leader.opening.to_send_durable.empty());
}

TEST(leader_core, speaks_at_every_heartbeat_5_2) {
  auto limits = core_config{};
  limits.heartbeat_ticks = 3;
  leading leader{{.term = 1, .limits = limits}};
  EXPECT_THAT(leader.core.on(tick{}).to_send_now, IsEmpty());
  EXPECT_THAT(leader.core.on(tick{}).to_send_now, IsEmpty());
  EXPECT_EQ(leader.core.on(tick{}).to_send_now.size(), 2u);
}

// --- commit (paper 5.3, 5.4.2)

TEST(leader_core, commits_what_a_majority_has_on_disk_5_3) {
  leading leader{{.term = 1}};
  leader.written(leader.opening);
  EXPECT_EQ(leader.core.state().commit_index(), log_index{0});
  auto step = leader.accepted(1);
  EXPECT_THAT(ids(step.committed), ElementsAre(at(1, 1)));
}

TEST(leader_core, counts_itself_only_when_its_own_write_is_on_disk) {
  leading leader{{.term = 1}};
  EXPECT_THAT(leader.accepted(1).committed, IsEmpty());
  EXPECT_EQ(leader.core.state().commit_index(), log_index{0});
  EXPECT_THAT(ids(leader.written(leader.opening).committed), ElementsAre(at(1, 1)));
}

TEST(leader_core, a_majority_without_it_commits_but_nothing_is_applied_before_its_own_disk) {
  leading leader{{.term = 1}};
  leader.accepted(1, second);
  EXPECT_THAT(leader.accepted(1, third).committed, IsEmpty());
  EXPECT_EQ(leader.core.state().commit_index(), log_index{1});
  EXPECT_THAT(ids(leader.written(leader.opening).committed), ElementsAre(at(1, 1)));
}

TEST(leader_core, an_only_voter_does_not_commit_before_its_own_disk) {
  leading leader{{.term = 1, .voters = {us}}};
  auto step = leader.proposed("x");
  EXPECT_THAT(leader.opening.committed, IsEmpty());
  EXPECT_THAT(step.committed, IsEmpty());
  EXPECT_THAT(ids(leader.written(leader.opening).committed), ElementsAre(at(1, 1)));
  EXPECT_THAT(ids(leader.written(step).committed), ElementsAre(at(1, 2)));
}

TEST(leader_core, copies_on_a_majority_do_not_commit_an_entry_of_an_older_term_5_4_2) {
  // Figure 8: (2, 2) is on a majority, and could still be overwritten by a leader of term 3.
  leading leader{{.term = 4, .log = {1, 2}}};
  leader.written(leader.opening);
  EXPECT_THAT(leader.accepted(2).committed, IsEmpty());
  EXPECT_EQ(leader.core.state().commit_index(), log_index{0});
  // With the first entry of term 4 it can no longer be: all of them at once.
  EXPECT_THAT(ids(leader.accepted(3).committed), ElementsAre(at(1, 1), at(2, 2), at(4, 3)));
}

TEST(leader_core, each_entry_is_committed_once) {
  leading leader{{.term = 1}};
  leader.written(leader.opening);
  leader.accepted(1, second);
  EXPECT_THAT(leader.accepted(1, second).committed, IsEmpty());
  EXPECT_THAT(leader.accepted(1, third).committed, IsEmpty());
  EXPECT_THAT(leader.written(leader.opening).committed, IsEmpty());
}

TEST(leader_core, who_has_no_vote_does_not_count) {
  leading leader{{.term = 1}};
  leader.written(leader.opening);
  EXPECT_THAT(leader.accepted(1, member_id{9}).committed, IsEmpty());
}

TEST(leader_core, an_answer_beyond_the_log_is_bad_input) {
  leading leader{{.term = 1}};
  leader.written(leader.opening);
  EXPECT_THAT(leader.accepted(7).committed, IsEmpty());
  EXPECT_EQ(leader.core.followers().at(second).match_index, log_index{0});
}

TEST(leader_core, tells_a_follower_of_a_commit_once_it_holds_the_entry) {
  leading leader{{.term = 1}};
  leader.written(leader.opening);
  auto step = leader.accepted(1, second);
  auto told = sent<append>(step, second, false);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].commit, log_index{1});
  EXPECT_THAT(sent<append>(step, third, false), IsEmpty()) << "it may not hold the entry";
  told = sent<append>(leader.accepted(1, third), third, false);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].commit, log_index{1});
  EXPECT_THAT(leader.accepted(1, third).to_send_now, IsEmpty()) << "no news";
}

TEST(leader_core, no_append_names_a_commit_beyond_its_own_entries) {
  leading leader{{.term = 1, .log = {1, 1}, .commit_hint = 2}};
  auto probe = sent<append>(leader.rejected(0), second, false);
  ASSERT_EQ(probe.size(), 1u);
  auto heartbeat = sent<append>(leader.core.on(read_index_request{1}), second, false);
  for (const auto& rpc : heartbeat)
    EXPECT_LE(rpc.commit, rpc.prev.index + rpc.entries.size());
  probe = sent<append>(leader.core.on(tick{}), second, false);
  EXPECT_EQ(probe.at(0).prev, entry_id{});
  EXPECT_EQ(probe.at(0).commit, log_index{2});
}

// --- replication (paper 5.3)

TEST(leader_core, finds_where_the_logs_meet_5_3) {
  leading leader{{.term = 3, .log = {1, 1, 1, 1}}};
  auto step = leader.rejected(2);
  auto again = sent<append>(step, second, false);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].prev, at(1, 2));
  EXPECT_THAT(ids(again[0].entries), ElementsAre(at(1, 3), at(1, 4), at(3, 5)));
}

TEST(leader_core, an_old_rejection_never_goes_below_what_is_confirmed) {
  leading leader{{.term = 1, .log = {1, 1, 1, 1}}};
  leader.accepted(4);
  leader.rejected(0);
  EXPECT_EQ(leader.core.followers().at(second).next_index, log_index{5});
}

TEST(leader_core, sends_one_append_at_a_time_while_it_probes) {
  leading leader{{.term = 1}};
  EXPECT_EQ(entries_sent(leader.proposed("x"), second), 0u);
  // Until the answer, or until a heartbeat finds that it may have been lost.
  EXPECT_EQ(entries_sent(leader.core.on(tick{}), second), 2u);
}

TEST(leader_core, appends_follow_each_other_once_the_logs_meet) {
  leading leader{{.term = 1}};
  leader.accepted(1);
  for (std::uint64_t i = 2; i < 5; ++i) {
    auto rpc = sent<append>(leader.proposed("x"), second, false);
    ASSERT_EQ(rpc.size(), 1u);
    EXPECT_EQ(rpc[0].prev.index, log_index{i - 1});
    EXPECT_EQ(rpc[0].entries.size(), 1u);
  }
}

TEST(leader_core, a_gap_after_a_lost_append_is_filled) {
  leading leader{{.term = 1}};
  leader.accepted(1);
  leader.proposed("lost");
  leader.proposed("refused");
  EXPECT_EQ(entries_sent(leader.rejected(1), second), 2u);
}

TEST(leader_core, unanswered_appends_are_bounded) {
  auto limits = core_config{};
  limits.appends_in_flight = 2;
  leading leader{{.term = 1, .limits = limits}};
  leader.accepted(1);
  EXPECT_EQ(entries_sent(leader.proposed("a"), second), 1u);
  EXPECT_EQ(entries_sent(leader.proposed("b"), second), 1u);
  EXPECT_EQ(entries_sent(leader.proposed("c"), second), 0u);
  EXPECT_EQ(entries_sent(leader.accepted(2), second), 1u);
}

TEST(leader_core, appends_are_bounded_in_bytes) {
  auto limits = core_config{};
  limits.append_bytes = 1000;
  leading leader{{.term = 1, .limits = limits}};
  for (int i = 0; i < 3; ++i)
    leader.proposed(std::string(400, 'x'));
  auto step = leader.accepted(1);
  auto rpcs = sent<append>(step, second, false);
  ASSERT_EQ(rpcs.size(), 2u);
  EXPECT_EQ(rpcs[0].entries.size(), 2u);
  EXPECT_EQ(rpcs[1].entries.size(), 1u);
}

TEST(leader_core, unanswered_appends_are_bounded_in_bytes_too) {
  leading leader{{.term = 1, .limits = {.bytes_in_flight = 1000}}};
  leader.accepted(1);
  EXPECT_EQ(entries_sent(leader.proposed(std::string(600, 'x')), second), 1u);
  EXPECT_EQ(entries_sent(leader.proposed(std::string(600, 'x')), second), 1u);
  EXPECT_EQ(entries_sent(leader.proposed("x"), second), 0u);
  EXPECT_EQ(entries_sent(leader.accepted(2), second), 1u);
}

TEST(leader_core, what_a_broken_link_lost_is_sent_again) {
  leading leader{{.term = 1}};
  leader.accepted(1);
  leader.proposed("a");
  leader.proposed("b");
  leader.core.on(link_lost{second});
  EXPECT_EQ(entries_sent(leader.core.on(link_found{second}), second), 2u);
}

// --- terms (paper 5.1)

TEST(leader_core, steps_down_for_a_newer_term_5_1) {
  auto expect_yield = [](auto message) {
    leading leader{{.term = 2}};
    auto step = leader.core.on(message);
    ASSERT_TRUE(step.next_role);
    EXPECT_EQ(step.next_role->role, raft_role::follower);
    EXPECT_TRUE(step.next_role->repeat_message);
    EXPECT_EQ(step.next_role->state.log().last(), at(2, 1));
  };
  expect_yield(request_vote{{3}, second, {}, false, true});
  expect_yield(request_vote_reply{{3}, second, false});
  expect_yield(append{.term = {3}, .leader = second});
  expect_yield(append_reply{.term = {3}, .follower = second});
}

TEST(leader_core, who_campaigns_unasked_does_not_depose_it_checklist_9) {
  leading leader{{.term = 2}};
  auto step = leader.core.on(request_vote{{9}, second, at(2, 9)});
  EXPECT_FALSE(step.next_role);
  EXPECT_FALSE(answer<request_vote_reply>(step)->granted);
  EXPECT_FALSE(step.to_persist);
  step = leader.core.on(request_vote{{9}, second, at(2, 9), true});
  EXPECT_EQ(*answer<request_vote_reply>(step), (request_vote_reply{{2}, us, false, true}));
}

TEST(leader_core, answers_of_an_older_term_do_not_count_5_1) {
  leading leader{{.term = 2}};
  leader.written(leader.opening);
  auto step =
    leader.core.on(append_reply{.term = {1}, .follower = second, .success = true, .match = {1}});
  EXPECT_THAT(step.committed, IsEmpty());
}

TEST(leader_core, denies_votes_in_its_term_5_2) {
  leading leader{{.term = 2}};
  auto step = leader.core.on(request_vote{{2}, second, at(2, 9)});
  EXPECT_FALSE(answer<request_vote_reply>(step)->granted);
}

TEST(leader_core, refuses_a_stale_leader_5_1) {
  leading leader{{.term = 2}};
  auto step = leader.core.on(append{.term = {1}, .leader = second});
  EXPECT_EQ(answer<append_reply>(step)->term, term_t{2});
}

TEST(leader_core, a_rival_in_its_term_is_a_broken_invariant_5_2) {
  leading leader{{.term = 2}};
  EXPECT_THROW(leader.core.on(append{.term = {2}, .leader = second}), invariant_error);
}

TEST(leader_core, who_did_not_vote_for_itself_cannot_lead) {
  EXPECT_THROW(leader_core{make_replica({.term = 2})}, invariant_error);
}

// --- proposals

TEST(leader_core, appends_all_of_a_request_in_order_with_their_origin) {
  leading leader{{.term = 1}};
  auto step = leader.core.on(
    propose{{{.counter = 7, .payload = blob{"a"}}, {.counter = 8, .payload = blob{"b"}}}});
  ASSERT_THAT(ids(step.to_append), ElementsAre(at(1, 2), at(1, 3)));
  EXPECT_EQ(step.to_append[0].origin, (entry_origin{us, {1}, 7}));
  EXPECT_EQ(step.to_append[1].payload.view(), "b");
  EXPECT_THAT(step.refused, IsEmpty());
}

TEST(leader_core, refuses_all_of_a_request_while_too_little_is_applied) {
  auto limits = core_config{};
  limits.unapplied_entries = 2;
  leading leader{{.term = 1, .voters = {us}, .limits = limits}};
  leader.written(leader.opening);
  leader.written(leader.proposed("a"));
  leader.written(leader.proposed("b"));
  auto step =
    leader.core.on(propose{{{.counter = 7, .payload = {}}, {.counter = 8, .payload = {}}}});
  EXPECT_THAT(step.to_append, IsEmpty());
  ASSERT_EQ(step.refused.size(), 1u);
  EXPECT_THAT(step.refused[0].counters, ElementsAre(7u, 8u));
  EXPECT_EQ(step.refused[0].reason, errc::too_many_requests);
  leader.core.on(applied{at(1, 1), {}});
  EXPECT_EQ(leader.proposed("c").to_append.size(), 1u);
}

TEST(leader_core, refuses_while_too_many_bytes_wait_for_commit) {
  auto limits = core_config{};
  limits.uncommitted_bytes = 10;
  leading leader{{.term = 1, .voters = {us}, .limits = limits}};
  auto large = leader.proposed(std::string(50, 'x'));
  EXPECT_EQ(large.to_append.size(), 1u) << "alone even a larger one passes";
  EXPECT_EQ(leader.proposed("y").refused.size(), 1u);
  leader.written(large);
  EXPECT_EQ(leader.proposed("y").to_append.size(), 1u);
}

TEST(leader_core, uncommitted_bytes_of_older_terms_count_too) {
  auto limits = core_config{};
  limits.uncommitted_bytes = 10;
  auto state = make_replica({.term = 1, .voted_for = us, .voters = {us}, .limits = limits});
  state.append(entry_at(1, 1, std::string(50, 'x')));
  leader_core core{std::move(state)};
  auto opening = core.start();
  EXPECT_EQ(core.on(propose{{{.counter = 1, .payload = blob{"y"}}}}).refused.size(), 1u);
  core.on(written(opening, core.state()));
  EXPECT_EQ(core.on(propose{{{.counter = 1, .payload = blob{"y"}}}}).to_append.size(), 1u);
}

// --- reads (thesis 6.4)

TEST(leader_core, answers_no_read_before_it_committed_an_entry_of_its_term) {
  leading leader{{.term = 2, .log = {1}, .commit_hint = 1, .voters = {us}}};
  EXPECT_THAT(leader.core.on(read_index_request{5}).reads, IsEmpty());
  auto step = leader.written(leader.opening);
  ASSERT_EQ(step.reads.size(), 1u);
  EXPECT_EQ(step.reads[0].round, 5u);
  EXPECT_EQ(step.reads[0].error, errc::none);
  EXPECT_EQ(step.reads[0].index, log_index{2});
}

TEST(leader_core, an_only_voter_answers_a_read_at_once) {
  leading leader{{.term = 1, .voters = {us}}};
  leader.written(leader.opening);
  leader.proposed("not on disk");
  auto step = leader.core.on(read_index_request{5});
  ASSERT_EQ(step.reads.size(), 1u);
  EXPECT_EQ(step.reads[0].index, log_index{1});
}

TEST(leader_core, a_read_waits_for_a_round_that_began_after_it) {
  established leader;
  auto begun = leader.core.on(read_index_request{5});
  EXPECT_THAT(begun.reads, IsEmpty());
  const auto round = leader.round_asked(begun);
  EXPECT_THAT(leader.accepted(1, second, round - 1).reads, IsEmpty());
  auto step = leader.accepted(1, third, round);
  ASSERT_EQ(step.reads.size(), 1u);
  EXPECT_EQ(step.reads[0].round, 5u);
  EXPECT_EQ(step.reads[0].index, log_index{1});
}

TEST(leader_core, a_read_that_comes_during_a_round_waits_for_the_next) {
  established leader;
  const auto round = leader.round_asked(leader.core.on(read_index_request{5}));
  leader.core.on(read_index_request{6});
  leader.core.on(read_index_request{7});
  auto step = leader.accepted(1, second, round);
  ASSERT_EQ(step.reads.size(), 1u);
  EXPECT_EQ(step.reads[0].round, 5u);
  const auto next = leader.round_asked(step);
  EXPECT_GT(next, round);
  // One round serves both.
  EXPECT_EQ(leader.accepted(1, second, next).reads.size(), 2u);
}

TEST(leader_core, a_refusal_confirms_leadership_too) {
  established leader;
  const auto round = leader.round_asked(leader.core.on(read_index_request{5}));
  auto step = leader.core.on(append_reply{
    .term = {1}, .follower = second, .success = false, .match = {1}, .read_round = round});
  EXPECT_EQ(step.reads.size(), 1u);
}

TEST(leader_core, an_answer_to_a_round_not_begun_is_bad_input) {
  established leader;
  const auto round = leader.round_asked(leader.core.on(read_index_request{5}));
  EXPECT_THAT(leader.accepted(1, second, round + 1).reads, IsEmpty());
  EXPECT_EQ(leader.accepted(1, second, round).reads.size(), 1u);
}

TEST(leader_core, a_lost_read_round_is_repeated_by_the_heartbeat) {
  established leader;
  const auto round = leader.round_asked(leader.core.on(read_index_request{5}));
  EXPECT_EQ(leader.round_asked(leader.core.on(tick{})), round);
}

TEST(leader_core, reads_that_wait_are_answered_when_it_steps_down) {
  established leader;
  leader.core.on(read_index_request{5});
  leader.core.on(read_index_request{6});
  auto step = leader.core.on(append_reply{.term = {3}, .follower = second});
  ASSERT_EQ(step.reads.size(), 2u);
  for (const auto& reply : step.reads)
    EXPECT_EQ(reply.error, errc::leader_changed);
}

TEST(leader_core, its_state_holds_together) {
  established leader;
  check(leader.core);
  EXPECT_EQ(leader.core.status(), (raft_status{raft_role::leader, {1}, us, {1}, {1}}));
}

} // namespace

} // namespace troupe::raft
