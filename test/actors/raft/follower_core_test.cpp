#include "actors/raft/core/follower_core.hpp"
#include "messages/ensure.hpp"
#include "test/actors/raft/following.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::raft {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- votes (paper 5.2, 5.4.1)

TEST(follower_core, votes_for_a_candidate_whose_log_is_as_new_5_4_1) {
  follower_core core{make_replica({.term = 1, .log = {1, 1}})};
  auto step = core.on(vote_request(2, at(1, 2)));
  EXPECT_TRUE(answer<request_vote_reply>(step)->granted);
  EXPECT_EQ(answer<request_vote_reply>(step)->term, term_t{2});
  ASSERT_TRUE(step.to_persist);
  EXPECT_EQ(step.to_persist->term, term_t{2});
  EXPECT_EQ(step.to_persist->voted_for, second);
  EXPECT_EQ(step.batch, 1u);
}

TEST(follower_core, denies_a_candidate_whose_last_term_is_older_5_4_1) {
  follower_core core{make_replica({.term = 2, .log = {1, 2}})};
  auto step = core.on(vote_request(3, at(1, 9)));
  EXPECT_FALSE(answer<request_vote_reply>(step)->granted);
  EXPECT_EQ(step.to_persist->term, term_t{3});
  EXPECT_EQ(step.to_persist->voted_for, member_id{});
}

TEST(follower_core, denies_a_candidate_whose_log_is_shorter_5_4_1) {
  follower_core core{make_replica({.term = 2, .log = {1, 2, 2}})};
  auto step = core.on(vote_request(3, at(2, 2)));
  EXPECT_FALSE(answer<request_vote_reply>(step)->granted);
}

TEST(follower_core, votes_once_per_term_5_2) {
  follower_core core{make_replica({.term = 1})};
  EXPECT_TRUE(answer<request_vote_reply>(core.on(vote_request(2, {})))->granted);
  auto other = core.on(vote_request(2, {}, third));
  EXPECT_FALSE(answer<request_vote_reply>(other, third)->granted);
  EXPECT_FALSE(other.to_persist);
}

TEST(follower_core, repeats_its_vote_for_the_same_candidate_5_2) {
  follower_core core{make_replica({.term = 1})};
  core.on(vote_request(2, {}));
  auto again = core.on(vote_request(2, {}));
  EXPECT_TRUE(answer<request_vote_reply>(again)->granted);
  EXPECT_FALSE(again.to_persist);
  // Nothing new to write, but the first vote may still be on its way to the disk.
  EXPECT_EQ(again.batch, 1u);
  EXPECT_EQ(again.durable_batch, 0u);
}

TEST(follower_core, remembers_its_vote_over_a_crash_5_2) {
  follower_core core{make_replica({.term = 2, .voted_for = third})};
  EXPECT_FALSE(answer<request_vote_reply>(core.on(vote_request(2, {})))->granted);
}

TEST(follower_core, denies_a_stale_candidate_and_tells_it_the_term_5_1) {
  follower_core core{make_replica({.term = 5})};
  auto step = core.on(vote_request(4, at(4, 9)));
  EXPECT_FALSE(answer<request_vote_reply>(step)->granted);
  EXPECT_EQ(answer<request_vote_reply>(step)->term, term_t{5});
  EXPECT_FALSE(step.to_persist);
}

TEST(follower_core, a_voter_answers_also_who_is_not_in_its_configuration) {
  // Membership may have moved on where the candidate is (checklist 30).
  follower_core core{make_replica({.term = 1})};
  auto step = core.on(vote_request(2, {}, member_id{9}));
  EXPECT_TRUE(answer<request_vote_reply>(step, member_id{9})->granted);
}

// --- elections (paper 5.2)

TEST(follower_core, campaigns_when_no_leader_speaks_5_2) {
  follower_core core{make_replica({.term = 1})};
  for (int i = 0; i < 9; ++i)
    EXPECT_FALSE(core.on(tick{}).next_role);
  for (int i = 0; i < 11; ++i)
    if (auto step = core.on(tick{}); step.next_role) {
      EXPECT_EQ(step.next_role->role, raft_role::pre_candidate);
      EXPECT_EQ(step.next_role->state.term(), term_t{1});
      EXPECT_FALSE(step.next_role->repeat_message);
      return;
    }
  FAIL() << "no campaign within two election timeouts";
}

TEST(follower_core, waits_on_while_a_leader_speaks_5_2) {
  follower_core core{make_replica({.term = 1})};
  for (int i = 0; i < 100; ++i) {
    ASSERT_FALSE(core.on(tick{}).next_role);
    if (i % 5 == 0)
      core.on(append_of(1, {}, {}));
  }
}

