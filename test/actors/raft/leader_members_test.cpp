#include "test/actors/raft/leading.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::raft {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using what = configuration_step::what;

constexpr member_id fourth{4};
constexpr member_id fifth{5};

configuration_step add(member_id id, std::string url = "u") {
  return {what::add_voter, id, {std::move(url)}, {}};
}

configuration_step step_of(what kind, member_id id) {
  return {kind, id, {}, {}};
}

// --- a leader changes the configuration

propose change_to(std::vector<configuration_step> steps, std::uint64_t counter = 50) {
  return {{{.counter = counter,
            .kind = entry_kind::configuration,
            .payload = encode(configuration_change{std::move(steps)})}}};
}

/// An established leader whose own entry is applied too: it may change the configuration.
struct settled : established {
  explicit settled(standing from = {.term = 1}) : established{std::move(from)} {
    core.on(applied{core.state().log().last(), {}});
  }

  output changed(std::vector<configuration_step> steps) {
    return core.on(change_to(std::move(steps)));
  }

  output applied_all() {
    return core.on(applied{core.state().log().at(core.state().commit_index()).id, {}});
  }

  configuration in_force() const {
    return core.state().membership().what;
  }
};

errc refused(const output& step) {
  return step.refused.empty() ? errc::none : step.refused.at(0).reason;
}

TEST(leader_core, a_configuration_is_in_force_when_it_is_appended_4_1) {
  settled leader;
  auto step = leader.changed({add(fourth)});
  ASSERT_EQ(step.to_append.size(), 1u);
  EXPECT_EQ(step.to_append[0].kind, entry_kind::configuration);
  EXPECT_EQ(step.to_append[0].origin, (entry_origin{us, {1}, 50}));
  EXPECT_EQ(decode_configuration(step.to_append[0].payload), leader.in_force());
  EXPECT_EQ(step.configured, (configuration_changed{leader.in_force(), {2}, false}));
  EXPECT_EQ(sent<append>(step, fourth, false).size(), 1u) << "the new one is reached at once";
  leader.written(step);
  leader.accepted(2, second);
  EXPECT_EQ(leader.core.state().commit_index(), log_index{1}) << "two are no majority of four";
  leader.accepted(2, third);
  EXPECT_EQ(leader.core.state().commit_index(), log_index{2});
}

TEST(leader_core, one_change_at_a_time_checklist_27) {
  established leader;
  EXPECT_EQ(refused(leader.core.on(change_to({add(fourth)}))), errc::none)
    << "its own entry is committed, the configuration came with the state";
  EXPECT_EQ(refused(leader.core.on(change_to({add(fifth)}))), errc::too_many_requests);
  leader.accepted(2, second);
  leader.accepted(2, third);
  EXPECT_EQ(refused(leader.core.on(change_to({add(fifth)}))), errc::too_many_requests)
    << "committed is not applied";
  leader.written(leader.opening);
}

TEST(leader_core, no_change_before_an_entry_of_its_term_is_committed_checklist_27) {
  leading leader{{.term = 2, .log = {1}, .commit_hint = 1, .applied = 1}};
  EXPECT_EQ(refused(leader.core.on(change_to({add(fourth)}))), errc::too_many_requests);
}

TEST(leader_core, a_refused_change_is_not_in_the_log_and_takes_nothing_with_it) {
  settled leader;
  auto request = change_to({add(second)});
  request.proposals.push_back({.counter = 51, .payload = blob{"x"}});
  request.proposals.push_back(
    {.counter = 52, .kind = entry_kind::configuration, .payload = blob{"\xff"}});
  request.proposals.push_back({.counter = 53, .kind = entry_kind::term_start, .payload = {}});
  auto step = leader.core.on(request);
  EXPECT_EQ(step.to_append.size(), 1u);
  ASSERT_EQ(step.refused.size(), 3u);
  EXPECT_EQ(step.refused[0].reason, errc::member_exists);
  EXPECT_THAT(step.refused[0].counters, ElementsAre(50u));
  EXPECT_EQ(step.refused[1].reason, errc::malformed_message);
  EXPECT_EQ(step.refused[2].reason, errc::malformed_message);
}

TEST(leader_core, a_learner_does_not_count_checklist_30) {
  settled leader{{.term = 1, .voters = {us, second, third}, .learners = {fifth}}};
  auto step = leader.proposed("x");
  leader.written(step);
  leader.accepted(1, fifth);
  leader.accepted(2, fifth);
  EXPECT_EQ(leader.core.state().commit_index(), log_index{1});
  leader.accepted(2, second);
  EXPECT_EQ(leader.core.state().commit_index(), log_index{2});
}

