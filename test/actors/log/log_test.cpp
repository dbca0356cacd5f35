#include "actors/log/log.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <unistd.h>

namespace troupe::log {
namespace {

using namespace std::chrono_literals;
using json = nlohmann::ordered_json;

/// Sends the log to a file of its own.
class log_file : public testing::Test {
protected:
  log_file()
      : path_{std::filesystem::temp_directory_path() / ("troupe-log-" + std::to_string(getpid()))} {
  }

  ~log_file() override {
    configure({});
    std::filesystem::remove(path_);
  }

  void log_here(level least, format shape) {
    configure({.least = least, .shape = shape, .outputs = {path_.string()}});
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> result;
    std::ifstream file{path_};
    for (std::string line; std::getline(file, line);)
      result.push_back(line);
    return result;
  }

  std::filesystem::path path_;
};

TEST_F(log_file, a_line_has_the_names_of_etcd_in_their_order) {
  log_here(level::info, format::automatic);
  info("ready to serve client requests", {{"took", 150100us}, {"revision", -7}, {"ok", true}});
  ASSERT_EQ(lines().size(), 1U);
  auto line = json::parse(lines()[0]);
  std::vector<std::string> names;
  for (const auto& [name, content] : line.items())
    names.push_back(name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"level", "ts", "caller", "msg", "took", "revision", "ok"}));
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["msg"], "ready to serve client requests");
  EXPECT_EQ(line["took"], "150.1ms");
  EXPECT_EQ(line["revision"], -7);
  EXPECT_EQ(line["ok"], true);
  EXPECT_THAT(line["caller"].get<std::string>(), testing::MatchesRegex("log/log_test.cpp:[0-9]+"));
}

TEST_F(log_file, every_kind_of_value_is_json) {
  log_here(level::info, format::json);
  info("x", {{"unsigned", 18446744073709551615U},
             {"double", 1.5},
             {"path", std::filesystem::path{"/a b"}},
             {"list", std::vector<std::string>{"a", "\"b\""}}});
  auto line = json::parse(lines().at(0));
  EXPECT_EQ(line["unsigned"], 18446744073709551615U);
  EXPECT_EQ(line["double"], 1.5);
  EXPECT_EQ(line["path"], "/a b");
  EXPECT_EQ(line["list"], json::parse(R"(["a", "\"b\""])"));
}

TEST_F(log_file, bytes_of_a_client_cannot_break_a_line) {
  log_here(level::info, format::json);
  info("x", {{"key", std::string{"\"}\n\x00\xff{", 6}}});
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_EQ(json::parse(lines()[0])["key"], (std::string{"\"}\n\x00", 4} + "\xef\xbf\xbd{"));
}

TEST_F(log_file, what_is_below_the_level_is_not_written) {
  log_here(level::warn, format::json);
  EXPECT_FALSE(enabled(level::info));
  EXPECT_TRUE(enabled(level::warn));
  debug("a");
  info("b");
  warn("c");
  error("d");
  fatal("e");
  std::vector<std::string> levels;
  for (const auto& line : lines())
    levels.push_back(json::parse(line)["level"]);
  EXPECT_EQ(levels, (std::vector<std::string>{"warn", "error", "fatal"}));
}

TEST_F(log_file, a_console_line_is_for_people) {
  log_here(level::info, format::console);
  warn("slow fdatasync", {{"took", 2s}});
  info("plain");
  EXPECT_THAT(lines().at(0), testing::EndsWith(R"(Z  warn   slow fdatasync  {"took":"2s"})"));
  EXPECT_THAT(lines().at(1), testing::EndsWith("Z  info   plain"));
}

TEST_F(log_file, lines_of_many_threads_stay_whole) {
  log_here(level::info, format::json);
  constexpr int threads = 4;
  constexpr int each = 250;
  std::vector<std::jthread> writers;
  for (int i = 0; i < threads; ++i)
    writers.emplace_back([i] {
      for (int n = 0; n < each; ++n)
        info("line", {{"writer", i}, {"number", n}});
    });
  writers.clear();
  std::vector<int> next(threads, 0);
  for (const auto& text : lines()) {
    auto line = json::parse(text);
    EXPECT_EQ(line["number"], next[line["writer"].get<std::size_t>()]++);
  }
  EXPECT_EQ(next, std::vector<int>(threads, each));
}

TEST_F(log_file, an_output_that_cannot_be_opened_leaves_the_old_ones) {
  log_here(level::info, format::json);
  EXPECT_THROW(configure({.outputs = {(path_ / "below-a-file").string()}}), std::runtime_error);
  info("still here");
  EXPECT_EQ(lines().size(), 1U);
}

TEST(log, durations_look_as_in_go) {
  EXPECT_EQ(show(0s), "0s");
  EXPECT_EQ(show(999ns), "999ns");
  EXPECT_EQ(show(1500ns), "1.5µs");
  EXPECT_EQ(show(150100us), "150.1ms");
  EXPECT_EQ(show(1s), "1s");
  EXPECT_EQ(show(61500ms), "1m1.5s");
  EXPECT_EQ(show(2h), "2h0m0s");
  EXPECT_EQ(show(-90min), "-1h30m0s");
}

TEST(log, levels_have_the_names_of_etcd) {
  for (auto name : {"debug", "info", "warn", "error", "panic", "fatal"})
    EXPECT_TRUE(parse_level(name).has_value()) << name;
  EXPECT_EQ(parse_level("warning"), std::nullopt);
  EXPECT_EQ(parse_level("INFO"), std::nullopt);
}

} // namespace
} // namespace troupe::log
