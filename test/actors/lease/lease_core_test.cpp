#include "actors/lease/lease_core.hpp"
#include "messages/command.hpp"
#include "messages/proto/record.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>

namespace troupe::lease {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr lease_config quick{.election_timeout = 1s,
                             .checkpoint_interval = 300s,
                             .max_expiries = 3,
                             .expiry_interval = 2ms,
                             .max_expiry_entries = 2,
                             .max_checkpoints = 3};

constexpr std::int64_t forever = 9'000'000'000;

/// The core of the leader of term 2, at a time that the test moves.
struct lease_core_test : testing::Test {
  lease_core_test() {
    core.count_in({nullptr, counters});
    lead();
  }

  lease_output apply(lease_changes news) {
    lease_output out;
    if (news.upto == entry_id{})
      news.upto = {term, {++index}};
    core.on(news, now, out);
    return out;
  }

  lease_output hear(raft_role role, std::uint64_t of_term) {
    term = {of_term};
    lease_output out;
    core.on(raft_status{.role = role, .term = term, .leader = {1}}, now, out);
    return out;
  }

  /// Becomes leader and applies the entry that opens its term.
  void lead(std::uint64_t of_term = 2) {
    EXPECT_FALSE(hear(raft_role::leader, of_term).promoted);
    EXPECT_TRUE(apply({}).promoted);
  }

  lease_output grant(std::int64_t id, std::int64_t seconds) {
    return apply({.changes = {{lease_change::what::granted, {id}, seconds, {index + 1}}}});
  }

  lease_output revoke(std::int64_t id) {
    return apply({.changes = {{lease_change::what::revoked, {id}}}});
  }

  /// Lets time pass and ticks once.
  lease_output pass(nanoseconds span) {
    now += span;
    lease_output out;
    core.on_tick(now, out);
    return out;
  }

  renewal renew(std::int64_t id) {
    std::int64_t seconds = 0;
    return core.renew({id}, now, seconds);
  }

  lease_output propose() {
    lease_output out;
    core.propose_due(now, out);
    return out;
  }

  std::int64_t remaining(std::int64_t id) {
    auto found = core.find({id}, now);
    return found ? found->remaining_seconds : -1;
  }

  /// As the applier tells when it has applied this proposal, an expiry.
  lease_output apply_expiry(const proposal& what) {
    lease_changes news{.applied_proposals = {what.counter}};
    for (auto id : expired_in(what))
      news.changes.push_back({lease_change::what::revoked, {id}});
    return apply(news);
  }

  lease_output apply_checkpoint(const proposal& what) {
    lease_changes news{.applied_proposals = {what.counter}};
    auto checkpoints = checkpoints_in(what);
    for (const auto& left : checkpoints.leases())
      news.changes.push_back(
        {lease_change::what::checkpointed, {left.lease().id()}, left.seconds()});
    return apply(news);
  }

  static std::vector<std::int64_t> expired_in(const proposal& what) {
    auto command = decode_command(what.payload);
    EXPECT_EQ(command->kind, command_kind::lease_expiry);
    record::LeaseExpiry expiry;
    EXPECT_TRUE(expiry.ParseFromString(std::string{command->body.view()}));
    std::vector<std::int64_t> ids;
    for (const auto& lease : expiry.leases())
      ids.push_back(lease.id());
    return ids;
  }

  static record::LeaseCheckpoints checkpoints_in(const proposal& what) {
    auto command = decode_command(what.payload);
    EXPECT_EQ(command->kind, command_kind::lease_checkpoints);
    record::LeaseCheckpoints checkpoints;
    EXPECT_TRUE(checkpoints.ParseFromString(std::string{command->body.view()}));
    return checkpoints;
  }

  /// "id=seconds" of each.
  static std::vector<std::string> noted_in(const proposal& what) {
    std::vector<std::string> result;
    auto checkpoints = checkpoints_in(what);
    for (const auto& left : checkpoints.leases())
      result.push_back(std::to_string(left.lease().id()) + "=" + std::to_string(left.seconds()));
    return result;
  }

