#include "actors/log/log.hpp"
#include "actors/log/protobuf_log.hpp"

#include <filesystem>
#include <fstream>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace troupe::log {
namespace {

TEST(protobuf_log, what_protobuf_says_is_a_line_of_the_log) {
  auto path =
    std::filesystem::temp_directory_path() / ("troupe-protobuf-log-" + std::to_string(getpid()));
  configure({.shape = format::json, .outputs = {path.string()}});
  take_over_from_protobuf();
  testing::internal::CaptureStderr();
  GOOGLE_LOG(WARNING) << "cannot be \"read\"";
  flush();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  configure({});
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  std::filesystem::remove(path);
  auto got = nlohmann::json::parse(line, nullptr, false);
  ASSERT_TRUE(got.is_object()) << line;
  EXPECT_EQ(got["level"], "warn");
  EXPECT_EQ(got["msg"], "protobuf");
  EXPECT_EQ(got["text"], "cannot be \"read\"");
}

} // namespace
} // namespace troupe::log
