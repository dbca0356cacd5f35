#pragma once

#include "apps/troupe/server_options.hpp"

#include <gtest/gtest.h>
#include <initializer_list>
#include <string>
#include <vector>

namespace troupe::options {

/// How reading arguments and variables ended.
struct outcome {
  int exit_code = 0; // 0: it went on
  std::string error;
  command result;
};

inline outcome read(std::vector<std::string> arguments, const environment& variables = {}) {
  try {
    return {0, "", read_command(arguments, variables)};
  } catch (const option_error& error) {
    return {error.exit_code, error.what(), {}};
  }
}

/// For arguments that must be good.
inline server_options accept(std::vector<std::string> arguments,
                             const environment& variables = {}) {
  auto end = read(std::move(arguments), variables);
  EXPECT_EQ(end.exit_code, 0) << end.error;
  return end.result.server;
}

/// The lists or texts of all fields called `field_name` in notices that say `message`.
inline std::vector<std::string> noted(const server_options& options, std::string_view message,
                                      std::string_view field_name) {
  std::vector<std::string> result;
  for (const auto& one : options.notices)
    if (one.message == message)
      for (const auto& field : one.with)
        if (field.name == field_name) {
          if (auto* list = std::get_if<std::vector<std::string>>(&field.content))
            result.insert(result.end(), list->begin(), list->end());
          else
            result.push_back(std::get<std::string>(field.content));
        }
  return result;
}

} // namespace troupe::options
