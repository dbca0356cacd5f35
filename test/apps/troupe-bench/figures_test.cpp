#include "apps/troupe-bench/delivery_ledger.hpp"
#include "apps/troupe-bench/key_space.hpp"
#include "apps/troupe-bench/progress_bar.hpp"
#include "apps/troupe-bench/report.hpp"

#include <gmock/gmock.h>
#include <set>

namespace troupe::bench {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr instant begin{1000s};

TEST(Pace, ACallIsDueWhenItIsMeantToStart) {
  const pace each_millisecond{begin, 1000};
  EXPECT_EQ(each_millisecond.intended(0), begin);
  EXPECT_EQ(each_millisecond.intended(5), begin + 5ms);
  EXPECT_EQ(each_millisecond.due(begin - 1ns), 0u);
  EXPECT_EQ(each_millisecond.due(begin), 1u);
  EXPECT_EQ(each_millisecond.due(begin + 1ms - 1ns), 1u);
  EXPECT_EQ(each_millisecond.due(begin + 1ms), 2u);
  EXPECT_EQ(each_millisecond.due(begin + 10s), 10'001u);
}

TEST(Pace, RoundingNeverMakesACallDueTwiceOrNever) {
  for (const double rate : {0.3, 3.0, 7.0, 997.0, 33'333.3, 1e6}) {
    const pace calls{begin, rate};
    for (std::uint64_t call : {0u, 1u, 2u, 3u, 10u, 999u, 1000u, 123'456u}) {
      EXPECT_EQ(calls.due(calls.intended(call)), call + 1) << rate;
      EXPECT_EQ(calls.due(calls.intended(call) - 1ns), call) << rate;
    }
  }
}

TEST(Pace, WithoutARateEverythingIsDue) {
  const pace closed{begin, 0};
  EXPECT_FALSE(closed.open_loop());
  EXPECT_GT(closed.due(begin), 1'000'000'000u);
}

TEST(Histogram, QuantilesAreWithinAStep) {
  histogram times;
  for (int us = 1; us <= 100'000; ++us)
    times.record(std::chrono::microseconds{us});
  EXPECT_EQ(times.count(), 100'000u);
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999}) {
    const auto expected = share * 1e8; // ns
    const auto found = static_cast<double>(times.quantile(share).count());
    EXPECT_GE(found, expected * 0.9999);
    EXPECT_LE(found, expected * 1.0021);
  }
  EXPECT_EQ(times.quantile(1), 100ms);
  EXPECT_EQ(times.max(), 100ms);
}

TEST(Histogram, ExtremesAreKept) {
  histogram times;
  EXPECT_EQ(times.quantile(0.5), 0ns);
  times.record(0ns);
  times.record(-5ns);
  EXPECT_EQ(times.quantile(0.5), 0ns); // never above the largest
  times.record(10'000h);
  EXPECT_EQ(times.quantile(1), 10'000h);
  EXPECT_EQ(times.count(), 3u);
}

TEST(Histogram, AddingIsAsIfRecordedTogether) {
  histogram left, right;
  left.record(1ms);
  right.record(3ms);
  right.record(9ms);
  left.add(right);
  EXPECT_EQ(left.count(), 3u);
  EXPECT_NEAR(static_cast<double>(left.quantile(0.5).count()), 3e6, 1e4);
  EXPECT_EQ(left.max(), 9ms);
}

TEST(DeliveryLedger, ExactlyOneEventPerPutAndWatcher) {
  delivery_ledger ledger{2};
  ledger.put_sent();
  EXPECT_EQ(ledger.outstanding(), 2u);
  EXPECT_FALSE(ledger.event(0, 7));
  EXPECT_EQ(ledger.outstanding(), 1u);
  EXPECT_TRUE(ledger.event(1, 7));
  ledger.put_sent();
  EXPECT_FALSE(ledger.event(1, 8));
  EXPECT_TRUE(ledger.event(0, 8));
  EXPECT_TRUE(ledger.exact());
}

TEST(DeliveryLedger, AMissingEventIsSeen) {
  delivery_ledger ledger{3};
  ledger.put_sent();
  ledger.event(0, 7);
  ledger.event(2, 7);
  EXPECT_EQ(ledger.missing(), 1u);
  EXPECT_FALSE(ledger.exact());
  ledger.put_sent(); // watcher 1 stays behind for good
  for (const auto watcher : {0, 1, 2})
    ledger.event(static_cast<std::uint32_t>(watcher), 8);
  EXPECT_EQ(ledger.missing(), 1u);
  EXPECT_EQ(ledger.outstanding(), 1u);
}

TEST(DeliveryLedger, ARepeatedEventIsSeenAndFillsNoGap) {
  delivery_ledger ledger{2};
  ledger.put_sent();
  ledger.event(0, 7);
  EXPECT_FALSE(ledger.event(0, 7));
  EXPECT_EQ(ledger.repeated(), 1u);
  EXPECT_EQ(ledger.missing(), 1u);
  EXPECT_EQ(ledger.outstanding(), 1u);
}

TEST(DeliveryLedger, AnEventOutOfOrderCountsAsRepeated) {
  delivery_ledger ledger{1};
  ledger.expect(2);
  ledger.event(0, 8);
  ledger.event(0, 7);
  EXPECT_EQ(ledger.repeated(), 1u);
  EXPECT_EQ(ledger.missing(), 1u);
}

TEST(DeliveryLedger, AnEventThatNoPutExplainsIsSeen) {
  delivery_ledger ledger{1};
  ledger.put_sent();
  ledger.event(0, 7);
  ledger.event(0, 8);
  EXPECT_EQ(ledger.unexpected(), 1u);
  EXPECT_FALSE(ledger.exact());
}

TEST(DeliveryLedger, EventsMayComeBeforeTheNumberOfPutsIsKnown) {
  delivery_ledger ledger{2};
  for (const auto watcher : {0u, 1u})
    for (const auto revision : {3, 4, 5})
      ledger.event(watcher, revision);
  ledger.expect(3);
  EXPECT_EQ(ledger.outstanding(), 0u);
  EXPECT_TRUE(ledger.exact());
  ledger.expect(0);
  EXPECT_EQ(ledger.unexpected(), 6u);
}

TEST(KeySpace, KeysAreDistinctAndOfTheGivenLength) {
  for (const std::uint64_t bytes : {2, 15, 16, 17, 32, 64}) {
    const key_space space{"p/", bytes, 0};
    std::set<std::string> keys;
    for (std::uint64_t number = 0; number < 256; ++number) {
      keys.insert(space.key(number));
      EXPECT_EQ(space.key(number).size(), bytes + 2);
    }
    EXPECT_EQ(keys.size(), 256u) << bytes;
  }
  EXPECT_EQ(key_space::capacity(2), 256u);
}

TEST(KeySpace, AnotherSeedGivesOtherKeysAndValues) {
  const key_space one{"", 32, 1}, same{"", 32, 1}, other{"", 32, 2};
  EXPECT_EQ(one.key(5), same.key(5));
  EXPECT_EQ(one.value(5, 100), same.value(5, 100));
  EXPECT_NE(one.key(5), other.key(5));
  EXPECT_NE(one.value(5, 100), other.value(5, 100));
  EXPECT_EQ(one.value(5, 13).size(), 13u);
}

TEST(KeySpace, EndOfPrefix) {
  EXPECT_EQ(end_of_prefix("a/"), "a0");
  EXPECT_EQ(end_of_prefix("a\xff"), "b");
  EXPECT_EQ(end_of_prefix("\xff\xff"), std::string(1, '\0'));
  EXPECT_EQ(end_of_prefix(""), std::string(1, '\0'));
}

load_result two_of_three() {
  load_result result;
  result.succeeded = 2;
  result.seconds = 0.5;
  for (const auto time : {1ms, 4ms, 4ms})
    result.latency.record(time);
  result.fail("UNAVAILABLE: no leader");
  return result;
}

TEST(Report, JsonNamesCarryUnits) {
  report figures;
  figures.add("put", two_of_three());
  figures.add("server", {.cpu_seconds = 1, .resident_bytes = 1000},
              {.cpu_seconds = 3.5, .resident_bytes = 4000});
  EXPECT_EQ(figures.json(),
            R"({"put":{"calls":3,"failed":1,"took_seconds":0.5,"per_second":6.0,"p50_us":4000,)"
            R"("p90_us":4000,"p99_us":4000,"p99_9_us":4000,"max_us":4000},)"
            R"("put_errors":{"UNAVAILABLE: no leader":1},)"
            R"("server":{"cpu_seconds":2.5,"resident_before_bytes":1000,"resident_bytes":4000}})"
            "\n");
}

TEST(Report, TextIsForPeople) {
  report figures;
  figures.add("a", "many", unit::count, 1'234'567);
  figures.add("a", "short", unit::microseconds, 250);
  figures.add("a", "long", unit::microseconds, 2500);
  figures.add("b", "memory", unit::bytes, 3 << 20);
  EXPECT_EQ(figures.text(), "a\n"
                            "  many         1,234,567\n"
                            "  short           250 us\n"
                            "  long           2.50 ms\n"
                            "\nb\n"
                            "  memory         3.0 MiB\n");
}

TEST(Report, BytesThatAreNoTextDoNotBreakJson) {
  report figures;
  figures.add("put errors", "bad \xff", unit::count, 1);
  EXPECT_THAT(figures.json(), HasSubstr("bad \xef\xbf\xbd"));
}

TEST(LoadResult, ThreadsAddUp) {
  auto both = two_of_three();
  auto other = two_of_three();
  other.seconds = 0.25;
  other.never_started = 4;
  both.add(other);
  EXPECT_EQ(both.succeeded, 4u);
  EXPECT_EQ(both.failed, 2u);
  EXPECT_EQ(both.never_started, 4u);
  EXPECT_EQ(both.seconds, 0.5);
  EXPECT_EQ(both.latency.count(), 6u);
  EXPECT_EQ(both.errors.at("UNAVAILABLE: no leader"), 2u);
}

TEST(LoadResult, ManyDifferentErrorsShareOneLine) {
  load_result result;
  for (int i = 0; i < 100; ++i)
    result.fail("error " + std::to_string(i));
  EXPECT_EQ(result.failed, 100u);
  EXPECT_EQ(result.errors.size(), load_result::distinct_errors + 1);
  EXPECT_EQ(result.errors.at("other"), 80u);
}

TEST(ProgressLine, ShowsShareAndRate) {
  EXPECT_EQ(progress_line("put", 500, 1000, 5),
            "put  [###############               ]  50 %  500 of 1000  100/s");
  EXPECT_THAT(progress_line("put", 0, 0, 0), HasSubstr("0 %  0 of 0  0/s"));
  EXPECT_THAT(progress_line("put", 7, 5, 1), HasSubstr("100 %  7 of 5"));
}

} // namespace

} // namespace troupe::bench
