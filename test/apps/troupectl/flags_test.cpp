#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/flags.hpp"
#include "apps/troupectl/globals.hpp"

#include <gmock/gmock.h>
#include <sstream>

namespace troupe::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const flag limit{"limit", flag_kind::integer, "0", ""};
const flag prefix{"prefix", flag_kind::boolean, "false", ""};
const flag format{"write-out", flag_kind::text, "simple", "", 'w'};
const flag listen{"listen", flag_kind::boolean, "false", "", 'l'};
const flag endpoints{"endpoints", flag_kind::list, "a:1", ""};
const flag timeout{"timeout", flag_kind::duration, "5s", ""};
const flag most{"most", flag_kind::count, "128", ""};

parsed_arguments parse(const std::vector<std::string>& arguments) {
  return parse_arguments(arguments,
                         {&limit, &prefix, &format, &listen, &endpoints, &timeout, &most});
}

std::string problem(const std::vector<std::string>& arguments) {
  try {
    parse(arguments);
  } catch (const flag_error& error) {
    return error.what();
  }
  return "no problem";
}

TEST(Flags, MayStandAnywhere) {
  auto got = parse({"key", "--limit=3", "end", "--prefix"});
  EXPECT_THAT(got.positional, ElementsAre("key", "end"));
  EXPECT_EQ(got.flags.integer("limit"), 3);
  EXPECT_TRUE(got.flags.boolean("prefix"));
}

TEST(Flags, HaveTheirPresetsUnlessGiven) {
  auto got = parse({});
  EXPECT_EQ(got.flags.text("write-out"), "simple");
  EXPECT_EQ(got.flags.duration("timeout"), std::chrono::seconds{5});
  EXPECT_EQ(got.flags.count("most"), 128u);
  EXPECT_FALSE(got.flags.given("write-out"));
  EXPECT_TRUE(parse({"-w", "simple"}).flags.given("write-out"));
}

TEST(Flags, TakeTheirValueInEveryWayOfPflag) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
         {"--write-out=json"}, {"--write-out", "json"}, {"-w", "json"}, {"-w=json"}, {"-wjson"}})
    EXPECT_EQ(parse(arguments).flags.text("write-out"), "json");
  EXPECT_EQ(parse({"--write-out="}).flags.text("write-out"), "");
  EXPECT_EQ(parse({"--limit", "-5"}).flags.integer("limit"), -5);
  EXPECT_EQ(parse({"--limit=0x10"}).flags.integer("limit"), 16);
}

TEST(Flags, BooleansTakeNoValueFromTheNextArgument) {
  auto got = parse({"--prefix", "false"});
  EXPECT_TRUE(got.flags.boolean("prefix"));
  EXPECT_THAT(got.positional, ElementsAre("false"));
  EXPECT_FALSE(parse({"--prefix=false"}).flags.boolean("prefix"));
}

TEST(Flags, LettersMayShareOneDash) {
  auto got = parse({"-lwjson"});
  EXPECT_TRUE(got.flags.boolean("listen"));
  EXPECT_EQ(got.flags.text("write-out"), "json");
}

TEST(Flags, EndAtTwoDashes) {
  auto got = parse({"a", "--", "--prefix", "-x", "--"});
  EXPECT_THAT(got.positional, ElementsAre("a", "--prefix", "-x", "--"));
  EXPECT_FALSE(got.flags.boolean("prefix"));
}

TEST(Flags, OneDashIsAnArgument) {
  EXPECT_THAT(parse({"-", ""}).positional, ElementsAre("-", ""));
}

TEST(Flags, ListsGrow) {
  EXPECT_THAT(parse({"--endpoints=b:1, c:2", "--endpoints", "d:3"}).flags.list("endpoints"),
              ElementsAre("b:1", "c:2", "d:3"));
}