TEST(leader_core, leaves_a_joint_configuration_once_it_is_applied_6) {
  settled leader{{.term = 1, .limits = {.strict_reconfig_check = false}}};
  auto step = leader.changed(
    {add(fourth), add(fifth, "v"), step_of(what::remove, second), step_of(what::remove, third)});
  EXPECT_TRUE(leader.in_force().is_joint());
  leader.written(step);
  leader.accepted(2, second);
  leader.accepted(2, third);
  EXPECT_EQ(leader.core.state().commit_index(), log_index{1}) << "nobody else of the new half";
  leader.accepted(2, fourth);
  EXPECT_EQ(leader.core.state().commit_index(), log_index{2});
  EXPECT_TRUE(leader.in_force().is_joint());
  step = leader.applied_all();
  ASSERT_EQ(step.to_append.size(), 1u);
  EXPECT_EQ(step.to_append[0].origin.counter, 0u);
  EXPECT_FALSE(leader.in_force().is_joint());
  EXPECT_EQ(leader.in_force().voters(), (std::set{us, fourth, fifth}));
}

TEST(leader_core, a_new_leader_leaves_the_joint_configuration_it_found) {
  auto state = make_replica({.term = 1, .log = {}, .voted_for = us});
  state.append(configuration_at(1, 1, joint_of({us, fourth}, {us, second})));
  leader_core core{std::move(state)};
  auto opening = core.start();
  core.on(written(opening, core.state()));
  auto accept = [&](member_id by) {
    return core.on(append_reply{.term = {1}, .follower = by, .success = true, .match = {2}});
  };
  accept(second);
  EXPECT_EQ(core.state().commit_index(), log_index{0});
  accept(fourth);
  EXPECT_EQ(core.state().commit_index(), log_index{2});
  EXPECT_EQ(core.on(applied{at(1, 2), {}}).to_append.size(), 1u);
}

TEST(leader_core, removes_itself_without_counting_itself_and_hands_over_checklist_33) {
  settled leader;
  auto step = leader.changed({step_of(what::remove, us)});
  EXPECT_FALSE(leader.written(step).next_role);
  step = leader.accepted(2, second);
  EXPECT_FALSE(step.next_role) << "one of two";
  step = leader.accepted(2, third);
  ASSERT_TRUE(step.next_role);
  EXPECT_EQ(step.next_role->role, raft_role::learner);
  EXPECT_EQ(step.next_role->state.commit_index(), log_index{2});
  EXPECT_THAT(ids(step.committed), ElementsAre(at(1, 2)));
  EXPECT_EQ(sent<timeout_now>(step, second, false).size()
              + sent<timeout_now>(step, third, false).size(),
            1u);
}

TEST(leader_core, who_was_removed_hears_that_it_was) {
  settled leader;
  auto step = leader.changed({step_of(what::remove, third)});
  EXPECT_EQ(entries_sent(step, third), 1u);
  leader.written(step);
  leader.accepted(2, second);
  auto told = sent<append>(leader.accepted(2, third), third, false);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].commit, log_index{2});
  leader.core.on(tick{});
  EXPECT_FALSE(leader.core.followers().contains(third));
}

TEST(leader_core, who_was_removed_and_is_silent_is_forgotten) {
  settled leader;
  leader.changed({step_of(what::remove, third)});
  for (int i = 0; i < 20; ++i) {
    leader.accepted(1, second);
    leader.core.on(tick{});
  }
  EXPECT_FALSE(leader.core.followers().contains(third));
}

// --- check-quorum (checklist 11, 15)

TEST(leader_core, steps_down_within_an_election_timeout_without_a_majority) {
  established leader;
  leader.core.on(read_index_request{5});
  for (int i = 0; i < 9; ++i)
    ASSERT_FALSE(leader.core.on(tick{}).next_role);
  auto step = leader.core.on(tick{});
  ASSERT_TRUE(step.next_role);
  EXPECT_EQ(step.next_role->role, raft_role::follower);
  EXPECT_FALSE(step.next_role->repeat_message);
  EXPECT_EQ(step.next_role->state.leader(), member_id{});
  EXPECT_EQ(step.next_role->state.term(), term_t{1});
  ASSERT_EQ(step.reads.size(), 1u);
  EXPECT_EQ(step.reads[0].error, errc::leader_changed);
}

