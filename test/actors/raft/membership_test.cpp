#include "messages/membership.hpp"
#include "messages/proto/record.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {

namespace {

using ::testing::ElementsAre;

configured_member voter(const std::string& url) {
  return {.is_learner = false, .peer_urls = {url}, .name = "of " + url};
}

configuration joint() {
  configuration result;
  result.cluster = {77};
  result.members = {{{1}, voter("a")}, {{4}, voter("d")}, {{5}, voter("e")}};
  result.members[{6}] = {.is_learner = true, .peer_urls = {"f", "g"}, .name = {}};
  result.outgoing = {{{1}, voter("a")}, {{2}, voter("b")}, {{3}, voter("c")}};
  result.removed = {{8}, {9}};
  return result;
}

TEST(configuration, says_who_votes_and_who_belongs_to_it) {
  const auto now = joint();
  EXPECT_THAT(now.voters(), ElementsAre(member_id{1}, member_id{4}, member_id{5}));
  EXPECT_THAT(now.learners(), ElementsAre(member_id{6}));
  EXPECT_TRUE(now.is_joint());
  EXPECT_TRUE(now.is_voter({5}));
  EXPECT_TRUE(now.is_voter({2})) << "until the joint configuration is left";
  EXPECT_FALSE(now.is_voter({6}));
  EXPECT_TRUE(now.contains({6}));
  EXPECT_TRUE(now.contains({3}));
  EXPECT_FALSE(now.contains({8}));
  EXPECT_EQ(now.everyone().size(), 6u);
}

TEST(configuration, comes_back_from_an_entry_as_it_was) {
  EXPECT_EQ(decode_configuration(encode(joint())), joint());
}

TEST(configuration, the_founding_entry_is_one) {
  record::InitialMembership founding;
  founding.set_cluster_id(5);
  auto& member = *founding.add_members();
  member.set_id(1);
  member.set_name("n");
  member.add_peer_urls("http://a:1");
  const auto read = decode_configuration(blob{founding.SerializeAsString()});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->cluster, cluster_id{5});
  EXPECT_EQ(read->members.at({1}), (configured_member{.peer_urls = {"http://a:1"}, .name = "n"}));
  EXPECT_FALSE(read->is_joint());
}

TEST(configuration, bytes_that_are_none_are_refused) {
  EXPECT_FALSE(decode_configuration(blob{})) << "nobody votes";
  EXPECT_FALSE(decode_configuration(blob{"\xff\xff"}));
  record::InitialMembership twice;
  twice.add_members()->set_id(1);
  EXPECT_TRUE(decode_configuration(blob{twice.SerializeAsString()}));
  twice.add_members()->set_id(1);
  EXPECT_FALSE(decode_configuration(blob{twice.SerializeAsString()}));
  record::InitialMembership nobody;
  nobody.add_members()->set_id(0);
  EXPECT_FALSE(decode_configuration(blob{nobody.SerializeAsString()}));
}

TEST(configuration_change, comes_back_from_a_proposal_as_it_was) {
  using what = configuration_step::what;
  const configuration_change change{{{what::add_voter, {1}, {"a", "b"}, "n"},
                                     {what::add_learner, {2}, {"c"}, {}},
                                     {what::promote, {3}, {}, {}},
                                     {what::remove, {4}, {}, {}},
                                     {what::update_urls, {5}, {"d"}, {}}}};
  EXPECT_EQ(decode_configuration_change(encode(change)), change);
}

TEST(configuration_change, bytes_that_are_none_are_refused) {
  EXPECT_FALSE(decode_configuration_change(blob{}));
  EXPECT_FALSE(decode_configuration_change(blob{"\xff\xff"}));
  record::ConfigurationChange change;
  auto& step = *change.add_steps();
  step.set_id(1);
  EXPECT_FALSE(decode_configuration_change(blob{change.SerializeAsString()})) << "no kind";
  step.set_kind(static_cast<record::ConfigurationStep::Kind>(17));
  EXPECT_FALSE(decode_configuration_change(blob{change.SerializeAsString()})) << "unknown kind";
  step.set_kind(record::ConfigurationStep::REMOVE);
  EXPECT_TRUE(decode_configuration_change(blob{change.SerializeAsString()}));
  step.set_id(0);
  EXPECT_FALSE(decode_configuration_change(blob{change.SerializeAsString()})) << "no member";
}

} // namespace

} // namespace troupe
