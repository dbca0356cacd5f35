#include "apps/troupe/value.hpp"

#include <gtest/gtest.h>

namespace troupe::options {
namespace {

using namespace std::chrono_literals;

TEST(value, booleans_are_those_of_go) {
  for (auto text : {"1", "t", "T", "true", "TRUE", "True"})
    EXPECT_EQ(parse_boolean(text), true) << text;
  for (auto text : {"0", "f", "F", "false", "FALSE", "False"})
    EXPECT_EQ(parse_boolean(text), false) << text;
  for (auto text : {"", "yes", "tRUE", "2", "on"})
    EXPECT_EQ(parse_boolean(text), std::nullopt) << text;
}

TEST(value, integers_fit_or_fail) {
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("+7"), 7);
  EXPECT_EQ(parse_integer("9223372036854775807"), 9223372036854775807);
  for (auto text : {"9223372036854775808", "", "+-7", "1.5", "1k", " 1"})
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  EXPECT_EQ(parse_count("18446744073709551615"), 18446744073709551615U);
  EXPECT_EQ(parse_count("-1"), std::nullopt);
}

TEST(value, durations_are_those_of_go) {
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("100ms"), 100ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration(".5s"), 500ms);
  EXPECT_EQ(parse_duration("0.1ms"), 100us);
  EXPECT_EQ(parse_duration("3us"), 3us);
  EXPECT_EQ(parse_duration("3µs"), 3us);
  EXPECT_EQ(parse_duration("-2s"), -2s);
  EXPECT_EQ(parse_duration("0"), 0s);
  for (auto text : {"", "5", "m", "1d", "1h 30m", ".s", "1.2.3s", "-", "9999999h", "--1s"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(value, byte_counts_take_a_suffix) {
  EXPECT_EQ(parse_bytes("1024"), 1024U);
  EXPECT_EQ(parse_bytes("2k"), 2048U);
  EXPECT_EQ(parse_bytes("512M"), 536870912U);
  EXPECT_EQ(parse_bytes("1GiB"), 1073741824U);
  EXPECT_EQ(parse_bytes("1TB"), 1099511627776U);
  for (auto text : {"", "M", "-1", "1X", "1Mi", "99999999999999T"})
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
}

TEST(value, lists_drop_blanks_and_empty_parts) {
  EXPECT_EQ(split_list(" a, b,,c ,"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(split_list("").empty());
}

TEST(value, urls_are_sorted_and_unique) {
  auto read = parse_urls("http://[::1]:2379,http://10.0.0.1:2379, http://[::1]:2379");
  EXPECT_EQ(read.problem, "");
  EXPECT_EQ(read.urls, (std::vector<url>{{"http", "10.0.0.1", 2379}, {"http", "::1", 2379}}));
  EXPECT_EQ(read.urls[1].to_string(), "http://[::1]:2379");
}

TEST(value, what_is_no_url_is_refused_in_the_words_of_etcd) {
  EXPECT_EQ(parse_urls("").problem, "no valid URLs given");
  EXPECT_EQ(parse_urls("ftp://a:1").problem,
            "URL scheme must be http, https, unix, or unixs: ftp://a:1");
  EXPECT_EQ(parse_urls("localhost:1").problem,
            "URL scheme must be http, https, unix, or unixs: localhost:1");
  for (auto text : {"http://a", "http://a:70000", "http://::1:1", "http://a:b", "http://[::1:1"})
    EXPECT_EQ(parse_urls(text).problem,
              std::string{"URL address does not have the form \"host:port\": "} + text);
  EXPECT_EQ(parse_urls("http://a:1/x").problem, "URL must not contain a path: http://a:1/x");
  EXPECT_EQ(parse_urls("unix:///run/x").urls.at(0).to_string(), "unix:///run/x");
}

} // namespace
} // namespace troupe::options