TEST(leader_core, leads_on_while_a_majority_answers) {
  established leader{{.term = 1, .voters = {us, second, third}, .learners = {fifth}}};
  leader.written(leader.opening);
  for (int i = 0; i < 50; ++i) {
    ASSERT_FALSE(leader.core.on(tick{}).next_role);
    if (i % 5 == 0)
      leader.accepted(1, third);
  }
  int ticks = 0;
  for (; ticks < 20 && !leader.core.on(tick{}).next_role; ++ticks)
    leader.accepted(1, fifth);
  EXPECT_LT(ticks, 10) << "learners do not keep it";
}

TEST(leader_core, an_only_voter_leads_for_ever) {
  leading leader{{.term = 1, .voters = {us}}};
  for (int i = 0; i < 100; ++i)
    ASSERT_FALSE(leader.core.on(tick{}).next_role);
}

TEST(leader_core, gives_up_when_its_disk_hangs_checklist_15) {
  established leader;
  leader.proposed("x");
  int ticks = 0;
  for (; ticks < 100; ++ticks) {
    leader.accepted(2, second);
    if (leader.core.on(tick{}).next_role)
      break;
  }
  EXPECT_GE(ticks, 19);
  EXPECT_LE(ticks, 20) << "two election timeouts";
}

// --- forwarding

TEST(leader_core, appends_what_a_follower_forwards_with_its_origin) {
  settled leader;
  auto step = leader.core.on(forward_propose{second, {7}, {{.counter = 9, .payload = blob{"x"}}}});
  ASSERT_EQ(step.to_append.size(), 1u);
  EXPECT_EQ(step.to_append[0].origin, (entry_origin{second, {7}, 9}));
}

TEST(leader_core, refuses_what_was_forwarded_towards_its_origin) {
  leading leader{{.term = 1, .limits = {.uncommitted_bytes = 1}}};
  leader.proposed("xx");
  auto step = leader.core.on(forward_propose{second, {7}, {{.counter = 9, .payload = blob{"x"}}}});
  EXPECT_THAT(step.to_append, IsEmpty());
  EXPECT_THAT(step.refused, IsEmpty());
  EXPECT_THAT(sent<forward_refused>(step, second, false),
              ElementsAre(forward_refused{{7}, {9}, errc::too_many_requests}));
}

TEST(leader_core, takes_nothing_from_who_is_no_member) {
  settled leader;
  auto step = leader.core.on(forward_propose{{9}, {7}, {{.counter = 9, .payload = blob{"x"}}}});
  EXPECT_THAT(step.to_append, IsEmpty());
  EXPECT_EQ(sent<forward_refused>(step, {9}, false).size(), 1u);
}

TEST(leader_core, answers_a_forwarded_read_by_its_own_rounds) {
  established leader;
  const auto round = leader.round_asked(leader.core.on(forward_read{third, {7}, 9}));
  auto step = leader.accepted(1, second, round);
  EXPECT_THAT(step.reads, IsEmpty());
  EXPECT_THAT(sent<forward_read_reply>(step, third, false),
              ElementsAre(forward_read_reply{{7}, 9, errc::none, {1}}));
  leader.core.on(forward_read{third, {7}, 10});
  step = leader.core.on(append_reply{.term = {2}, .follower = second});
  EXPECT_THAT(sent<forward_read_reply>(step, third, false),
              ElementsAre(forward_read_reply{{7}, 10, errc::leader_changed, {}}));
}

TEST(leader_core, reads_that_wait_are_bounded) {
  leading leader{{.term = 1, .limits = {.waiting_reads = 1}}};
  EXPECT_THAT(leader.core.on(read_index_request{1}).reads, IsEmpty());
  EXPECT_EQ(leader.core.on(read_index_request{2}).reads.at(0).error, errc::too_many_requests);
}

// --- transfer (thesis 3.10, checklist 14)

TEST(leader_core, hands_over_to_who_has_its_whole_log_3_10) {
  established leader;
  auto step = leader.core.on(transfer_leadership{6, second});
  EXPECT_THAT(sent<timeout_now>(step, second, false), ElementsAre(timeout_now{{1}, us}));
  EXPECT_THAT(step.transfers, IsEmpty());
  step = leader.core.on(request_vote{{2}, second, at(1, 1), false, true});
  ASSERT_TRUE(step.next_role);
  EXPECT_TRUE(step.next_role->repeat_message);
  EXPECT_THAT(step.transfers, ElementsAre(transfer_reply{6, errc::none}));
}

