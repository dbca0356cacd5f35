#include "test/apps/troupe/options_fixture.hpp"

#include <gmock/gmock.h>

namespace troupe::options {
namespace {

TEST(command_line, takes_the_forms_of_go) {
  EXPECT_EQ(accept({"--name", "a"}).node.name, "a");
  EXPECT_EQ(accept({"--name=a"}).node.name, "a");
  EXPECT_EQ(accept({"-name", "a"}).node.name, "a");
  EXPECT_EQ(accept({"-name=a"}).node.name, "a");
  EXPECT_EQ(accept({"--name=a=b"}).node.name, "a=b");
  EXPECT_EQ(accept({"--quota-backend-bytes", "-1"}).node.quota_bytes, -1);
}

TEST(command_line, the_last_of_equal_flags_counts) {
  EXPECT_EQ(accept({"--name", "a", "-name=b"}).node.name, "b");
}

TEST(command_line, a_boolean_takes_its_value_only_behind_an_equals_sign) {
  EXPECT_EQ(read({"--strict-reconfig-check"}).exit_code, 0);
  EXPECT_EQ(read({"-strict-reconfig-check=F"}).exit_code, 0);
  auto stray = read({"--strict-reconfig-check", "false"});
  EXPECT_EQ(stray.exit_code, 1);
  EXPECT_EQ(stray.error, "'false' is not a valid flag");
  auto bad = read({"--strict-reconfig-check=maybe"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_EQ(bad.error, "invalid value \"maybe\" for flag -strict-reconfig-check: parse error");
}

TEST(command_line, an_empty_value_is_a_value_where_the_preset_is_empty) {
  EXPECT_EQ(read({"--wal-dir=", "--cert-file=", "-listen-metrics-urls="}).exit_code, 0);
  EXPECT_EQ(read({"--listen-client-urls="}).error,
            "invalid value \"\" for flag -listen-client-urls: no valid URLs given");
}

TEST(command_line, an_unknown_flag_ends_with_2_and_a_suggestion) {
  for (auto text : {"--nmae", "-nmae", "--nmae=x", "-nmae=", "--nmae="}) {
    auto end = read({text});
    EXPECT_EQ(end.exit_code, 2) << text;
    EXPECT_EQ(end.error, "flag provided but not defined: -nmae; did you mean --name?");
  }
  EXPECT_EQ(read({"--zzzzzzzz"}).error, "flag provided but not defined: -zzzzzzzz");
  // No abbreviations: a script must not change its meaning when a flag is added.
  EXPECT_EQ(read({"--nam", "x"}).exit_code, 2);
}

TEST(command_line, a_missing_value_ends_with_2) {
  auto end = read({"--data-dir"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.error, "flag needs an argument: -data-dir");
  EXPECT_EQ(read({"-data-dir"}).error, "flag needs an argument: -data-dir");
}

TEST(command_line, a_bad_value_ends_with_2) {
  auto end = read({"--heartbeat-interval", "abc"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.error, "invalid value \"abc\" for flag -heartbeat-interval: parse error");
  EXPECT_EQ(read({"--grpc-keepalive-interval", "5"}).exit_code, 2);
  EXPECT_EQ(read({"--listen-client-urls", "ftp://a:1"}).exit_code, 2);
}

TEST(command_line, a_stray_argument_ends_with_1) {
  auto end = read({"--name", "a", "foo"});
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_EQ(end.error, "'foo' is not a valid flag");
  EXPECT_EQ(read({"--", "foo"}).exit_code, 1);
}

TEST(command_line, help_and_version_ask_for_nothing_else) {
  for (auto text : {"--help", "-help", "-h", "--h"})
    EXPECT_EQ(read({text, "--election-timeout", "1"}).result.wanted, action::show_help) << text;
  EXPECT_EQ(read({"--version", "--cert-file", "x"}).result.wanted, action::show_version);
  EXPECT_EQ(read({"--version=false"}).result.wanted, action::run);
  // The first mistake wins, as in Go.
  EXPECT_EQ(read({"--nmae", "--help"}).exit_code, 2);
}

TEST(command_line, flags_that_etcd_ignores_are_ignored) {
  auto options = accept({"--name", "n", "--force", "-v=3", "--snapshot", "--vv"});
  EXPECT_TRUE(options.notices.empty());
}

} // namespace
} // namespace troupe::options
