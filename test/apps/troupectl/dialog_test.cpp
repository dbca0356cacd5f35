#include "apps/troupectl/commands/dialog.hpp"
#include "apps/troupectl/commands/kv_requests.hpp"
#include "apps/troupectl/commands/watch_arguments.hpp"
#include "apps/troupectl/exit.hpp"

#include <gmock/gmock.h>
#include <sstream>

namespace troupe::ctl {
namespace {

using testing::ElementsAre;

template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const command_failed& error) {
    return std::to_string(error.code) + " " + error.what();
  }
  return "accepted";
}

TEST(Words, AreSplitAtBlanksOutsideOfQuotes) {
  EXPECT_THAT(split_words("  put a\tb  "), ElementsAre("put", "a", "b"));
  EXPECT_THAT(split_words(R"(put "a b" 'c "d"')"), ElementsAre("put", "a b", "c \"d\""));
  EXPECT_THAT(split_words(R"("\x41\n" it's)"), ElementsAre("A\n", "it's"));
  EXPECT_THAT(split_words(R"('' "")"), ElementsAre("", ""));
  EXPECT_THAT(split_words(R"(a "open)"), ElementsAre("a", "open"));
  EXPECT_THAT(split_words(""), ElementsAre());
  EXPECT_EQ(refusal([] { split_words(R"(put "\q")"); }), "3 invalid syntax");
}

TEST(Compares, NameTargetKeyAndValue) {
  auto got = parse_compare(R"(mod("key 1") > "7")");
  EXPECT_EQ(got.target(), pb::Compare::MOD);
  EXPECT_EQ(got.result(), pb::Compare::GREATER);
  EXPECT_EQ(got.key(), "key 1");
  EXPECT_EQ(got.mod_revision(), 7);
  EXPECT_EQ(parse_compare(R"(ver("k") = "1")").version(), 1);
  EXPECT_EQ(parse_compare(R"(create("k") < "2")").create_revision(), 2);
  EXPECT_EQ(parse_compare(R"(val("k") != "a b")").value(), "a b");
  EXPECT_EQ(parse_compare(R"(lease("k") = "1f")").lease(), 31);
}

TEST(Compares, AreRefusedAsByEtcdctl) {
  auto text = [](const char* line) { return refusal([&] { parse_compare(line); }); };
  EXPECT_EQ(text("mod"), "3 malformed comparison: mod");
  EXPECT_EQ(text("mod(k) = \"1\""), R"(3 malformed comparison: mod(k) = "1"; got mod("")  "")");
  EXPECT_EQ(text(R"(mod("k")="1")"), R"(3 malformed comparison: mod("k")="1"; got mod("k")  "")");
  EXPECT_EQ(text(R"(mod("k") = 1)"), R"(3 malformed comparison: mod("k") = 1; got mod("k") = "")");
  EXPECT_EQ(text(R"(mod("k") = "x")"), R"(3 invalid txn compare request: mod("k") = "x")");
  EXPECT_EQ(text(R"(age("k") = "1")"),
            R"(3 malformed comparison: age("k") = "1" (unknown target age))");
  EXPECT_EQ(text(R"(mod("k") >= "1")"),
            R"(3 malformed comparison: mod("k") >= "1" (unknown operator >=))");
}

TEST(Operations, AreTheCommandsOfTheirNames) {
  auto put = parse_operation(R"(put k "a b" --prev-kv --lease=10)").request_put();
  EXPECT_EQ(put.value(), "a b");
  EXPECT_EQ(put.lease(), 16);
  EXPECT_TRUE(put.prev_kv());
  auto range = parse_operation("get --prefix k --limit 2").request_range();
  EXPECT_EQ(range.range_end(), "l");
  EXPECT_EQ(range.limit(), 2);
  EXPECT_EQ(parse_operation("del a c").request_delete_range().range_end(), "c");
  EXPECT_EQ(refusal([] { parse_operation("put"); }), "3 invalid txn compare request: put");
  EXPECT_EQ(refusal([] { parse_operation("set a b"); }), "3 invalid txn request: set a b");
  EXPECT_EQ(refusal([] { parse_operation("get a --x"); }), "3 invalid txn request: get a --x");
}

TEST(Lines, EndWithANewline) {
  std::istringstream in("  a b \n\nrest");
  EXPECT_EQ(read_trimmed_line(in), "a b");
  EXPECT_EQ(read_trimmed_line(in), "");
  EXPECT_EQ(refusal([&] { read_trimmed_line(in); }), "3 EOF");
}

TEST(PrefixEnd, IsTheNextPrefix) {
  EXPECT_EQ(prefix_end("ab"), "ac");
  EXPECT_EQ(prefix_end("a\xff\xff"), "b");
  EXPECT_EQ(prefix_end("\xff"), std::string(1, '\0'));
  EXPECT_EQ(prefix_end(""), std::string(1, '\0'));
}

pb::RangeRequest get_of(const std::string& line) {
  return parse_operation("get " + line).request_range();
}

TEST(GetRequest, FollowsGosClient) {
  EXPECT_EQ(get_of("a --order ascend").sort_order(), pb::RangeRequest::NONE);
  EXPECT_EQ(get_of("a --sort-by value --order ascend").sort_order(), pb::RangeRequest::ASCEND);
  EXPECT_EQ(get_of("a --sort-by Modify").sort_target(), pb::RangeRequest::MOD);
  EXPECT_EQ(get_of("'' --prefix").key(), std::string(1, '\0'));
  EXPECT_EQ(get_of("x --from-key").range_end(), std::string(1, '\0'));
  EXPECT_EQ(get_of("a --rev=-5").revision(), 0);
  EXPECT_TRUE(get_of("a --consistency=s").serializable());
  EXPECT_EQ(refusal([] { get_of("a --min-mod-rev=5 --max-mod-rev=3"); }),
            "4 getMinModRev(=5) > getMaxModRev(=3)");
}

using words = std::vector<std::string>;

watch_target typed_watch_target(const words& line, const watch_environment& environment = {}) {
  return parse_typed_watch(line, environment).target;
}

std::string bad_watch_text(const words& raw, const words& positional,
                           const watch_environment& environment = {}) {
  try {
    parse_watch(raw, positional, environment);
  } catch (const bad_watch& error) {
    return error.what();
  }
  return "accepted";
}

TEST(WatchArguments, KeysAndProgramArePartedByTwoDashes) {
  EXPECT_EQ(parse_watch({"watch", "foo", "bar"}, {"foo", "bar"}, {}),
            (watch_target{{"foo", "bar"}, {}}));
  EXPECT_EQ(parse_watch({"watch", "foo", "--rev", "1", "bar", "--", "echo", "watch"},
                        {"foo", "bar", "echo", "watch"}, {}),
            (watch_target{{"foo", "bar"}, {"echo", "watch"}}));
  EXPECT_EQ(parse_watch({"watch", "foo", "--", "foo"}, {"foo", "foo"}, {}),
            (watch_target{{"foo"}, {"foo"}}));
}

TEST(WatchArguments, KeysMayComeFromTheEnvironment) {
  EXPECT_EQ(parse_watch({"watch"}, {}, {"foo", "bar"}), (watch_target{{"foo", "bar"}, {}}));
  EXPECT_EQ(parse_watch({"watch", "--rev", "1", "--", "echo", "hi"}, {"echo", "hi"}, {"foo", ""}),
            (watch_target{{"foo"}, {"echo", "hi"}}));
}

TEST(WatchArguments, AreRefusedAsByEtcdctl) {
  EXPECT_EQ(bad_watch_text({"watch"}, {}), "bad number of arguments");
  EXPECT_EQ(bad_watch_text({"watch", "foo", "--"}, {"foo"}),
            "bad number of arguments (found separator --, but no commands)");
  EXPECT_EQ(bad_watch_text({"watch", "foo"}, {"foo"}, {"foo", ""}),
            "bad number of arguments (found conflicting environment key)");
  EXPECT_EQ(bad_watch_text({"watch", "foo", "--", "echo"}, {"foo", "echo"}, {"foo", ""}),
            "bad number of arguments (found conflicting environment key)");
}

TEST(WatchArguments, TypedLinesHaveFlagsOfTheirOwn) {
  auto got =
    parse_typed_watch({"watch", "foo", "--rev", "10", "--prev-kv", "--", "echo", "-n"}, {});
  EXPECT_EQ(got.target, (watch_target{{"foo"}, {"echo", "-n"}}));
  EXPECT_EQ(got.flags.integer("rev"), 10);
  EXPECT_TRUE(got.flags.boolean("prev-kv"));
  EXPECT_EQ(typed_watch_target({"watch"}, {"hello world!", "bar"}),
            (watch_target{{"hello world!", "bar"}, {}}));
  EXPECT_THROW(typed_watch_target({"watch"}), bad_watch);
  EXPECT_THROW(typed_watch_target({"foo"}), bad_watch);
  EXPECT_THROW(typed_watch_target({"watch", "--color"}), flag_error);
}

} // namespace
} // namespace troupe::ctl