TEST(follower_core, a_stale_leader_does_not_hold_up_an_election_5_1) {
  follower_core core{make_replica({.term = 2})};
  bool campaigned = false;
  for (int i = 0; i < 20 && !campaigned; ++i) {
    core.on(append_of(1, {}, {}));
    campaigned = core.on(tick{}).next_role.has_value();
  }
  EXPECT_TRUE(campaigned);
}

TEST(follower_core, a_denied_candidate_does_not_hold_up_an_election) {
  follower_core core{make_replica({.term = 2, .log = {1, 2}})};
  bool campaigned = false;
  for (std::uint64_t i = 0; i < 20 && !campaigned; ++i) {
    core.on(vote_request(3 + i, at(1, 1)));
    campaigned = core.on(tick{}).next_role.has_value();
  }
  EXPECT_TRUE(campaigned);
}

TEST(follower_core, an_only_voter_campaigns_at_the_first_tick) {
  follower_core core{make_replica({.voters = {us}})};
  auto step = core.on(tick{});
  ASSERT_TRUE(step.next_role);
  EXPECT_EQ(step.next_role->role, raft_role::candidate) << "it has nobody to ask";
}

TEST(follower_core, who_becomes_the_only_voter_waits_for_the_leader_that_leaves) {
  follower_core core{make_replica({.term = 1, .voters = {us, second}})};
  core.on(append_of(1, {}, {configuration_at(1, 1, members_of({us}))}));
  for (int i = 0; i < 9; ++i)
    ASSERT_FALSE(core.on(tick{}).next_role);
  EXPECT_EQ(core.on(timeout_now{{1}, second}).next_role->role, raft_role::candidate);
}

TEST(follower_core, without_pre_votes_it_campaigns_at_once) {
  follower_core core{make_replica({.term = 1, .limits = {.pre_vote = false}})};
  for (int i = 0; i < 20; ++i)
    if (auto step = core.on(tick{}); step.next_role) {
      EXPECT_EQ(step.next_role->role, raft_role::candidate);
      return;
    }
  FAIL();
}

TEST(follower_core, election_timeouts_are_spread_over_the_whole_range_5_2) {
  auto state = make_replica({});
  std::set<unsigned> drawn;
  for (int i = 0; i < 1000; ++i)
    drawn.insert(state.draw_election_timeout());
  EXPECT_EQ(drawn.size(), 10u);
  EXPECT_EQ(*drawn.begin(), 10u);
  EXPECT_EQ(*drawn.rbegin(), 19u);
}

// --- appends (paper 5.3)

TEST(follower_core, appends_what_follows_its_log_5_3) {
  follower_core core{make_replica({.term = 1, .log = {1}})};
  auto step = core.on(append_of(1, at(1, 1), {entry_at(1, 2), entry_at(1, 3)}));
  EXPECT_THAT(ids(step.to_append), ElementsAre(at(1, 2), at(1, 3)));
  EXPECT_TRUE(answer<append_reply>(step)->success);
  EXPECT_EQ(answer<append_reply>(step)->match, log_index{3});
  EXPECT_TRUE(step.to_send_now.empty());
}

TEST(follower_core, refuses_a_gap_and_names_its_end_5_3) {
  follower_core core{make_replica({.term = 1, .log = {1}})};
  auto step = core.on(append_of(1, at(1, 7), {entry_at(1, 8)}));
  EXPECT_FALSE(answer<append_reply>(step)->success);
  EXPECT_EQ(answer<append_reply>(step)->match, log_index{1});
  EXPECT_THAT(step.to_append, IsEmpty());
}

TEST(follower_core, refuses_another_term_at_prev_and_hints_below_that_term_5_3) {
  // Leader has terms 1 1 1 2; entries of terms 3 here cannot be in its log up to there.
  follower_core core{make_replica({.term = 4, .log = {1, 1, 3, 3}})};
  auto step = core.on(append_of(4, at(2, 4), {}));
  EXPECT_FALSE(answer<append_reply>(step)->success);
  EXPECT_EQ(answer<append_reply>(step)->match, log_index{2});
}

TEST(follower_core, a_conflict_cuts_the_log_from_there_5_3) {
  follower_core core{make_replica({.term = 3, .log = {1, 2, 2, 2}})};
  auto step = core.on(append_of(3, at(1, 1), {entry_at(3, 2)}));
  EXPECT_THAT(ids(step.to_append), ElementsAre(at(3, 2)));
  EXPECT_EQ(core.state().log().last(), at(3, 2));
  EXPECT_EQ(core.state().durable_index(), log_index{1});
}

