#include "actors/sim/linearizability.hpp"
#include "test/actors/sim/history_builder.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <set>

namespace troupe::sim {
namespace {

using ::testing::HasSubstr;
using outcome = linearizability_verdict::outcome;

void expect_holds(const std::vector<operation>& history) {
  auto verdict = check_linearizability(history);
  EXPECT_TRUE(verdict.holds()) << verdict.explanation;
}

/// The explanation, for more to be said of it.
std::string expect_violated(const std::vector<operation>& history, const std::string& why) {
  auto verdict = check_linearizability(history);
  EXPECT_EQ(verdict.found, outcome::violated);
  EXPECT_THAT(verdict.explanation, HasSubstr(why));
  return verdict.explanation;
}

operation serializable(operation x, std::string member) {
  x.call.serializable = true;
  x.member = std::move(member);
  return x;
}

operation deleted(interval at, const std::string& key, std::int64_t count, std::int64_t revision) {
  return answered(at, delete_call(key),
                  {.revision = revision, .answers = {kv_answer{.count = count}}});
}

operation swapped(interval at, kv_call call, std::int64_t revision) {
  return answered(at, std::move(call), {.revision = revision, .answers = {{}}});
}

TEST(LinearizabilityTest, NothingHappened) {
  expect_holds({});
}

TEST(LinearizabilityTest, ReadsFollowWrites) {
  expect_holds({put({1, 2}, "a", "x", 2), get({3, 4}, "a", 2, kv("a", "x", 2, 2, 1)),
                get({3, 4}, "b", 2, {}), put({5, 6}, "a", "y", 3),
                get({7, 8}, "a", 3, kv("a", "y", 2, 3, 2))});
}

TEST(LinearizabilityTest, ConcurrentOperationsStandInAnyOrder) {
  expect_holds({put({1, 10}, "a", "x", 3), put({2, 9}, "a", "y", 2), get({1, 10}, "a", 1, {}),
                get({3, 8}, "a", 2, kv("a", "y", 2, 2, 1))});
}

TEST(LinearizabilityTest, TwoReadsOfOneRevisionNeedNoOrder) {
  expect_holds({put({1, 2}, "a", "x", 2), get({10, 11}, "a", 2, kv("a", "x", 2, 2, 1)),
                get({3, 4}, "a", 2, kv("a", "x", 2, 2, 1))});
}

TEST(LinearizabilityTest, StaleReadIsFound) {
  auto why = expect_violated({put({1, 2}, "a", "x", 2), put({3, 4}, "a", "y", 3),
                              get({5, 6}, "a", 2, kv("a", "x", 2, 2, 1))},
                             "the second was over before the first began");
  EXPECT_THAT(why, HasSubstr("\"y\""));
  EXPECT_THAT(why, HasSubstr("range"));
}

TEST(LinearizabilityTest, StaleReadAmongReadsIsFound) {
  expect_violated({put({1, 100}, "a", "x", 2), get({5, 6}, "a", 2, kv("a", "x", 2, 2, 1)),
                   get({7, 8}, "a", 1, {})},
                  "the second was over before the first began");
}

TEST(LinearizabilityTest, AReadOfTheFutureIsFound) {
  expect_violated({get({1, 2}, "a", 2, kv("a", "x", 2, 2, 1)), put({3, 4}, "a", "x", 2)},
                  "the second was over before the first began");
}

TEST(LinearizabilityTest, LostWriteIsFound) {
  expect_violated({put({1, 2}, "a", "x", 2), put({3, 4}, "b", "y", 3), get({5, 6}, "a", 3, {})},
                  "it lacks a=\"x\"");
  expect_violated({put({1, 2}, "a", "x", 2), put({3, 4}, "a", "y", 3),
                   get({5, 6}, "a", 3, kv("a", "x", 2, 2, 1))},
                  "it shows");
}

TEST(LinearizabilityTest, ReusedRevisionIsFound) {
  expect_violated({put({1, 2}, "a", "x", 2), put({3, 4}, "b", "y", 2)},
                  "two writes were given the same revision");
}

TEST(LinearizabilityTest, WriteDoneTwiceIsFound) {
  expect_violated({put({1, 2}, "a", "x", 2), get({5, 6}, "a", 3, kv("a", "x", 2, 3, 2))},
                  "cannot have made so many");
  expect_violated({put({1, 2}, "a", "x", 2), open(3, put_call("b", "z")),
                   get({5, 6}, "a", 3, kv("a", "x", 2, 3, 2))},
                  "no operation can have made it");
}

TEST(LinearizabilityTest, UnansweredWriteHappensOnceAtMost) {
  std::vector<operation> history{open(1, put_call("a", "x")), open(1, put_call("b", "y")),
                                 get({5, 6}, "a", 2, kv("a", "x", 2, 2, 1))};
  expect_holds(history);
  history.push_back(get({7, 8}, "a", 3, kv("a", "x", 2, 3, 2)));
  expect_violated(history, "made one of the revisions 2");
}

TEST(LinearizabilityTest, PhantomsAreFound) {
  expect_violated({put({1, 2}, "a", "x", 2), get({3, 4}, "b", 2, kv("b", "z", 2, 2, 1))},
                  "which nobody wrote");
  expect_violated({put({1, 2}, "a", "x", 2), get({3, 4}, "a", 2, kv("a", "z", 2, 2, 1))},
                  "written otherwise at this revision");
}

TEST(LinearizabilityTest, AWildRevisionCostsNoMemory) {
  expect_violated({get({1, 2}, "a", std::int64_t{1} << 60, {})}, "cannot have made so many");
}

TEST(LinearizabilityTest, AKeyAboveTheHeaderIsFound) {
  expect_violated({put({1, 2}, "a", "x", 2), put({1, 9}, "a", "y", 3),
                   get({3, 9}, "a", 2, kv("a", "y", 2, 3, 2))},
                  "a mod revision above its header's");
}

TEST(LinearizabilityTest, UnansweredWriteMayHappenLateOrNever) {
  auto unknown = open(1, put_call("a", "u"));
  expect_holds({unknown, get({5, 6}, "a", 1, {})});
  expect_holds({unknown, get({5, 6}, "a", 1, {}), get({7, 8}, "a", 2, kv("a", "u", 2, 2, 1)),
                put({9, 10}, "a", "x", 3)});
  expect_holds({put({2, 3}, "b", "x", 2), unknown, put({9, 10}, "b", "x", 4)});
}

TEST(LinearizabilityTest, UnansweredWriteCannotHappenBeforeItsInvocation) {
  expect_violated({get({1, 2}, "b", 2, {}), open(3, put_call("a", "u")),
                   get({5, 6}, "a", 2, kv("a", "u", 2, 2, 1))},
                  "no operation can have made it");
}

TEST(LinearizabilityTest, TheRightOneOfManyUnansweredIsChosen) {
  std::vector<operation> history;
  for (int i = 0; i < 20; ++i)
    history.push_back(open(i, put_call("a", std::to_string(i))));
  for (int r = 2; r < 22; ++r)
    history.push_back(
      get({100 + 2 * r, 101 + 2 * r}, "a", r, kv("a", std::to_string(21 - r), 2, r, r - 1)));
  expect_holds(history);
  std::swap(history[25].result->answers[0].kvs[0].value,
            history[26].result->answers[0].kvs[0].value);
  expect_holds(history);
  history[25].result->answers[0].kvs[0].value = history[26].result->answers[0].kvs[0].value;
  expect_violated(history, "made one of the revisions");
}

TEST(LinearizabilityTest, AVersionSaysHowManyUnansweredWritesHappened) {
  std::vector<operation> history{put({1, 2}, "a", "x", 2),
                                 open(3, put_call("a", "u")),
                                 open(3, put_call("b", "v")),
                                 put({5, 6}, "c", "z", 4),
                                 get({7, 8}, "c", 4, kv("c", "z", 4, 4, 1)),
                                 put({9, 10}, "a", "y", 5)};
  expect_holds(history);
  auto once = history, twice = history;
  once.push_back(get({11, 12}, "a", 5, kv("a", "y", 2, 5, 2)));
  expect_holds(once);
  twice.push_back(get({11, 12}, "a", 5, kv("a", "y", 2, 5, 3)));
  expect_holds(twice);
  once.push_back(get({11, 12}, "b", 5, {}));
  expect_violated(once, "it lacks b=\"v\"");
}

TEST(LinearizabilityTest, TxnsStandAsAWhole) {
  kv_call both{.success = {put_call("a", "1").success[0], put_call("b", "1").success[0]}};
  auto txn = answered({1, 2}, both, {.revision = 2, .answers = {{}, {}}});
  expect_holds({txn, get({3, 4}, "b", 2, kv("b", "1", 2, 2, 1))});
  expect_violated({txn, get({3, 4}, "b", 2, {})}, "it lacks b");
  expect_violated(
    {open(1, both), get({3, 4}, "a", 2, kv("a", "1", 2, 2, 1)), get({3, 4}, "b", 2, {})},
    "it lacks b");
}

TEST(LinearizabilityTest, ConditionsAreEvaluated) {
  auto first = put({1, 2}, "a", "x", 2);
  expect_holds({first, swapped({3, 4}, swap_call("a", 2, "y"), 3)});
  expect_violated({first, swapped({3, 4}, swap_call("a", 0, "y"), 3)},
                  "its conditions do not hold: there is a=\"x\"");
  auto refused = answered(
    {3, 4}, swap_call("a", 0, "y"),
    {.revision = 2, .succeeded = false, .answers = {kv_answer{1, {kv("a", "x", 2, 2, 1)}}}});
  expect_holds({first, refused});
  refused.call.compares[0].number = 2;
  expect_violated({first, refused}, "its conditions hold");
}

TEST(LinearizabilityTest, AnUnansweredTxnTakesTheBranchOfItsMoment) {
  kv_call either{.compares = {{.key = "a", .target = kv_compare::field::version, .number = 0}},
                 .success = put_call("b", "first").success,
                 .failure = put_call("b", "second").success};
  auto a = put({2, 3}, "a", "x", 2);
  auto early = get({8, 9}, "b", 3, kv("b", "second", 3, 3, 1));
  expect_holds({open(1, either), a, early});
  early.result->answers[0].kvs[0].value = "first";
  expect_violated({open(1, either), a, early}, "fits");
}

TEST(LinearizabilityTest, DeletesCountWhatTheyDelete) {
  auto first = put({1, 2}, "a", "x", 2);
  expect_holds({first, deleted({3, 4}, "a", 1, 3), deleted({5, 6}, "a", 0, 3),
                put({7, 8}, "a", "y", 4), get({9, 10}, "a", 4, kv("a", "y", 4, 4, 1))});
  expect_violated({first, deleted({3, 4}, "a", 0, 2)}, "it deleted 0 keys");
  expect_violated({deleted({1, 2}, "a", 1, 2), put({3, 4}, "a", "x", 3)}, "it deleted 1 keys");
}

TEST(LinearizabilityTest, PreviousValuesAreChecked) {
  auto second = put({3, 4}, "a", "y", 3);
  second.call.success[0].prev_kv = true;
  expect_violated({put({1, 2}, "a", "x", 2), second}, "it lacks a=\"x\"");
  second.result->answers[0].kvs = {kv("a", "x", 2, 2, 1)};
  expect_holds({put({1, 2}, "a", "x", 2), second});
}

TEST(LinearizabilityTest, LimitsAndCounts) {
  auto limited = answered({5, 6}, range_call("a", "z"),
                          {.revision = 3, .answers = {{2, {kv("a", "x", 2, 2, 1)}}}});
  limited.call.success[0].limit = 1;
  expect_holds({put({1, 2}, "a", "x", 2), put({3, 4}, "b", "y", 3), limited});
  limited.result->answers[0].count = 1;
  expect_violated({put({1, 2}, "a", "x", 2), put({3, 4}, "b", "y", 3), limited}, "it counts 1");
}

TEST(LinearizabilityTest, ReadsAtARevision) {
  auto old = get({5, 6}, "a", 3, kv("a", "x", 2, 2, 1));
  old.call.success[0].revision = 2;
  expect_holds({put({1, 2}, "a", "x", 2), put({3, 4}, "a", "y", 3), old});
  old.result->answers[0].kvs[0].value = "y";
  expect_violated({put({1, 2}, "a", "x", 2), put({3, 4}, "a", "y", 3), old},
                  "written otherwise at this revision");
  old.call.success[0].revision = 4;
  expect_violated({old}, "a read of the future");
}

TEST(LinearizabilityTest, SerializableReadsMayBeOld) {
  auto a = put({1, 2}, "a", "x", 2), b = put({3, 4}, "a", "y", 3);
  auto old = serializable(get({5, 6}, "a", 2, kv("a", "x", 2, 2, 1)), "m1");
  expect_holds({a, b, old});
  auto wrong = old;
  wrong.result->answers[0].kvs[0].value = "y";
  expect_violated({a, b, wrong}, "written otherwise at this revision");
}

TEST(LinearizabilityTest, SerializableReadsOfAMemberNeverGoBack) {
  auto a = put({1, 2}, "a", "x", 2), b = put({3, 4}, "a", "y", 3);
  auto newer = serializable(get({5, 6}, "a", 3, kv("a", "y", 2, 3, 2)), "m1");
  auto older = serializable(get({7, 8}, "a", 2, kv("a", "x", 2, 2, 1)), "m1");
  expect_violated({a, b, newer, older}, "member m1 went back in time");
  older.member = "m2";
  expect_holds({a, b, newer, older});
  older.member = "m1";
  older.invoked = 5;
  expect_holds({a, b, newer, older});
  b.member = "m1";
  older.invoked = 7;
  expect_violated({a, b, older}, "member m1 went back in time");
}

TEST(LinearizabilityTest, SerializableReadsShowNothingOfTheFuture) {
  expect_violated(
    {serializable(get({1, 2}, "a", 2, kv("a", "x", 2, 2, 1)), "m1"), put({3, 4}, "a", "x", 2)},
    "the second was over before the first began");
}

TEST(LinearizabilityTest, ALeaseEndsOnceAndTakesItsKeys) {
  auto leased = [](interval at, const char* key, std::int64_t revision) {
    auto x = put(at, key, "x", revision);
    x.call.success[0].lease.value = 7;
    return x;
  };
  std::vector<operation> history{leased({1, 2}, "a", 2), leased({3, 4}, "b", 3),
                                 get({5, 6}, "a", 4, {}), get({5, 6}, "b", 4, {})};
  expect_holds(history);
  history.push_back(leased({7, 8}, "a", 5));
  expect_holds(history);
  history.push_back(get({9, 10}, "a", 6, {}));
  expect_violated(history, "made one of the revisions 4");
  auto half = get({5, 6}, "b", 4, kv("b", "x", 3, 3, 1));
  half.result->answers[0].kvs[0].lease.value = 7;
  expect_violated({leased({1, 2}, "a", 2), leased({3, 4}, "b", 3), get({5, 6}, "a", 4, {}), half},
                  "at revision");
}

TEST(LinearizabilityTest, AnswersThatExcludeEachOtherAreFoundBeforeTheSearch) {
  expect_violated({open(1, put_call("a", "x")), open(1, put_call("a", "y")),
                   get({5, 6}, "a", 2, kv("a", "x", 2, 2, 1)),
                   get({5, 6}, "a", 2, kv("a", "y", 2, 2, 1))},
                  "two answers differ about key a");
}

TEST(LinearizabilityTest, ASearchThatTakesTooLongSaysSo) {
  std::vector<operation> history{put({1, 2}, "a", "x", 2), put({3, 4}, "a", "y", 3)};
  EXPECT_EQ(check_linearizability(history, 2).found, outcome::undecided);
  EXPECT_EQ(check_linearizability(history, 10).found, outcome::holds);
}

// ---- against all orders -------------------------------------------------------------------------

/// Changes one thing of one answer, or takes one away.
void corrupt(std::vector<operation>& history, std::mt19937_64& random) {
  auto& x = history[random() % history.size()];
  if (!x.result) {
    x.invoked += static_cast<history_time>(random() % 100);
    return;
  }
  auto& answer = x.result->answers[random() % x.result->answers.size()];
  switch (random() % 6) {
  case 0:
    x.result->revision += random() % 2 == 0 ? 1 : -1;
    break;
  case 1:
    x.result.reset();
    x.returned = open_end;
    break;
  case 2:
    x.invoked -= 50;
    x.returned -= 50;
    break;
  case 3:
    if (!answer.kvs.empty())
      answer.kvs[0].version += random() % 2 == 0 ? 1 : -1;
    break;
  case 4:
    if (!answer.kvs.empty())
      answer.kvs[0].mod_revision -= 1;
    break;
  default:
    if (!answer.kvs.empty())
      answer.kvs[0].value = std::to_string(random() % 50);
    break;
  }
}

TEST(LinearizabilityTest, AgreesWithTryingEveryOrder) {
  std::mt19937_64 random{7};
  int right = 0, wrong = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    auto history = random_history(
      {.operations = 3 + seed % 5, .keys = 1 + seed % 3, .values = 4, .open_permille = 350}, seed);
    for (auto n = random() % 4; n > 0; --n)
      corrupt(history, random);
    auto verdict = check_linearizability(history);
    bool by_force = is_linearizable_by_force(history);
    std::string all;
    for (const auto& x : history)
      all += describe(x) + "\n";
    ASSERT_EQ(verdict.holds(), by_force) << "seed " << seed << ": " << verdict.explanation << "\n"
                                         << all;
    ASSERT_NE(verdict.found, outcome::undecided);
    ++(by_force ? right : wrong);
  }
  EXPECT_GT(right, 1000);
  EXPECT_GT(wrong, 1000);
}

// ---- long histories -----------------------------------------------------------------------------

constexpr workload long_workload{
  .operations = 100'000, .keys = 60, .open_permille = 8, .lease_ends_permille = 1};

const std::vector<operation>& long_history() {
  static const auto history = random_history(long_workload, 1);
  return history;
}

/// The first operation after the middle that `wanted` accepts.
template <class Wanted>
std::size_t find_late(const std::vector<operation>& history, Wanted wanted) {
  auto found = std::find_if(history.begin() + static_cast<std::ptrdiff_t>(history.size()) / 2,
                            history.end(), wanted);
  EXPECT_NE(found, history.end());
  return static_cast<std::size_t>(found - history.begin());
}

bool is_plain(const operation& x, kv_request::type kind) {
  return x.result && x.call.success.size() == 1 && x.call.compares.empty()
         && x.call.success[0].kind == kind;
}

TEST(LongHistoryTest, IsSearchedInAboutOnePass) {
  const auto& history = long_history();
  auto open = std::count_if(history.begin(), history.end(), [](auto& x) { return !x.result; });
  EXPECT_GT(open, 500);
  auto verdict = check_linearizability(history);
  EXPECT_TRUE(verdict.holds()) << verdict.explanation;
  EXPECT_GT(verdict.choices, 200U);
  EXPECT_LT(verdict.states, 3 * history.size());
  RecordProperty("states", static_cast<int>(verdict.states));
  RecordProperty("choices", static_cast<int>(verdict.choices));
}

TEST(LongHistoryTest, WithEveryFifthCallUnansweredIsSearchedToo) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto history = random_history({.operations = 1000, .keys = 4, .open_permille = 200}, seed);
    auto verdict = check_linearizability(history);
    EXPECT_TRUE(verdict.holds()) << "seed " << seed << ", " << verdict.states
                                 << " states: " << verdict.explanation;
  }
}

