#include "apps/troupe/environment.hpp"

#include <algorithm>
#include <cctype>
#include <unistd.h>

namespace troupe::options {

namespace {

constexpr std::string_view prefixes[] = {"ETCD_", "TROUPE_"};

std::string variable_name(std::string_view prefix, std::string_view flag_name) {
  auto result = std::string{prefix} + std::string{flag_name};
  std::ranges::transform(result, result.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return result;
}

/// These act on the command line only.
bool has_variable(const flag& which) {
  return which.name != "help" && which.name != "version";
}

/// The name of the variable that sets this flag; empty if none does.
std::string find_variable(const environment& variables, std::string_view flag_name) {
  std::string result;
  for (auto prefix : prefixes) {
    auto name = variable_name(prefix, flag_name);
    auto found = variables.find(name);
    if (found == variables.end() || found->second.empty())
      continue;
    if (!result.empty())
      throw option_error(1, "environment variables \"" + result + "\" and \"" + name
                              + "\" set the same value (unset one of them)");
    result = name;
  }
  return result;
}

void refuse_shadowed(const environment& variables, const settings& given) {
  for (const auto& [flag_name, which] : given.flags())
    for (auto prefix : prefixes)
      if (auto name = variable_name(prefix, flag_name); variables.contains(name))
        throw option_error(1, "conflicting environment variable \"" + name
                                + "\" is shadowed by corresponding command-line flag (either unset "
                                  "environment variable or disable flag)");
}

std::vector<std::string> unknown_variables(const environment& variables) {
  environment known;
  for (const auto& section : flag_sections())
    for (const auto& one : section.flags)
      for (auto prefix : prefixes)
        if (has_variable(one))
          known.emplace(variable_name(prefix, one.name), "");
  std::vector<std::string> result;
  for (const auto& [name, value] : variables)
    if ((name.starts_with(prefixes[0]) || name.starts_with(prefixes[1])) && !known.contains(name))
      result.push_back(name);
  return result;
}

} // namespace

environment process_environment() {
  environment result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    if (auto equals = text.find('='); equals != text.npos)
      result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

std::string variable_of(const environment& variables, std::string_view flag_name) {
  auto name = find_variable(variables, flag_name);
  return name.empty() ? "" : variables.find(name)->second;
}

std::vector<std::string> add_environment(const environment& variables, settings& given) {
  refuse_shadowed(variables, given);
  for (const auto& section : flag_sections()) {
    for (const auto& one : section.flags) {
      if (!has_variable(one))
        continue;
      auto name = find_variable(variables, one.name);
      if (name.empty())
        continue;
      const auto& text = variables.find(name)->second;
      if (auto problem = problem_with(one, text); !problem.empty())
        throw option_error(1, "invalid value \"" + text + "\" for " + name + ": " + problem);
      given.set(one, text);
    }
  }
  return unknown_variables(variables);
}

} // namespace troupe::options
