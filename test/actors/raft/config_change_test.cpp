#include "actors/raft/core/config_change.hpp"
#include "test/actors/raft/core_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::raft {

namespace {

using ::testing::ElementsAre;
using what = configuration_step::what;

constexpr member_id fourth{4};
constexpr member_id fifth{5};

configuration_step add(member_id id, std::string url = "u") {
  return {what::add_voter, id, {std::move(url)}, {}};
}

configuration_step add_learner(member_id id) {
  return {what::add_learner, id, {"l"}, {}};
}

configuration_step step_of(what kind, member_id id) {
  return {kind, id, {}, {}};
}

/// Everybody of three voters and learner 5 is well and has the whole log of ten entries.
struct judged {
  judged() {
    now.members[us].peer_urls = {"a"};
    for (auto id : {us, second, third, fifth})
      conditions.health[id] = {.started = true, .active = true, .match = {10}};
    conditions.last = {10};
  }

  std::variant<configuration, errc> of(std::vector<configuration_step> steps) const {
    return judge_change(now, {std::move(steps)}, conditions);
  }

  configuration next(std::vector<configuration_step> steps) const {
    return std::get<configuration>(of(std::move(steps)));
  }

  errc refusal(std::vector<configuration_step> steps) const {
    auto result = of(std::move(steps));
    return std::holds_alternative<errc>(result) ? std::get<errc>(result) : errc::none;
  }

  configuration now = members_of({us, second, third}, {fifth});
  change_conditions conditions;
};

TEST(config_change, one_vote_more_or_less_is_one_step_4_1) {
  judged cluster;
  EXPECT_EQ(cluster.next({add(fourth)}).voters(), (std::set{us, second, third, fourth}));
  EXPECT_FALSE(cluster.next({add(fourth)}).is_joint());
  auto without = cluster.next({step_of(what::remove, third)});
  EXPECT_EQ(without.voters(), (std::set{us, second}));
  EXPECT_EQ(without.removed, (std::set{third}));
  EXPECT_FALSE(without.is_joint());
  EXPECT_TRUE(cluster.next({step_of(what::promote, fifth)}).is_voter(fifth));
}

TEST(config_change, more_votes_at_once_go_over_a_joint_configuration_6) {
  judged cluster;
  auto next = cluster.next({add(fourth), step_of(what::remove, third)});
  EXPECT_TRUE(next.is_joint());
  EXPECT_EQ(next.voters(), (std::set{us, second, fourth}));
  EXPECT_EQ(next.outgoing.size(), 3u);
  EXPECT_TRUE(next.outgoing.contains(third));
  EXPECT_EQ(leave_joint(next).voters(), next.voters());
  EXPECT_FALSE(leave_joint(next).is_joint());
}

TEST(config_change, refuses_what_does_not_fit_the_members) {
  judged cluster;
  cluster.now.removed = {{9}};
  EXPECT_EQ(cluster.refusal({add(second)}), errc::member_exists);
  EXPECT_EQ(cluster.refusal({add(fourth, "a")}), errc::peer_url_exists);
  EXPECT_EQ(cluster.refusal({{what::update_urls, second, {"a"}, {}}}), errc::peer_url_exists);
  EXPECT_EQ(cluster.refusal({{what::update_urls, us, {"a"}, {}}}), errc::none);
  EXPECT_EQ(cluster.refusal({add({9})}), errc::member_not_found) << "never comes back";
  EXPECT_EQ(cluster.refusal({step_of(what::remove, {9})}), errc::member_not_found);
  EXPECT_EQ(cluster.refusal({step_of(what::promote, {9})}), errc::member_not_found);
  EXPECT_EQ(cluster.refusal({step_of(what::promote, second)}), errc::member_not_learner);
  EXPECT_EQ(cluster.refusal({add_learner(fourth)}), errc::too_many_learners);
  cluster.conditions.max_learners = 2;
  EXPECT_EQ(cluster.refusal({add_learner(fourth)}), errc::none);
}

TEST(config_change, new_urls_never_change_a_vote_checklist_31) {
  judged cluster;
  auto next = cluster.next({{what::update_urls, fifth, {"new"}, {}}});
  EXPECT_TRUE(next.members.at(fifth).is_learner);
  EXPECT_THAT(next.members.at(fifth).peer_urls, ElementsAre("new"));
}

TEST(config_change, a_learner_is_promoted_with_nine_tenths_of_the_log) {
  judged cluster;
  cluster.conditions.health[fifth].match = {8};
  EXPECT_EQ(cluster.refusal({step_of(what::promote, fifth)}), errc::learner_not_ready);
  cluster.conditions.health[fifth].match = {9};
  EXPECT_EQ(cluster.refusal({step_of(what::promote, fifth)}), errc::none);
}

TEST(config_change, a_member_may_be_added_while_one_of_three_is_down_checklist_34) {
  judged cluster;
  cluster.conditions.health[third].active = false;
  EXPECT_EQ(cluster.refusal({add(fourth)}), errc::none);
  EXPECT_EQ(cluster.refusal({step_of(what::remove, third)}), errc::none);
  EXPECT_EQ(cluster.refusal({step_of(what::remove, second)}), errc::unhealthy);
  EXPECT_EQ(cluster.refusal({add(fourth), step_of(what::remove, third)}), errc::none);
  EXPECT_EQ(cluster.refusal({add_learner(fourth), step_of(what::remove, fifth)}), errc::none);
  cluster.conditions.strict = false;
  EXPECT_EQ(cluster.refusal({step_of(what::remove, second)}), errc::none);
}

TEST(config_change, members_that_never_ran_do_not_count) {
  judged cluster;
  cluster.conditions.health[third] = {};
  EXPECT_EQ(cluster.refusal({add(fourth)}), errc::not_enough_started_members);
  EXPECT_EQ(cluster.refusal({step_of(what::remove, second)}), errc::not_enough_started_members);
  EXPECT_EQ(cluster.refusal({step_of(what::remove, third)}), errc::none);
}

TEST(config_change, one_may_become_two_and_two_one_but_not_none) {
  judged cluster;
  cluster.now = members_of({us});
  EXPECT_EQ(cluster.refusal({add(second)}), errc::none);
  EXPECT_EQ(cluster.refusal({step_of(what::remove, us)}), errc::not_enough_started_members);
  cluster.now = members_of({us, second});
  EXPECT_EQ(cluster.refusal({step_of(what::remove, second)}), errc::none);
}

} // namespace

} // namespace troupe::raft
