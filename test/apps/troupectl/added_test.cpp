#include "apps/troupectl/completion.hpp"
#include "apps/troupectl/dispatch.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/json_line.hpp"
#include "apps/troupectl/printer.hpp"
#include "apps/troupectl/progress.hpp"
#include "apps/troupectl/put_batch.hpp"
#include "apps/troupectl/range_difference.hpp"
#include "apps/troupectl/safe_text.hpp"

#include <gmock/gmock.h>
#include <sstream>

// What troupectl has beyond etcdctl, by value.
namespace troupe::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using namespace std::string_literals;

TEST(SafeText, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(safe_text("plain, é, 漢\nline\ttab"), "plain, é, 漢\nline\ttab");
  EXPECT_EQ(safe_text("\x1b[2J\r\x7f"), "\\x1b[2J\\r\\x7f");
  EXPECT_EQ(safe_text("\0"s), "\\x00");
  EXPECT_EQ(safe_text("\xc2\x9b"), "\\u009b");
  EXPECT_EQ(safe_text("a\xe2\x80\xae"
                      "b"),
            "a\\u202eb");
  EXPECT_EQ(safe_text("\xff\xc3("), "\\xff\\xc3(");
  EXPECT_EQ(safe_line("a\nb\t"), "a\\nb\\t");
}

TEST(SafeText, KnowsUtf8) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("\0\x7f é"s));
  EXPECT_FALSE(is_utf8("é"s.substr(0, 1)));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80")); // half of a surrogate pair
}

/// What `get` prints for one pair.
std::string printed(const char* format, const std::string& key, const std::string& value,
                    print_options options) {
  pb::RangeResponse response;
  response.add_kvs()->set_key(key);
  response.mutable_kvs(0)->set_value(value);
  std::ostringstream out;
  make_printer(format, options, out, out)->get(response);
  return out.str();
}

TEST(SafeText, IsWhatTheSimpleFormatShowsOnATerminal) {
  EXPECT_EQ(printed("simple", "k\n", "\x1b\n1\n", {.safe = true}), "k\\n\n\\x1b\n1\n\n");
  EXPECT_EQ(printed("simple", "k\n", "\x1b\n1\n", {}), "k\n\n\x1b\n1\n\n");
}

/// What `print` writes to standard output and to standard error.
template <class Print>
std::pair<std::string, std::string> printed(const char* format, print_options options,
                                            Print print) {
  std::ostringstream out, err;
  print(*make_printer(format, options, out, err));
  return {out.str(), err.str()};
}

TEST(SafeText, IsWhatTablesAndRowsShowOnATerminal) {
  pb::MemberListResponse members;
  members.add_members()->set_name("\x1b[2J\n");
  auto list = [&](printer& to) { to.member_list(members); };
  for (const auto* format : {"simple", "table"}) {
    EXPECT_THAT(printed(format, {.safe = true}, list).first, HasSubstr("\\x1b[2J\\n")) << format;
    EXPECT_THAT(printed(format, {}, list).first, HasSubstr("\x1b[2J\n")) << format;
  }
  EXPECT_THAT(printed("json", {.hex = true, .safe = true}, list).first, Not(HasSubstr("\x1b")));
}

TEST(SafeText, IsWhatAnUnhealthyEndpointShowsOnATerminal) {
  std::vector<endpoint_health> all{{.endpoint = "a", .error = "\x1b[2J"}};
  auto health = [&](printer& to) { to.health(all); };
  EXPECT_THAT(printed("simple", {.safe_errors = true}, health).second, HasSubstr(": \\x1b[2J\n"));
  EXPECT_THAT(printed("simple", {.safe = true}, health).second, HasSubstr(": \x1b[2J\n"));
}

TEST(SafeText, IsWhatErrorsAreOnATerminal) {
  auto error = [](const char* program, bool is_terminal) {
    std::istringstream in;
    std::ostringstream out, err;
    run({program, {"\x1b[2J"}}, {in, out, err, is_terminal, is_terminal, is_terminal});
    return err.str();
  };
  EXPECT_THAT(error("troupectl", true), HasSubstr("\"\\x1b[2J\""));
  EXPECT_THAT(error("troupectl", false), HasSubstr("\x1b[2J"));
  EXPECT_THAT(error("etcdctl", true), HasSubstr("\x1b[2J"));
}