/// Revisions that some answer shows as the last change of a key.
std::set<std::int64_t> seen_revisions(const std::vector<operation>& history) {
  std::set<std::int64_t> seen;
  for (const auto& x : history)
    if (x.result)
      for (const auto& answer : x.result->answers)
        for (const auto& kv : answer.kvs)
          if (kv.mod_revision < x.result->revision)
            seen.insert(kv.mod_revision);
  return seen;
}

/// A put after the middle whose effect others saw.
std::size_t find_late_seen_put(const std::vector<operation>& history) {
  auto seen = seen_revisions(history);
  return find_late(history, [&](const auto& x) {
    return is_plain(x, kv_request::type::put) && seen.contains(x.result->revision);
  });
}

/// One planted wrong: found, and by a search that stays short.
void expect_found(const std::vector<operation>& history) {
  auto verdict = check_linearizability(history);
  EXPECT_EQ(verdict.found, outcome::violated) << verdict.states << " states";
  EXPECT_LT(verdict.states, 5 * history.size());
  EXPECT_FALSE(verdict.explanation.empty());
  EXPECT_LT(verdict.explanation.size(), 5000U);
}

TEST(LongHistoryTest, PlantedStaleReadIsFound) {
  auto history = long_history();
  auto at = find_late(history, [](const auto& x) {
    return is_plain(x, kv_request::type::range) && x.call.success[0].range_end.empty()
           && x.result->answers[0].kvs.size() == 1;
  });
  history[at].invoked += 100'000;
  history[at].returned += 100'000;
  expect_found(history);
}

TEST(LongHistoryTest, PlantedLostWriteIsFound) {
  auto history = long_history();
  auto at = find_late_seen_put(history);
  history[at].call.success[0].value = "lost: another one stands here";
  expect_found(history);
}

TEST(LongHistoryTest, PlantedReuseOfARevisionIsFound) {
  auto history = long_history();
  auto at = find_late(history, [](const auto& x) { return is_plain(x, kv_request::type::put); });
  --history[at].result->revision;
  expect_found(history);
}

TEST(LongHistoryTest, PlantedPhantomIsFound) {
  auto history = long_history();
  auto at = find_late_seen_put(history);
  history.erase(history.begin() + static_cast<std::ptrdiff_t>(at));
  expect_found(history);
}

TEST(LongHistoryTest, PlantedWriteDoneTwiceIsFound) {
  auto history = long_history();
  // What a client sent once counts twice: all that comes after sees one version more.
  auto at = find_late(history, [](const auto& x) {
    return is_plain(x, kv_request::type::put) && !x.result->answers[0].kvs.empty();
  });
  ++history[at].result->answers[0].kvs[0].version;
  expect_found(history);
}

} // namespace
} // namespace troupe::sim
