#include "actors/sim/lease_check.hpp"
#include "test/actors/sim/history_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using type = lease_operation::type;

constexpr history_time second = 1'000'000'000;

/// `at` in seconds.
lease_operation lease(type kind, interval at, std::optional<std::int64_t> ttl) {
  return {.client = "c",
          .invoked = at.first * second,
          .returned = ttl ? at.second * second : open_end,
          .kind = kind,
          .lease = {7},
          .ttl_seconds = ttl};
}

lease_operation grant(interval at) {
  return lease(type::grant, at, 10);
}

lease_operation renewed(interval at) {
  return lease(type::keep_alive, at, 10);
}

lease_operation refused(interval at) {
  return lease(type::keep_alive, at, 0);
}

lease_operation left(interval at, std::int64_t seconds) {
  return lease(type::time_to_live, at, seconds);
}

std::vector<std::string> check(std::vector<lease_operation> leases, lease_bounds bounds = {}) {
  return check_leases({.leases = std::move(leases)}, bounds);
}

TEST(LeaseCheckTest, ALeaseMayEndAfterItsTtl) {
  EXPECT_THAT(check({grant({0, 1}), refused({9, 10})}), IsEmpty());
  EXPECT_THAT(check({grant({0, 1}), renewed({5, 6}), left({14, 15}, -1)}), IsEmpty());
}

TEST(LeaseCheckTest, NeverBeforeItsTtlFromTheInvocationOfTheGrant) {
  EXPECT_THAT(check({grant({0, 1}), refused({8, 9})}),
              ElementsAre(HasSubstr("lease 7 ended before its TTL")));
}

TEST(LeaseCheckTest, NeverBeforeItsTtlFromTheInvocationOfARenewal) {
  auto gone = lease(type::gone, {14, 14}, 0);
  EXPECT_THAT(check({grant({0, 1}), renewed({5, 6}), gone}), ElementsAre(HasSubstr("before")));
}

TEST(LeaseCheckTest, ARenewalWithoutAnswerPromisesNothing) {
  EXPECT_THAT(check({grant({0, 1}), lease(type::keep_alive, {5, 6}, {}), refused({10, 11})}),
              IsEmpty());
}

TEST(LeaseCheckTest, ARevokeMayEndItAtAnyTime) {
  EXPECT_THAT(check({grant({0, 1}), lease(type::revoke, {2, 3}, 0), refused({4, 5})}), IsEmpty());
  EXPECT_THAT(check({grant({0, 1}), lease(type::revoke, {2, 3}, {}), refused({4, 5})}), IsEmpty());
  EXPECT_THAT(check({grant({0, 1}), refused({2, 3}), lease(type::revoke, {4, 5}, 0)}),
              ElementsAre(HasSubstr("before its TTL")));
}

TEST(LeaseCheckTest, NoRenewalAfterTheRevoke) {
  EXPECT_THAT(check({grant({0, 1}), lease(type::revoke, {2, 3}, 0), renewed({4, 5})}),
              ElementsAre(HasSubstr("lived on after its end was seen")));
  EXPECT_THAT(check({grant({0, 1}), lease(type::revoke, {2, 5}, 0), renewed({4, 6})}), IsEmpty());
}

TEST(LeaseCheckTest, FastClocksAreAllowedFor) {
  EXPECT_THAT(check({grant({0, 1}), refused({8, 9})}, {.early = 0.1}), IsEmpty());
  EXPECT_THAT(check({grant({0, 1}), refused({7, 8})}, {.early = 0.1}),
              ElementsAre(HasSubstr("before its TTL")));
}

TEST(LeaseCheckTest, TimeToLiveIsNeitherTooLongNorTooShort) {
  EXPECT_THAT(check({grant({0, 1}), left({3, 4}, 6)}), IsEmpty());
  EXPECT_THAT(check({grant({0, 1}), left({3, 4}, 5)}), ElementsAre(HasSubstr("less time left")));
  EXPECT_THAT(check({grant({0, 1}), left({3, 4}, 11)}), ElementsAre(HasSubstr("more time left")));
  EXPECT_THAT(check({grant({0, 5}), left({3, 4}, 2)}), IsEmpty());
}

TEST(LeaseCheckTest, NoLeaseLivesForEver) {
  lease_bounds bounds{.late = 2 * second};
  EXPECT_THAT(check({grant({0, 1}), left({13, 14}, 0)}, bounds), IsEmpty());
  EXPECT_THAT(check({grant({0, 1}), left({14, 15}, 0)}, bounds),
              ElementsAre(HasSubstr("lives long after")));
  EXPECT_THAT(
    check({grant({0, 1}), lease(type::keep_alive, {9, 9}, {}), left({30, 31}, 0)}, bounds),
    IsEmpty());
  EXPECT_THAT(check({grant({0, 1}), left({14, 15}, 0)}), IsEmpty());
}

TEST(LeaseCheckTest, AnIdGrantedTwiceIsNotJudged) {
  EXPECT_THAT(check({grant({0, 1}), refused({2, 3}), grant({4, 5})}), IsEmpty());
}

class LeaseKeysTest : public ::testing::Test {
protected:
  LeaseKeysTest() {
    history.leases.push_back(grant({0, 1}));
    auto x = put({1 * second, 2 * second}, "a", "x", 2);
    x.call.success[0].lease.value = 7;
    history.operations.push_back(x);
  }

  void read(interval at, bool found, std::int64_t revision) {
    std::optional<mvcc::key_value> shown;
    if (found)
      shown = kv("a", "x", 2, 2, 1);
    history.operations.push_back(
      get({at.first * second, at.second * second}, "a", revision, shown));
  }

  sim::history history;
};

TEST_F(LeaseKeysTest, AMissingKeyShowsTheEnd) {
  read({5, 6}, false, 3);
  EXPECT_THAT(check_leases(history), ElementsAre(HasSubstr("before its TTL")));
}

TEST_F(LeaseKeysTest, AKeyMissingAfterTheTtlIsRight) {
  read({9, 10}, false, 3);
  EXPECT_THAT(check_leases(history), IsEmpty());
}

TEST_F(LeaseKeysTest, AReadFromBeforeThePutShowsNothing) {
  read({1, 2}, false, 1);
  EXPECT_THAT(check_leases(history), IsEmpty());
}

TEST_F(LeaseKeysTest, AKeyThatSomebodyDeletesShowsNothing) {
  history.operations.push_back(open(3 * second, delete_call("a")));
  read({5, 6}, false, 3);
  EXPECT_THAT(check_leases(history), IsEmpty());
}

TEST_F(LeaseKeysTest, AKeyThatComesBackShowsLifeAfterTheEnd) {
  read({9, 10}, false, 3);
  read({11, 12}, true, 3);
  EXPECT_THAT(check_leases(history), ElementsAre(HasSubstr("lived on")));
  history.operations.back().call.serializable = true;
  EXPECT_THAT(check_leases(history), IsEmpty());
}

} // namespace
} // namespace troupe::sim