TEST(leader_core, brings_the_next_leader_up_to_date_first) {
  established leader;
  leader.proposed("x");
  EXPECT_THAT(sent<timeout_now>(leader.core.on(transfer_leadership{6, second}), second, false),
              IsEmpty());
  EXPECT_EQ(sent<timeout_now>(leader.accepted(2, second), second, false).size(), 1u);
}

TEST(leader_core, takes_no_proposals_while_it_hands_over) {
  established leader;
  leader.core.on(transfer_leadership{6, second});
  auto step = leader.proposed("x");
  EXPECT_THAT(step.to_append, IsEmpty());
  EXPECT_EQ(refused(step), errc::leader_changed);
}

TEST(leader_core, gives_a_transfer_up_after_an_election_timeout) {
  established leader;
  leader.core.on(transfer_leadership{6, second});
  for (int i = 0; i < 9; ++i) {
    leader.accepted(1, third);
    ASSERT_THAT(leader.core.on(tick{}).transfers, IsEmpty());
  }
  EXPECT_THAT(leader.core.on(tick{}).transfers, ElementsAre(transfer_reply{6, errc::timeout}));
  EXPECT_EQ(leader.proposed("x").to_append.size(), 1u);
}

TEST(leader_core, a_transfer_that_somebody_else_ends_says_so) {
  established leader;
  leader.core.on(transfer_leadership{6, second});
  EXPECT_THAT(leader.core.on(append_reply{.term = {2}, .follower = third}).transfers,
              ElementsAre(transfer_reply{6, errc::leader_changed}));
}

TEST(leader_core, refuses_a_transfer_to_who_cannot_lead) {
  established leader{{.term = 1, .voters = {us, second, third}, .learners = {fifth}}};
  auto answer_to = [&](member_id to) {
    auto step = leader.core.on(transfer_leadership{6, to});
    return step.transfers.empty() ? errc::internal : step.transfers.at(0).error;
  };
  EXPECT_EQ(answer_to(us), errc::none) << "it leads already";
  EXPECT_EQ(answer_to(fifth), errc::bad_leader_transferee);
  EXPECT_EQ(answer_to({9}), errc::bad_leader_transferee);
  for (int i = 0; i < 10; ++i) {
    leader.accepted(1, second);
    leader.core.on(tick{});
  }
  EXPECT_EQ(answer_to(third), errc::unhealthy) << "it is silent";
  EXPECT_EQ(answer_to(second), errc::internal) << "begun";
  EXPECT_EQ(answer_to(second), errc::too_many_requests);
}

// --- snapshots (thesis 5; the edges: checklist 43)

/// A leader of three in term 1 that keeps nothing that is applied: 1/1 to 1/3 are, 1/4 opens its
/// term.
struct forgetful : leading {
  explicit forgetful(std::size_t snapshot_tail = 0)
      : leading{{.term = 1,
                 .log = {1, 1, 1},
                 .commit_hint = 3,
                 .limits = {.log_tail_bytes = 0, .snapshot_tail_bytes = snapshot_tail}}} {
    core.on(applied{at(1, 3), {}});
    written(opening);
    accepted(4, third);
  }
};

TEST(leader_core, asks_once_for_a_snapshot_for_who_needs_what_is_not_kept) {
  forgetful leader;
  ASSERT_EQ(leader.core.state().log().before_first(), at(1, 3));
  auto step = leader.rejected(1);
  EXPECT_THAT(step.snapshots, ElementsAre(snapshot_wanted{second, {0}}));
  EXPECT_THAT(leader.rejected(1).snapshots, IsEmpty());
  step = leader.core.on(tick{});
  EXPECT_THAT(step.snapshots, IsEmpty());
  auto heartbeat = sent<append>(step, second, false);
  ASSERT_EQ(heartbeat.size(), 1u) << "it still hears its leader";
  EXPECT_EQ(heartbeat[0].prev, at(1, 3));
  EXPECT_THAT(heartbeat[0].entries, IsEmpty());
}