  std::shared_ptr<metrics::node_counters> counters = std::make_shared<metrics::node_counters>();
  lease_core core{quick};
  time_point now{1h};
  term_t term;
  std::uint64_t index = 0;
};

TEST_F(lease_core_test, expires_at_its_ttl_and_not_before) {
  grant(5, 10);
  EXPECT_THAT(pass(10s - 1ns).to_propose, IsEmpty());
  auto out = pass(1ns);
  ASSERT_EQ(out.to_propose.size(), 1u);
  EXPECT_THAT(expired_in(out.to_propose[0]), ElementsAre(5));
  EXPECT_GT(out.to_propose[0].counter, first_lease_counter);
}

TEST_F(lease_core_test, expiry_names_the_term_and_the_grant_it_means) {
  grant(5, 10);
  auto out = pass(10s);
  record::LeaseExpiry expiry;
  ASSERT_TRUE(
    expiry.ParseFromString(std::string{decode_command(out.to_propose.at(0).payload)->body.view()}));
  EXPECT_EQ(expiry.term(), 2u);
  EXPECT_EQ(expiry.leases(0).granted_at(), index);
}

TEST_F(lease_core_test, renewal_gives_the_whole_ttl_from_now) {
  grant(5, 10);
  pass(9s);
  std::int64_t seconds = 0;
  EXPECT_EQ(core.renew({5}, now, seconds), renewal::renewed);
  EXPECT_EQ(seconds, 10);
  EXPECT_THAT(pass(10s - 1ns).to_propose, IsEmpty());
  EXPECT_EQ(pass(1ns).to_propose.size(), 1u);
}

TEST_F(lease_core_test, unknown_lease_is_gone) {
  EXPECT_EQ(renew(5), renewal::gone);
  EXPECT_EQ(core.find({5}, now), std::nullopt);
}

TEST_F(lease_core_test, expired_lease_is_not_renewed_and_its_end_settles_who_waits) {
  grant(5, 10);
  auto out = pass(10s);
  EXPECT_EQ(renew(5), renewal::wait);
  EXPECT_EQ(remaining(5), 0);
  EXPECT_THAT(apply_expiry(out.to_propose.at(0)).settled, ElementsAre(lease_id{5}));
  EXPECT_EQ(renew(5), renewal::gone);
  EXPECT_EQ(core.size(), 0u);
}

TEST_F(lease_core_test, what_is_due_between_two_ticks_is_not_renewed_either) {
  grant(5, 10);
  now += 10s;
  EXPECT_EQ(renew(5), renewal::wait);
  EXPECT_THAT(expired_in(propose().to_propose.at(0)), ElementsAre(5));
}

TEST_F(lease_core_test, many_expire_in_bounded_entries_few_of_them_under_way) {
  for (std::int64_t id = 1; id <= 10; ++id)
    grant(id, 10);
  // The first, and one more that makes up for a timer that comes late.
  auto first = pass(10s);
  ASSERT_EQ(first.to_propose.size(), 2u);
  EXPECT_THAT(expired_in(first.to_propose[0]), ElementsAre(1, 2, 3));
  EXPECT_THAT(expired_in(first.to_propose[1]), ElementsAre(4, 5, 6));
  EXPECT_FALSE(first.due) << "two are under way, the next waits for one of them";
  EXPECT_THAT(pass(100ms).to_propose, IsEmpty());
  auto second = apply_expiry(first.to_propose[0]);
  EXPECT_THAT(expired_in(second.to_propose.at(0)), ElementsAre(7, 8, 9));
  auto third = apply_expiry(second.to_propose[0]);
  EXPECT_THAT(expired_in(third.to_propose.at(0)), ElementsAre(10));
  EXPECT_THAT(apply_expiry(first.to_propose[1]).to_propose, IsEmpty());
  EXPECT_THAT(apply_expiry(third.to_propose[0]).to_propose, IsEmpty());
  EXPECT_EQ(counters->leases.expired.value(), 10u);
}

TEST_F(lease_core_test, entries_of_expiries_leave_at_the_pace_they_are_given) {
  for (std::int64_t id = 1; id <= 10; ++id)
    grant(id, 10);
  auto first = pass(10s);
  auto next = apply_expiry(first.to_propose.at(0));
  EXPECT_THAT(next.to_propose, IsEmpty());
  ASSERT_TRUE(next.due);
  EXPECT_EQ(*next.due, now + quick.expiry_interval);
  now = *next.due - 1ns;
  EXPECT_THAT(propose().to_propose, IsEmpty());
  now += 1ns;
  EXPECT_THAT(expired_in(propose().to_propose.at(0)), ElementsAre(7, 8, 9));
}

TEST_F(lease_core_test, leases_that_end_together_leave_in_the_order_of_the_store) {
  for (std::int64_t id : {4, -1, 2, 9, 3})
    grant(id, 10);
  auto out = pass(10s);
  EXPECT_THAT(expired_in(out.to_propose.at(0)), ElementsAre(2, 3, 4));
  EXPECT_THAT(expired_in(out.to_propose.at(1)), ElementsAre(9, -1));
}

TEST_F(lease_core_test, refused_expiry_is_proposed_again_at_the_next_tick) {
  grant(5, 10);
  auto out = pass(10s);
  core.on(propose_refused{{1, out.to_propose.at(0).counter}, errc::too_many_requests});
  auto again = pass(100ms);
  ASSERT_EQ(again.to_propose.size(), 1u);
  EXPECT_THAT(expired_in(again.to_propose[0]), ElementsAre(5));
  EXPECT_NE(again.to_propose[0].counter, out.to_propose[0].counter);
}

TEST_F(lease_core_test, expiry_without_effect_is_proposed_again_after_a_pause) {
  grant(5, 10);
  auto out = pass(10s);
  EXPECT_THAT(apply({.applied_proposals = {out.to_propose.at(0).counter}}).to_propose, IsEmpty());
  EXPECT_THAT(pass(400ms).to_propose, IsEmpty()) << "what kept it may last";
  auto again = pass(100ms);
  EXPECT_THAT(expired_in(again.to_propose.at(0)), ElementsAre(5));
}

TEST_F(lease_core_test, lease_granted_anew_under_its_old_id_starts_afresh) {
  grant(5, 10);
  auto old = pass(10s);
  revoke(5);
  grant(5, 20);
  EXPECT_EQ(renew(5), renewal::renewed);
  apply({.applied_proposals = {old.to_propose.at(0).counter}});
  EXPECT_THAT(pass(20s - 1ns).to_propose, IsEmpty());
  EXPECT_THAT(expired_in(pass(1ns).to_propose.at(0)), ElementsAre(5));
}

TEST_F(lease_core_test, follower_lets_nothing_expire_and_renews_nothing) {
  hear(raft_role::follower, 3);
  grant(5, 10);
  EXPECT_THAT(pass(1h).to_propose, IsEmpty());
  EXPECT_EQ(renew(5), renewal::wait);
  EXPECT_FALSE(core.leads());
  EXPECT_THAT(core.list(), ElementsAre(lease_id{5}));
}

TEST_F(lease_core_test, leader_counts_from_when_it_has_applied_the_entry_that_opens_its_term) {
  grant(5, 10);
  hear(raft_role::follower, 3);
  now += 1h;
  hear(raft_role::leader, 4);
  EXPECT_FALSE(core.leads()) << "entries of earlier terms may not be applied yet";
  now += 1h;
  EXPECT_TRUE(apply({}).promoted);
  EXPECT_THAT(pass(11s - 1ns).to_propose, IsEmpty()) << "the TTL and an election timeout";
  EXPECT_THAT(expired_in(pass(1ns).to_propose.at(0)), ElementsAre(5));
}

TEST_F(lease_core_test, new_term_of_the_same_leader_starts_every_lease_anew) {
  grant(5, 10);
  auto lost = pass(10s);
  lead(4);
  EXPECT_EQ(renew(5), renewal::renewed) << "its end was not decided, and now it lives again";
  core.on(propose_refused{{lost.to_propose.at(0).counter}, errc::not_leader});
  EXPECT_THAT(pass(100ms).to_propose, IsEmpty());
}

// The renewal ends the grace of one election timeout.
TEST_F(lease_core_test, lease_renewed_right_after_a_promotion_expires_at_its_ttl) {
  grant(7, 10);
  lead(3);
  EXPECT_EQ(renew(7), renewal::renewed);
  EXPECT_THAT(pass(10s - 1ns).to_propose, IsEmpty());
  auto out = pass(1ns);
  ASSERT_EQ(out.to_propose.size(), 1u);
  EXPECT_THAT(expired_in(out.to_propose[0]), ElementsAre(7));
}

TEST_F(lease_core_test, short_leases_cost_no_checkpoints) {
  grant(5, 300);
  for (int i = 0; i < 3'000; ++i)
    ASSERT_THAT(pass(90ms).to_propose, IsEmpty());
}

TEST_F(lease_core_test, long_leases_are_noted_at_each_interval_while_more_than_one_is_left) {
  grant(5, 1000);
  EXPECT_THAT(pass(300s - 1ns).to_propose, IsEmpty());
  auto first = pass(1ns);
  EXPECT_THAT(noted_in(first.to_propose.at(0)), ElementsAre("5=700"));
  apply_checkpoint(first.to_propose[0]);
  EXPECT_THAT(pass(299s).to_propose, IsEmpty());
  auto second = pass(1s);
  EXPECT_THAT(noted_in(second.to_propose.at(0)), ElementsAre("5=400"));
  apply_checkpoint(second.to_propose[0]);
  EXPECT_THAT(pass(300s).to_propose, IsEmpty()) << "only 100 s are left";
  EXPECT_THAT(expired_in(pass(100s).to_propose.at(0)), ElementsAre(5));
}

TEST_F(lease_core_test, what_is_left_is_rounded_up) {
  grant(5, 1000);
  EXPECT_THAT(noted_in(pass(300s + 1ms).to_propose.at(0)), ElementsAre("5=700"));
}

TEST_F(lease_core_test, many_checkpoints_share_entries) {
  for (std::int64_t id = 1; id <= 4; ++id)
    grant(id, 1000);
  auto first = pass(300s);
  EXPECT_THAT(noted_in(first.to_propose.at(0)), ElementsAre("1=700", "2=700", "3=700"));
  EXPECT_THAT(noted_in(apply_checkpoint(first.to_propose[0]).to_propose.at(0)),
              ElementsAre("4=700"));
}

TEST_F(lease_core_test, next_leader_starts_from_the_checkpoint) {
  grant(5, 1000);
  apply_checkpoint(pass(300s).to_propose.at(0));
  lead(4);
  EXPECT_EQ(remaining(5), 701);
}

TEST_F(lease_core_test, renewal_that_clears_a_checkpoint_counts_once_that_is_applied) {
  grant(5, 1000);
  apply_checkpoint(pass(300s).to_propose.at(0));
  EXPECT_EQ(renew(5), renewal::wait);
  EXPECT_EQ(renew(5), renewal::wait) << "a second one shares the entry";
  auto clear = propose();
  ASSERT_EQ(clear.to_propose.size(), 1u);
  EXPECT_THAT(noted_in(clear.to_propose[0]), ElementsAre("5=0"));
  now += 2s;
  EXPECT_THAT(apply_checkpoint(clear.to_propose[0]).settled, ElementsAre(lease_id{5}));
  EXPECT_EQ(renew(5), renewal::renewed);
  EXPECT_EQ(remaining(5), 1000) << "from the answer on";
  lead(4);
  EXPECT_EQ(remaining(5), 1001);
}

TEST_F(lease_core_test, renewal_while_a_checkpoint_is_under_way_waits_until_it_is_cleared) {
  grant(5, 1000);
  auto note = pass(300s);
  EXPECT_EQ(renew(5), renewal::wait);
  EXPECT_THAT(propose().to_propose, IsEmpty());
  auto clear = apply_checkpoint(note.to_propose.at(0));
  EXPECT_THAT(clear.settled, IsEmpty());
  EXPECT_THAT(noted_in(clear.to_propose.at(0)), ElementsAre("5=0"));
  EXPECT_THAT(apply_checkpoint(clear.to_propose[0]).settled, ElementsAre(lease_id{5}));
  EXPECT_EQ(renew(5), renewal::renewed);
}

TEST_F(lease_core_test, refused_checkpoint_leaves_nothing_to_clear) {
  grant(5, 1000);
  auto note = pass(300s);
  EXPECT_EQ(renew(5), renewal::wait);
  core.on(propose_refused{{note.to_propose.at(0).counter}, errc::too_many_requests});
  auto out = pass(100ms);
  EXPECT_THAT(out.settled, ElementsAre(lease_id{5}));
  EXPECT_THAT(out.to_propose, IsEmpty()) << "it was renewed: there is nothing to note either";
  EXPECT_EQ(renew(5), renewal::renewed);
}

TEST_F(lease_core_test, refused_checkpoints_are_proposed_again) {
  grant(5, 1000);
  auto note = pass(300s);
  core.on(propose_refused{{note.to_propose.at(0).counter}, errc::too_many_requests});
  EXPECT_THAT(noted_in(pass(1s).to_propose.at(0)), ElementsAre("5=699"));
}

TEST_F(lease_core_test, refused_clearing_is_proposed_again) {
  grant(5, 1000);
  apply_checkpoint(pass(300s).to_propose.at(0));
  EXPECT_EQ(renew(5), renewal::wait);
  core.on(propose_refused{{propose().to_propose.at(0).counter}, errc::too_many_requests});
  EXPECT_THAT(noted_in(pass(100ms).to_propose.at(0)), ElementsAre("5=0"));
}

TEST_F(lease_core_test, longest_ttl_does_not_wrap) {
  now = time_point{std::chrono::hours{24 * 365 * 20}};
  lead(4);
  grant(5, forever);
  EXPECT_THAT(pass(100ms).to_propose, IsEmpty());
  EXPECT_GT(remaining(5), forever / 2);
  EXPECT_EQ(renew(5), renewal::renewed);
  lead(6);
  EXPECT_THAT(pass(1h).to_propose.size(), 1u) << "a checkpoint";
}

TEST_F(lease_core_test, list_begins_with_the_least_time_left) {
  grant(1, 30);
  grant(-2, 10);
  grant(3, 20);
  EXPECT_THAT(core.list(), ElementsAre(lease_id{-2}, lease_id{3}, lease_id{1}));
  pass(5s);
  EXPECT_EQ(renew(-2), renewal::renewed);
  EXPECT_EQ(renew(3), renewal::renewed);
  EXPECT_THAT(core.list(), ElementsAre(lease_id{-2}, lease_id{3}, lease_id{1}));
  EXPECT_EQ(renew(1), renewal::renewed);
  EXPECT_EQ(core.find({1}, now)->granted_seconds, 30);
}

TEST_F(lease_core_test, leases_that_are_revoked_early_leave_nothing_behind) {
  for (std::int64_t id = 1; id <= 20'000; ++id) {
    grant(id, forever);
    revoke(id);
  }
  grant(30'000, 10);
  EXPECT_THAT(expired_in(pass(10s).to_propose.at(0)), ElementsAre(30'000));
}

TEST_F(lease_core_test, counts_what_happens) {
  grant(5, 10);
  grant(6, 10);
  renew(5);
  revoke(6);
  apply_expiry(pass(10s).to_propose.at(0));
  const auto& seen = counters->leases;
  EXPECT_EQ(seen.granted.value(), 2u);
  EXPECT_EQ(seen.renewed.value(), 1u);
  EXPECT_EQ(seen.revoked.value(), 2u);
  EXPECT_EQ(seen.expired.value(), 1u);
  EXPECT_EQ(seen.ttl_seconds.sum(), 20u);
}

} // namespace
} // namespace troupe::lease