TEST(follower_core, an_old_append_does_not_cut_newer_entries) {
  // Checklist 8.
  follower_core core{make_replica({.term = 1, .log = {1, 1, 1}})};
  auto step = core.on(append_of(1, at(1, 1), {entry_at(1, 2)}));
  EXPECT_TRUE(answer<append_reply>(step)->success);
  EXPECT_EQ(answer<append_reply>(step)->match, log_index{2});
  EXPECT_THAT(step.to_append, IsEmpty());
  EXPECT_EQ(core.state().log().last(), at(1, 3));
}

TEST(follower_core, a_committed_entry_is_never_overwritten_5_4_3) {
  follower_core core{make_replica({.term = 2, .log = {1, 1}, .commit_hint = 2})};
  EXPECT_THROW(core.on(append_of(2, at(1, 1), {entry_at(2, 2)})), invariant_error);
}

TEST(follower_core, two_leaders_in_one_term_are_a_broken_invariant_5_2) {
  follower_core core{make_replica({.term = 2})};
  core.on(append_of(2, {}, {}));
  auto rival = append_of(2, {}, {});
  rival.leader = third;
  EXPECT_THROW(core.on(rival), invariant_error);
}

TEST(follower_core, refuses_a_stale_leader_5_1) {
  follower_core core{make_replica({.term = 3, .log = {1}})};
  auto step = core.on(append_of(2, at(1, 1), {entry_at(2, 2)}));
  EXPECT_FALSE(answer<append_reply>(step)->success);
  EXPECT_EQ(answer<append_reply>(step)->term, term_t{3});
  EXPECT_THAT(step.to_append, IsEmpty());
}

TEST(follower_core, drops_an_append_that_makes_no_sense) {
  follower_core core{make_replica({.term = 2, .log = {1}})};
  for (const auto& bad : {append_of(2, at(1, 1), {entry_at(1, 3)}),
                          append_of(2, at(1, 1), {entry_at(2, 2), entry_at(1, 3)}),
                          append_of(2, at(1, 1), {entry_at(3, 2)}), append_of(2, at(1, 0), {})}) {
    auto step = core.on(bad);
    EXPECT_FALSE(answer<append_reply>(step));
    EXPECT_THAT(step.to_append, IsEmpty());
  }
}

TEST(follower_core, the_answer_and_the_entries_share_one_write) {
  // An append answer promises the entries and the term they brought (checklist 2).
  follower_core core{make_replica({.term = 1})};
  auto step = core.on(append_of(2, {}, {entry_at(2, 1)}));
  EXPECT_EQ(step.to_persist->term, term_t{2});
  EXPECT_EQ(step.to_append.size(), 1u);
  EXPECT_EQ(step.batch, 1u);
  EXPECT_EQ(step.durable_batch, 0u);
}

TEST(follower_core, echoes_the_read_round_also_when_it_refuses) {
  follower_core core{make_replica({.term = 1})};
  auto rpc = append_of(1, at(1, 5), {});
  rpc.read_round = 8;
  EXPECT_EQ(answer<append_reply>(core.on(rpc))->read_round, 8u);
}

// --- commit

TEST(follower_core, commits_only_what_the_leader_has_verified) {
  // Checklist 7: entries 2 and 3 here may differ from the leader's.
  follower_core core{make_replica({.term = 2, .log = {1, 1, 1}})};
  auto step = core.on(append_of(2, at(1, 1), {}, 3));
  EXPECT_EQ(core.state().commit_index(), log_index{1});
  EXPECT_THAT(ids(step.committed), ElementsAre(at(1, 1)));
}

TEST(follower_core, a_heartbeat_with_a_larger_commit_neither_commits_nor_fails) {
  follower_core core{make_replica({.term = 2})};
  auto step = core.on(append_of(2, {}, {}, 100));
  EXPECT_TRUE(answer<append_reply>(step)->success);
  EXPECT_THAT(step.committed, IsEmpty());
}

TEST(follower_core, the_commit_index_never_falls) {
  follower_core core{make_replica({.term = 1, .log = {1, 1, 1}})};
  core.on(append_of(1, at(1, 3), {}, 3));
  auto step = core.on(append_of(1, at(1, 1), {}, 1));
  EXPECT_EQ(core.state().commit_index(), log_index{3});
  EXPECT_THAT(step.committed, IsEmpty());
}