TEST(leader_core, at_the_boundary_entries_go_and_below_it_a_snapshot_checklist_43) {
  for (std::uint64_t hint = 0; hint <= 4; ++hint) {
    forgetful leader;
    auto step = leader.rejected(hint);
    auto rpc = sent<append>(step, second, false);
    if (hint < 3) {
      EXPECT_EQ(step.snapshots.size(), 1u) << hint;
      EXPECT_THAT(rpc, IsEmpty()) << hint;
    } else {
      // The first probe went with prev 1/3: a rejection of it goes back at least one.
      EXPECT_EQ(step.snapshots.size(), 1u) << hint;
    }
  }
  forgetful leader;
  leader.accepted(3);
  leader.core.on(link_lost{second});
  auto rpc = sent<append>(leader.core.on(link_found{second}), second, false);
  ASSERT_EQ(rpc.size(), 1u);
  EXPECT_EQ(rpc[0].prev, at(1, 3)) << "the term before the kept tail is known";
  EXPECT_EQ(rpc[0].entries.size(), 1u);
}

TEST(leader_core, an_installed_snapshot_is_followed_by_what_comes_behind_it) {
  forgetful leader;
  leader.rejected(1);
  auto step = leader.core.on(snapshot_result{second, at(1, 3), true});
  auto rpc = sent<append>(step, second, false);
  ASSERT_EQ(rpc.size(), 1u);
  EXPECT_EQ(rpc[0].prev, at(1, 3));
  EXPECT_THAT(ids(rpc[0].entries), ElementsAre(at(1, 4)));
}

TEST(leader_core, a_snapshot_that_holds_everything_leaves_nothing_to_send) {
  forgetful leader;
  leader.rejected(1);
  leader.core.on(applied{at(1, 4), {}});
  auto step = leader.core.on(snapshot_result{second, at(1, 4), true});
  EXPECT_THAT(step.to_send_now, IsEmpty());
  auto heartbeat = sent<append>(leader.core.on(tick{}), second, false);
  EXPECT_EQ(heartbeat.at(0).prev, at(1, 4));
  EXPECT_EQ(entries_sent(leader.proposed("x"), second), 1u);
  leader.accepted(5);
  EXPECT_EQ(leader.core.followers().at(second).next_index, log_index{6});
}

TEST(leader_core, a_failed_snapshot_is_asked_for_again_after_a_pause) {
  forgetful leader;
  leader.rejected(1);
  EXPECT_THAT(leader.core.on(snapshot_result{second, {}, false}).snapshots, IsEmpty());
  for (int i = 0; i < 9; ++i) {
    leader.accepted(4, third);
    leader.rejected(1);
    ASSERT_THAT(leader.core.on(tick{}).snapshots, IsEmpty());
  }
  leader.rejected(1);
  EXPECT_EQ(leader.core.on(tick{}).snapshots.size(), 1u);
}

TEST(leader_core, asks_for_no_snapshot_for_who_is_not_there) {
  forgetful leader;
  leader.core.on(applied{at(1, 4), {}});
  leader.proposed("x");
  EXPECT_THAT(leader.core.on(tick{}).snapshots, IsEmpty()) << "it has not said a word yet";
}

TEST(leader_core, keeps_its_log_for_who_gets_a_snapshot_within_a_bound_checklist_40) {
  const auto one = cost_of(entry_at(1, 1, std::string(100, 'x')));
  forgetful leader{3 * one};
  leader.rejected(1);
  auto commit_another = [&] {
    auto step = leader.proposed(std::string(100, 'x'));
    leader.written(step);
    const auto last = leader.core.state().log().last();
    leader.accepted(last.index.value, third);
    leader.core.on(applied{last, {}});
  };
  for (int i = 0; i < 2; ++i)
    commit_another();
  EXPECT_EQ(leader.core.state().log().before_first(), at(1, 3)) << "everything since it was asked";
  for (int i = 0; i < 9; ++i)
    commit_another();
  EXPECT_GT(leader.core.state().log().before_first().index, log_index{3});
  EXPECT_LE(leader.core.state().log().bytes(), 3 * one);
}

TEST(leader_core, keeps_its_log_until_who_got_a_snapshot_has_caught_up) {
  forgetful leader{1 << 20};
  leader.rejected(1);
  auto step = leader.proposed("x");
  leader.written(step);
  leader.accepted(5, third);
  leader.core.on(snapshot_result{second, at(1, 3), true});
  leader.core.on(applied{at(1, 5), {}});
  EXPECT_EQ(leader.core.state().log().before_first(), at(1, 3));
  leader.accepted(5);
  leader.core.on(applied{at(1, 5), {}});
  EXPECT_EQ(leader.core.state().log().before_first(), at(1, 5));
}

} // namespace

} // namespace troupe::raft