TEST(ReadableJson, HasTextAsTextAndMarksTheRest) {
  EXPECT_EQ(printed("json", "k", "<é>\n", {.bytes = bytes_form::readable}),
            "{\"kvs\":[{\"key\":\"k\",\"value\":\"<é>\\n\"}]}\n");
  EXPECT_EQ(printed("json", "\xff", "v", {.bytes = bytes_form::readable}),
            "{\"kvs\":[{\"key\":{\"base64\":\"/w==\"},\"value\":\"v\"}]}\n");
  EXPECT_EQ(printed("json", "k", "v", {}), "{\"kvs\":[{\"key\":\"aw==\",\"value\":\"dg==\"}]}\n");
}

TEST(ReadableJson, IsSafeOnATerminal) {
  EXPECT_EQ(readable_json("\x1b\xc2\x9bé"), R"("\u001b\u009b\u00e9")");
  EXPECT_EQ(readable_json("\xe2\x80\xae"), R"("\u202e")");
}

exported_key again(const exported_key& one, bool all_base64 = false) {
  return parse_json_line(json_line(one, all_base64));
}

TEST(JsonLine, KeepsEveryByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte)
    all += static_cast<char>(byte);
  for (const auto& bytes : {all, all.substr(0, 128), "é漢\u2028\""s, "{\"base64\":\"\"}"s, "\0"s})
    for (bool all_base64 : {false, true}) {
      auto got = again({.key = bytes, .value = bytes}, all_base64);
      EXPECT_EQ(got.key, bytes);
      EXPECT_EQ(got.value, bytes);
    }
}

TEST(JsonLine, KeepsEmptyValues) {
  EXPECT_EQ(again({.key = "k", .value = ""}).value, "");
  EXPECT_EQ(again({.key = "k", .value = ""}, true).value, "");
}

TEST(JsonLine, KeepsLeasesAndRevisions) {
  exported_key one{"k", "v", -2, 60, 5, 7, 3};
  EXPECT_EQ(json_line(one, false), R"({"key":"k","value":"v","lease":"fffffffffffffffe","ttl":60,)"
                                   R"("create_revision":5,"mod_revision":7,"version":3})");
  auto got = again(one);
  EXPECT_EQ(got.lease, -2);
  EXPECT_EQ(got.ttl_seconds, 60);
  EXPECT_EQ(got.create_revision, 5);
  EXPECT_EQ(got.mod_revision, 7);
  EXPECT_EQ(got.version, 3);
  EXPECT_EQ(again({.key = "k"}).ttl_seconds, std::nullopt);
}

TEST(JsonLine, NeedsOnlyAKey) {
  auto got = parse_json_line(R"( {"other":[1,{}],"key":"k"} )");
  EXPECT_EQ(got.key, "k");
  EXPECT_EQ(got.value, "");
  EXPECT_EQ(got.lease, 0);
}

TEST(JsonLine, SaysWhatIsWrong) {
  auto problem = [](std::string_view line) -> std::string {
    try {
      parse_json_line(line);
    } catch (const bad_line& error) {
      return error.what();
    }
    return "nothing";
  };
  EXPECT_EQ(problem(""), "not JSON");
  EXPECT_EQ(problem(R"({"key":"k"} x)"), "not JSON");
  EXPECT_EQ(problem("{\"key\":\"\xff\"}"), "not JSON");
  EXPECT_EQ(problem("[]"), R"(not an object with a "key")");
  EXPECT_EQ(problem(R"({"value":"v"})"), R"(not an object with a "key")");
  EXPECT_EQ(problem(R"({"key":""})"), R"("key" is empty)");
  EXPECT_EQ(problem(R"({"key":7})"), R"("key" is neither a string nor {"base64":"..."})");
  EXPECT_EQ(problem(R"({"key":"k","value":{"base64":"?"}})"),
            R"("value" is neither a string nor {"base64":"..."})");
  EXPECT_EQ(problem(R"({"key":"k","value":null})"),
            R"("value" is neither a string nor {"base64":"..."})");
  EXPECT_EQ(problem(R"({"key":"k","lease":"xyz"})"), R"("lease" is not an ID in hexadecimal)");
  EXPECT_EQ(problem(R"({"key":"k","lease":7})"), R"("lease" is not an ID in hexadecimal)");
  EXPECT_EQ(problem(R"({"key":"k","ttl":"60"})"), R"("ttl" is not an integer)");
}

pb::PutRequest put_of(const std::string& key, std::size_t value_bytes = 1) {
  pb::PutRequest put;
  put.set_key(key);
  put.set_value(std::string(value_bytes, 'v'));
  return put;
}

