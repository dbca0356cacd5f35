#include "apps/troupe-bench/settings.hpp"

#include <gmock/gmock.h>
#include <sstream>

namespace troupe::bench {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

settings read(const std::string& line) {
  std::istringstream words{line};
  const std::vector<std::string> arguments{std::istream_iterator<std::string>{words}, {}};
  return read_settings(arguments);
}

/// The text of the refusal, or "accepted".
std::string refusal(const std::string& line) {
  try {
    read(line);
    return "accepted";
  } catch (const usage_error& error) {
    return error.what();
  }
}

TEST(Settings, EachCommandHasItsPresets) {
  const auto put = read("put");
  EXPECT_EQ(put.wanted, command::put);
  EXPECT_EQ(put.connections, 20u);
  EXPECT_EQ(put.streams, 1000u);
  EXPECT_EQ(put.total, 100'000u);
  EXPECT_EQ(put.value_size, 256u);
  EXPECT_THAT(put.endpoints, ElementsAre(endpoint{"127.0.0.1", "2379"}));
  const auto watch = read("watch-create");
  EXPECT_EQ(watch.wanted, command::watch_create);
  EXPECT_EQ(watch.connections, 50u);
  EXPECT_EQ(watch.watchers, 100'000u);
  EXPECT_EQ(read("lease-expire").prefix, "leased/");
}

TEST(Settings, WhatIsGivenCounts) {
  const auto range = read("range --total=5 --rate 2.5 --serializable --key-space 7 --prefix x/ "
                          "--output json --server-pid 12");
  EXPECT_EQ(range.total, 5u);
  EXPECT_EQ(range.rate, 2.5);
  EXPECT_TRUE(range.serializable);
  EXPECT_EQ(range.keys, 7u);
  EXPECT_EQ(range.prefix, "x/");
  EXPECT_EQ(range.output, "json");
  EXPECT_EQ(range.server_pid, 12u);
}

TEST(Settings, ADurationAloneLiftsTheTotal) {
  EXPECT_EQ(read("put --duration 3").total, 0u);
  EXPECT_EQ(read("put --duration 3 --total 9").total, 9u);
  EXPECT_EQ(refusal("put --total 0"), "--total 0 needs a --duration");
}

TEST(Settings, Endpoints) {
  EXPECT_THAT(read("put --endpoints a:1,http://b:22,[::1]:3").endpoints,
              ElementsAre(endpoint{"a", "1"}, endpoint{"b", "22"}, endpoint{"::1", "3"}));
  for (const auto* wrong : {"a", ":1", "a:", "a:x", "a:0", "a:70000", "a:1,", "::1:3", ","})
    EXPECT_THAT(refusal(std::string{"put --endpoints "} + wrong), HasSubstr("must be host:port"))
      << wrong;
  EXPECT_THAT(refusal("put --endpoints https://a:1"), HasSubstr("only clear text"));
}

TEST(Settings, ARefusalSaysWhatIsRight) {
  EXPECT_EQ(refusal("putt"), "unknown command 'putt'; did you mean 'put'?");
  EXPECT_EQ(refusal("xyzzy"), "unknown command 'xyzzy'; 'troupe-bench --help' lists them");
  EXPECT_EQ(refusal("put --totl 5"), "unknown flag --totl; did you mean --total?");
  EXPECT_EQ(refusal("put --xyzzy"), "unknown flag --xyzzy; 'troupe-bench put --help' lists them");
  EXPECT_EQ(refusal("put --stall 1"), "--stall is a flag of watch-fanout, not of put");
  EXPECT_EQ(refusal("put --total"), "--total needs a value");
  EXPECT_EQ(refusal("put --total 1 --total 2"), "--total is given twice");
  EXPECT_THAT(refusal("put stray"), HasSubstr("every flag of put starts with '--'"));
  EXPECT_THAT(refusal("--total 5"), HasSubstr("the command comes before its flags"));
}

TEST(Settings, NumbersAreChecked) {
  EXPECT_EQ(refusal("put --total -5"), "--total must be a whole number from 0, not '-5'");
  EXPECT_EQ(refusal("put --connections 0"), "--connections must be a whole number from 1, not '0'");
  EXPECT_EQ(refusal("put --total 5k"), "--total must be a whole number from 0, not '5k'");
  EXPECT_EQ(refusal("put --total 99999999999999999999"),
            "--total must be a whole number from 0, not '99999999999999999999'");
  for (const auto* wrong : {"-1", "x", "nan", "inf", "1s"})
    EXPECT_EQ(refusal(std::string{"put --rate "} + wrong),
              std::string{"--rate must be a number from 0, not '"} + wrong + "'");
}

TEST(Settings, WhatDoesNotFitTogetherIsRefused) {
  EXPECT_THAT(refusal("put --streams 3"), HasSubstr("must be at least --connections (20), not 3"));
  EXPECT_THAT(refusal("put --threads 21"), HasSubstr("at most 20, not 21"));
  EXPECT_THAT(refusal("put --key-size 2"), HasSubstr("--key-size 2 allows 256 keys"));
  EXPECT_THAT(refusal("put --output xml"), HasSubstr("text or json"));
  EXPECT_THAT(refusal("put --timeout 0"), HasSubstr("more than 0"));
  EXPECT_THAT(refusal("watch-fanout --watchers 5 --on-key 6"), HasSubstr("at most --watchers (5)"));
  EXPECT_THAT(refusal("watch-fanout --stall 1"), HasSubstr("give --steady"));
  EXPECT_THAT(refusal("watch-fanout --rate 1"), HasSubstr("give --steady"));
  EXPECT_THAT(refusal("watch-fanout --steady --on-key 3 --stall 3"), HasSubstr("at most 2"));
  EXPECT_THAT(refusal("watch-fanout --steady --duration 0"), HasSubstr("needs a --duration"));
}

TEST(Settings, HelpNamesEveryFlagAndHasExamples) {
  const auto general = read("--help").help_text;
  EXPECT_THAT(general, HasSubstr("lease-keepalive"));
  EXPECT_THAT(general, HasSubstr("Exit status"));
  EXPECT_EQ(read("").help_text, general);
  const auto put = read("put --rate 5 --help");
  EXPECT_EQ(put.wanted, command::help);
  EXPECT_THAT(put.help_text, HasSubstr("--rate PER_SECOND (=0)"));
  EXPECT_THAT(put.help_text, HasSubstr("troupe-bench put --total 1000000"));
}

} // namespace

} // namespace troupe::bench