TEST(follower_core, hands_over_committed_entries_only_when_they_are_on_its_own_disk) {
  // The state never runs ahead of the own log.
  follower_core core{make_replica({.term = 1})};
  auto step = core.on(append_of(1, {}, {entry_at(1, 1), entry_at(1, 2)}, 2));
  EXPECT_EQ(core.state().commit_index(), log_index{2});
  EXPECT_THAT(step.committed, IsEmpty());
  auto later = core.on(written(step, core.state()));
  EXPECT_THAT(ids(later.committed), ElementsAre(at(1, 1), at(1, 2)));
  EXPECT_THAT(core.on(written(step, core.state())).committed, IsEmpty());
}

TEST(follower_core, starts_with_what_was_known_to_be_committed) {
  follower_core core{make_replica({.term = 1, .log = {1, 1, 1}, .commit_hint = 2, .applied = 1})};
  EXPECT_THAT(ids(core.start().committed), ElementsAre(at(1, 2)));
}

TEST(follower_core, writes_the_commit_hint_beside_entries_only) {
  follower_core core{make_replica({.term = 1, .log = {1}})};
  EXPECT_FALSE(core.on(append_of(1, at(1, 1), {}, 1)).to_persist);
  auto step = core.on(append_of(1, at(1, 1), {entry_at(1, 2)}, 1));
  EXPECT_EQ(step.to_persist->commit, log_index{1});
}

// --- the disk (checklist 6)

TEST(follower_core, a_late_answer_for_an_overwritten_entry_moves_nothing) {
  follower_core core{make_replica({.term = 1})};
  auto first = core.on(append_of(1, {}, {entry_at(1, 1)}));
  auto second_write = core.on(append_of(2, {}, {entry_at(2, 1)}, 1));
  EXPECT_EQ(second_write.batch, 2u);
  auto step = core.on(persisted{first.batch, at(1, 1)});
  EXPECT_EQ(core.state().durable_index(), log_index{0});
  EXPECT_THAT(step.committed, IsEmpty());
  EXPECT_THAT(ids(core.on(persisted{second_write.batch, at(2, 1)}).committed),
              ElementsAre(at(2, 1)));
}

TEST(follower_core, an_entry_that_came_back_counts_from_its_last_write) {
  // (1, 1) is written, overwritten and written again. The answer to the first write names the very
  // pair the log holds, but on disk the second write is still to come and takes it away.
  follower_core core{make_replica({.term = 1})};
  auto first = core.on(append_of(1, {}, {entry_at(1, 1)}));
  core.on(append_of(2, {}, {entry_at(2, 1)}));
  auto rival = append_of(3, {}, {entry_at(1, 1)}, 1);
  rival.leader = third;
  auto last = core.on(rival);
  core.on(persisted{first.batch, at(1, 1)});
  EXPECT_EQ(core.state().durable_index(), log_index{0});
  core.on(persisted{last.batch, at(1, 1)});
  EXPECT_EQ(core.state().durable_index(), log_index{1});
}

TEST(follower_core, an_append_may_begin_before_the_kept_tail) {
  auto limits = core_config{};
  limits.log_tail_bytes = 0;
  follower_core core{
    make_replica({.term = 1, .log = {1, 1, 1}, .commit_hint = 3, .limits = limits})};
  core.start();
  core.on(applied{at(1, 2), {}});
  ASSERT_EQ(core.state().log().before_first(), at(1, 2));
  auto step = core.on(append_of(1, at(1, 1), {entry_at(1, 2), entry_at(1, 3), entry_at(1, 4)}));
  EXPECT_EQ(answer<append_reply>(step)->match, log_index{4});
  EXPECT_THAT(ids(step.to_append), ElementsAre(at(1, 4)));
}

// --- terms

TEST(follower_core, learns_a_newer_term_from_any_answer_5_1) {
  follower_core core{make_replica({.term = 1})};
  EXPECT_EQ(core.on(request_vote_reply{{3}, second, true}).to_persist->term, term_t{3});
  EXPECT_EQ(core.on(append_reply{.term = {4}, .follower = second}).to_persist->term, term_t{4});
}

TEST(follower_core, knows_its_leader_until_the_term_moves_on) {
  follower_core core{make_replica({.term = 1})};
  core.on(append_of(1, {}, {}));
  EXPECT_EQ(core.status().leader, second);
  core.on(append_reply{.term = {2}, .follower = third});
  EXPECT_EQ(core.status().leader, member_id{});
}

TEST(replica, a_state_ahead_of_the_log_is_refused) {
  recovered_state found{.hard = {}, .before_first = {}, .entries = {}, .applied = at(1, 1)};
  EXPECT_THROW(replica(make_replica({}).config(), found, 1), invariant_error);
}

} // namespace

} // namespace troupe::raft