TEST(Flags, ErrorsAreInThePflagWords) {
  EXPECT_EQ(problem({"--limi=3"}), "unknown flag: --limi");
  EXPECT_EQ(problem({"--limit"}), "flag needs an argument: --limit");
  EXPECT_EQ(problem({"-w"}), "flag needs an argument: 'w' in -w");
  EXPECT_EQ(problem({"-lxw"}), "unknown shorthand flag: 'x' in -xw");
  EXPECT_EQ(problem({"---x"}), "bad flag syntax: ---x");
  EXPECT_EQ(problem({"--=x"}), "bad flag syntax: --=x");
  EXPECT_EQ(
    problem({"--limit=x"}),
    R"(invalid argument "x" for "--limit" flag: strconv.ParseInt: parsing "x": invalid syntax)");
  EXPECT_EQ(
    problem({"--prefix=2"}),
    R"(invalid argument "2" for "--prefix" flag: strconv.ParseBool: parsing "2": invalid syntax)");
  EXPECT_EQ(problem({"--timeout=5"}),
            R"(invalid argument "5" for "--timeout" flag: time: missing unit in duration "5")");
  EXPECT_EQ(
    problem({"--most=-1"}),
    R"(invalid argument "-1" for "--most" flag: strconv.ParseUint: parsing "-1": invalid syntax)");
}

TEST(Flags, HelpIsAlwaysKnown) {
  EXPECT_TRUE(parse({"-h"}).flags.boolean("help"));
  EXPECT_TRUE(parse({"x", "--help"}).flags.boolean("help"));
}

flag_values globals(const std::vector<std::string>& arguments) {
  std::vector<const flag*> known;
  for (const auto& one : global_flags())
    known.push_back(&one);
  return parse_arguments(arguments, known).flags;
}

std::string refusal(const std::vector<std::string>& arguments) {
  try {
    connection_of(globals(arguments));
  } catch (const command_failed& error) {
    return std::to_string(error.code) + " " + error.what();
  }
  return "";
}

TEST(GlobalFlags, ComeFromTheEnvironment) {
  std::ostringstream warnings;
  auto flags = globals({"--hex"});
  std::vector<std::string> environment{"ETCDCTL_ENDPOINTS=x:1,y:2",
                                       "ETCDCTL_COMMAND_TIMEOUT=9s",
                                       "ETCDCTL_WRITE_OUT=",
                                       "OTHER=1",
                                       "ETCDCTL_API=3",
                                       "ETCDCTL_WATCH_KEY=a"};
  apply_environment(flags, environment, warnings);
  EXPECT_THAT(flags.list("endpoints"), ElementsAre("x:1", "y:2"));
  EXPECT_EQ(flags.duration("command-timeout"), std::chrono::seconds{9});
  EXPECT_EQ(flags.text("write-out"), "simple");
  EXPECT_EQ(warnings.str(), "");
}

TEST(GlobalFlags, OnceOnlyIsAFlagSet) {
  std::ostringstream warnings;
  auto flags = globals({"-w", "json"});
  std::vector<std::string> environment{"ETCDCTL_WRITE_OUT=json"};
  EXPECT_THROW(apply_environment(flags, environment, warnings), command_failed);
}

TEST(GlobalFlags, UnknownVariablesAreNamed) {
  std::ostringstream warnings;
  auto flags = globals({});
  std::vector<std::string> environment{"ETCDCTL_COLOR=red", "ETCDCTL_DIAL_TIMEOUT=soon"};
  apply_environment(flags, environment, warnings);
  EXPECT_THAT(warnings.str(), HasSubstr("ETCDCTL_COLOR=red"));
  EXPECT_EQ(flags.duration("dial-timeout"), std::chrono::seconds{2});
}

TEST(GlobalFlags, WhatWeDoNotHaveIsRefused) {
  EXPECT_THAT(refusal({"--user=root:x"}), HasSubstr("4 --user is not supported"));
  EXPECT_THAT(refusal({"--insecure-skip-tls-verify"}), HasSubstr("--cacert"));
  EXPECT_THAT(refusal({"-d", "example.org"}), HasSubstr("--endpoints"));
  EXPECT_EQ(refusal({"--cert="}), "128 empty string is passed to --cert option");
  EXPECT_EQ(refusal({"--insecure-skip-tls-verify=false", "--user="}), "");
}

TEST(GlobalFlags, BecomeTheConnection) {
  auto got =
    connection_of(globals({"--endpoints=a:1,b:2", "--command-timeout=1m", "--max-recv-bytes=-3",
                           "--cacert=ca.pem", "--insecure-transport=false"}));
  EXPECT_THAT(got.endpoints, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(got.command_timeout, std::chrono::minutes{1});
  EXPECT_EQ(got.max_receive_bytes, 0);
  EXPECT_EQ(got.tls.ca, "ca.pem");
  EXPECT_FALSE(got.insecure);
}

} // namespace
} // namespace troupe::ctl
