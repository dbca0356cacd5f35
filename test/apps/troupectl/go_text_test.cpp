#include "apps/troupectl/endpoint.hpp"
#include "apps/troupectl/go_text.hpp"

#include <gtest/gtest.h>

namespace troupe::ctl {
namespace {

TEST(GoText, QuotesAsGo) {
  EXPECT_EQ(go::quote("plain é \xf0\x9f\x98\x80"), "\"plain é \xf0\x9f\x98\x80\"");
  EXPECT_EQ(go::quote("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(go::quote(std::string_view{"\a\b\f\n\r\t\v\0\x1f\x7f", 10}),
            R"("\a\b\f\n\r\t\v\x00\x1f\x7f")");
  EXPECT_EQ(go::quote("\xff\xc3("), R"("\xff\xc3(")");
  EXPECT_EQ(go::quote("\xc2\xa0\xc2\xad\xe2\x80\xa8\xef\xbb\xbf"), R"("\u00a0\u00ad\u2028\ufeff")");
  EXPECT_EQ(go::quote("\xed\xa0\x80"), R"("\xed\xa0\x80")"); // a surrogate is no rune
  EXPECT_EQ(go::quote("\xf4\x8f\xbf\xbf"), R"("\U0010ffff")");
}

TEST(GoText, ReadsLiterals) {
  auto text = [](std::string_view literal) {
    auto got = go::unquote_prefix(literal);
    return got.valid ? got.text + "|" + std::to_string(got.length) : "invalid";
  };
  EXPECT_EQ(text("\"a b\" rest"), "a b|5");
  EXPECT_EQ(text(R"("\x41\102\u00e9\U0001f600\n\"")"), "AB\xc3\xa9\xf0\x9f\x98\x80\n\"|30");
  EXPECT_EQ(text("`a\\n`"), "a\\n|5");
  for (const auto* bad : {"\"a", "a", "", "\"\\q\"", "\"\\x4\"", "\"\\400\"", "\"\\ud800\"", "`a"})
    EXPECT_EQ(text(bad), "invalid") << bad;
}

TEST(GoText, EveryQuotedTextReadsBack) {
  for (int byte = 0; byte < 256; ++byte) {
    std::string original{'x', static_cast<char>(byte), 'y'};
    EXPECT_EQ(go::unquote_prefix(go::quote(original)).text, original) << byte;
  }
}

TEST(GoText, ParsesNumbersAsStrconv) {
  EXPECT_EQ(go::parse_int("-9223372036854775808", 10).value, INT64_MIN);
  EXPECT_EQ(go::parse_int("+7", 10).value, 7);
  EXPECT_EQ(go::parse_int("ff", 16).value, 255);
  EXPECT_EQ(go::parse_int("0x1_0", 0).value, 16);
  EXPECT_EQ(go::parse_int("010", 0).value, 8);
  EXPECT_EQ(go::parse_int("0", 0).value, 0);
  EXPECT_EQ(go::parse_uint("18446744073709551615", 10).value, UINT64_MAX);
  EXPECT_EQ(go::parse_int("9223372036854775808", 10).problem,
            R"(strconv.ParseInt: parsing "9223372036854775808": value out of range)");
  for (const auto* bad : {"", "-", "1x", "0x", "1__0", "_1", "1_"})
    EXPECT_EQ(go::parse_int(bad, 0).problem,
              "strconv.ParseInt: parsing " + go::quote(bad) + ": invalid syntax");
  EXPECT_NE(go::parse_int("1_0", 10).problem, "");
  EXPECT_NE(go::parse_uint("+1", 10).problem, "");
}

TEST(GoText, WritesDurationsAsGo) {
  using namespace std::chrono_literals;
  EXPECT_EQ(go::duration(0ns), "0s");
  EXPECT_EQ(go::duration(999ns), "999ns");
  EXPECT_EQ(go::duration(1500ns), "1.5µs");
  EXPECT_EQ(go::duration(1'040'528ns), "1.040528ms");
  EXPECT_EQ(go::duration(2s), "2s");
  EXPECT_EQ(go::duration(90'500ms), "1m30.5s");
  EXPECT_EQ(go::duration(2h), "2h0m0s");
  EXPECT_EQ(go::duration(-3ms), "-3ms");
}

TEST(GoText, WritesSizesAsHumanize) {
  EXPECT_EQ(go::human_bytes(0), "0 B");
  EXPECT_EQ(go::human_bytes(9), "9 B");
  EXPECT_EQ(go::human_bytes(999), "999 B");
  EXPECT_EQ(go::human_bytes(1000), "1.0 kB");
  EXPECT_EQ(go::human_bytes(20480), "20 kB");
  EXPECT_EQ(go::human_bytes(2147483648), "2.1 GB");
}

TEST(GoText, WritesHexadecimals) {
  EXPECT_EQ(go::hex(0x1234, 16), "0000000000001234");
  EXPECT_EQ(go::hex(0xbdae9bbc11dd390d), "bdae9bbc11dd390d");
  EXPECT_EQ(go::escaped_hex("a\xff"), "\\x61\\xff");
}

TEST(Endpoint, TellsSchemeAndTarget) {
  using security = endpoint::security;
  auto is = [](std::string_view text, std::string_view target, security wanted) {
    auto got = read_endpoint(text);
    return got.target == target && got.wanted == wanted;
  };
  EXPECT_TRUE(is("h:1", "h:1", security::by_flags));
  EXPECT_TRUE(is("http://h:1", "h:1", security::plain));
  EXPECT_TRUE(is("https://h:1", "h:1", security::tls));
  EXPECT_TRUE(is("unix:///run/x", "unix:/run/x", security::plain));
  EXPECT_TRUE(is("unixs:/run/x", "unix:/run/x", security::tls));
}

TEST(CallProblem, IsBareOnlyForErrorsOfEtcd) {
  EXPECT_EQ(call_problem(3, "etcdserver: key is not provided"), "etcdserver: key is not provided");
  EXPECT_EQ(call_problem(12, "unknown method X"),
            "rpc error: code = Unimplemented desc = unknown method X");
  EXPECT_EQ(call_problem(99, "odd"), "rpc error: code = Code(99) desc = odd");
}

} // namespace
} // namespace troupe::ctl