TEST(PutBatch, HasNoMorePutsThanAllowed) {
  put_batch batch(2, 1'000);
  batch.add(put_of("a"), 1);
  EXPECT_TRUE(batch.takes(put_of("b")));
  batch.add(put_of("b"), 3);
  EXPECT_FALSE(batch.takes(put_of("c")));
  EXPECT_EQ(batch.last_line(), 3);
  EXPECT_EQ(batch.request().success_size(), 2);
  EXPECT_EQ(batch.request().success(1).request_put().key(), "b");
  batch.clear();
  EXPECT_TRUE(batch.takes(put_of("c")));
  EXPECT_EQ(batch.size(), 0);
}

TEST(PutBatch, HasEachKeyOnce) {
  put_batch batch(10, 1'000);
  batch.add(put_of("a"), 1);
  EXPECT_FALSE(batch.takes(put_of("a")));
  batch.clear();
  EXPECT_TRUE(batch.takes(put_of("a")));
}

TEST(PutBatch, HasNoMoreBytesThanAllowedUnlessOnePutHas) {
  put_batch batch(10, 100);
  EXPECT_TRUE(batch.takes(put_of("large", 500)));
  batch.add(put_of("a", 60), 1);
  EXPECT_FALSE(batch.takes(put_of("b", 60)));
  EXPECT_TRUE(batch.takes(put_of("b", 10)));
}

struct pair_at {
  std::string key, value;
  std::int64_t mod_revision = 1;
  std::int64_t lease = 0;
};

/// `pairs` in pages of `size`.
page_source pages_of(std::vector<pair_at> pairs, std::size_t size) {
  return [pairs = std::move(pairs), size, at = std::size_t{0}](pb::RangeResponse& page) mutable {
    page.Clear();
    if (at >= pairs.size())
      return false;
    for (auto end = std::min(pairs.size(), at + size); at < end; ++at) {
      auto& kv = *page.add_kvs();
      kv.set_key(pairs[at].key);
      kv.set_value(pairs[at].value);
      kv.set_mod_revision(pairs[at].mod_revision);
      kv.set_lease(pairs[at].lease);
    }
    return true;
  };
}

std::vector<std::string> differences(const std::vector<pair_at>& before,
                                     const std::vector<pair_at>& after, std::size_t size) {
  std::vector<std::string> out;
  auto count = for_each_difference(
    pages_of(before, size), pages_of(after, size), [&](const key_difference& one) {
      out.push_back((one.before == nullptr ? "" : one.before->key() + "=" + one.before->value())
                    + ">"
                    + (one.after == nullptr ? "" : one.after->key() + "=" + one.after->value()));
    });
  EXPECT_EQ(count, static_cast<std::int64_t>(out.size()));
  return out;
}

TEST(RangeDifference, MergesPagesOfAnySize) {
  for (std::size_t size : {1, 2, 3, 100})
    EXPECT_THAT(
      differences({{"b", "1"}, {"c", "1"}, {"d", "1"}, {"f", "1"}},
                  {{"a", "1", 2}, {"c", "2", 2}, {"d", "1"}, {"e", "1", 2}, {"g", "1", 2}}, size),
      ElementsAre(">a=1", "b=1>", "c=1>c=2", ">e=1", "f=1>", ">g=1"))
      << size;
}

TEST(RangeDifference, OneSideMayBeEmpty) {
  EXPECT_THAT(differences({}, {}, 1), ElementsAre());
  EXPECT_THAT(differences({{"a", "1"}}, {}, 1), ElementsAre("a=1>"));
  EXPECT_THAT(differences({}, {{"a", "1"}}, 1), ElementsAre(">a=1"));
}

TEST(RangeDifference, IsInValueOrLeaseNotInHavingBeenPutAgain) {
  EXPECT_THAT(differences({{"a", "1", 1}}, {{"a", "1", 9}}, 1), ElementsAre());
  EXPECT_THAT(differences({{"a", "1", 1, 5}}, {{"a", "1", 9, 6}}, 1), ElementsAre("a=1>a=1"));
}

TEST(RangeDifference, OrdersKeysByBytes) {
  EXPECT_THAT(differences({{"a", "1"}, {"\xff", "1"}}, {{"b", "1"}}, 1),
              ElementsAre("a=1>", ">b=1", "\xff=1>"));
}

TEST(RangePages, AskForAboutFourMebibytes) {
  EXPECT_EQ(next_limit(100, 100 * 1024), 4096);
  EXPECT_EQ(next_limit(1, 64 << 20), 1);
  EXPECT_EQ(next_limit(100, 100), 10'000);
  EXPECT_EQ(bounded({}).max_receive_bytes, 64 << 20);
  EXPECT_EQ(bounded({.max_receive_bytes = 5}).max_receive_bytes, 5);
}

TEST(Progress, ShowsABarOnlyWithATotal) {
  EXPECT_EQ(progress_text(50, 100, "keys", 2),
            "[" + std::string(20, '=') + std::string(20, ' ') + "] 50 / 100 keys, 25 per second");
  EXPECT_EQ(progress_text(7, 0, "lines", 0), "7 lines");
  EXPECT_THAT(progress_text(9, 3, "keys", 1), HasSubstr("[" + std::string(40, '=') + "] 9 / 3"));
}

/// Runs where no server is needed.
struct outcome {
  int code;
  std::string out, err;
};

outcome call(const std::string& program, const std::vector<std::string>& arguments) {
  std::istringstream in;
  std::ostringstream out, err;
  auto code = run({program, arguments}, {in, out, err});
  return {code, out.str(), err.str()};
}

TEST(Added, IsUnknownToEtcdctl) {
  for (const auto& one : added_commands()) {
    auto path = std::string{one.path};
    EXPECT_THAT(call("etcdctl", {path}).err, HasSubstr("unknown command \"" + path + "\"")) << path;
    EXPECT_THAT(completion_script("fish", "etcdctl"), Not(HasSubstr("-a " + path + " ")));
    for (const auto* shell : {"bash", "zsh", "fish"})
      EXPECT_THAT(completion_script(shell, "troupectl"), HasSubstr(path)) << shell;
  }
  for (const auto* flag : {"--dry-run", "--yes", "-y", "-o=json", "--output=json", "--base64"})
    EXPECT_THAT(call("etcdctl", {"del", flag, "a"}).err, HasSubstr("unknown")) << flag;
  EXPECT_EQ(call("etcdctl", {"del", "--help"}).out.find("dry-run"), std::string::npos);
  EXPECT_THAT(call("etcdctl", {}).out, Not(HasSubstr("\n  history")));
  EXPECT_THAT(completion_script("bash", "etcdctl"), Not(HasSubstr("--base64")));
}

TEST(Added, MakesNoBeginningAmbiguousForEtcdctl) {
  EXPECT_EQ(resolve({"etcdctl", {"t"}}).found->path, "txn");
  EXPECT_THROW(resolve({"troupectl", {"t"}}), command_failed);
}

TEST(Added, IsToldByHelp) {
  auto help = call("troupectl", {});
  for (const auto& one : added_commands())
    EXPECT_THAT(help.out, HasSubstr("  " + std::string{one.path})) << one.path;
  EXPECT_THAT(help.out, HasSubstr("-o, --output"));
  EXPECT_THAT(call("troupectl", {"del", "--help"}).out, HasSubstr("--dry-run"));
}

TEST(Added, SaysWhatWouldBeRight) {
  EXPECT_EQ(call("troupectl", {"history"}).err, "Error: history needs one argument: the key\n");
  EXPECT_EQ(call("troupectl", {"history", "a", "b"}).code, exit_bad_arguments);
  EXPECT_THAT(call("troupectl", {"diff"}).err, HasSubstr("REV1 [REV2]"));
  EXPECT_THAT(call("troupectl", {"diff", "x"}).err, HasSubstr("bad revision \"x\""));
  EXPECT_THAT(call("troupectl", {"diff", "0"}).err, HasSubstr("from 1 on"));
  EXPECT_THAT(call("troupectl", {"tree", "--depth=0"}).err,
              HasSubstr("--depth must be at least 1"));
  EXPECT_EQ(call("troupectl", {"ls", "a", "b"}).code, exit_bad_arguments);
  EXPECT_EQ(call("troupectl", {"ls", "-o", "table"}).code, exit_bad_feature);
  EXPECT_EQ(call("troupectl", {"export", "a", "b"}).code, exit_bad_arguments);
  EXPECT_THAT(call("troupectl", {"import", "/nowhere"}).err, HasSubstr("cannot read /nowhere"));
  EXPECT_THAT(call("troupectl", {"import", "--from-line=0"}).err, HasSubstr("at least 1"));
  EXPECT_THAT(call("troupectl", {"get", "a", "-o=json", "-w=json"}).err, HasSubstr("choose one"));
}

} // namespace
} // namespace troupe::ctl
