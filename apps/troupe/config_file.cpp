#include "apps/troupe/config_file.hpp"

#include "apps/troupe/nearest.hpp"

#include <array>
#include <yaml-cpp/yaml.h>

namespace troupe::options {

namespace {

struct section_key {
  std::string_view section;
  std::string_view key;
  std::string_view flag_name;
};

constexpr auto section_keys = std::to_array<section_key>({
  {"client-transport-security", "cert-file", "cert-file"},
  {"client-transport-security", "key-file", "key-file"},
  {"client-transport-security", "client-cert-file", "client-cert-file"},
  {"client-transport-security", "client-key-file", "client-key-file"},
  {"client-transport-security", "client-cert-auth", "client-cert-auth"},
  {"client-transport-security", "trusted-ca-file", "trusted-ca-file"},
  {"client-transport-security", "auto-tls", "auto-tls"},
  {"client-transport-security", "allowed-cn", "client-cert-allowed-hostname"},
  {"client-transport-security", "allowed-hostname", "client-cert-allowed-hostname"},
  {"client-transport-security", "skip-client-san-verification",
   "peer-skip-client-san-verification"},
  {"peer-transport-security", "cert-file", "peer-cert-file"},
  {"peer-transport-security", "key-file", "peer-key-file"},
  {"peer-transport-security", "client-cert-file", "peer-client-cert-file"},
  {"peer-transport-security", "client-key-file", "peer-client-key-file"},
  {"peer-transport-security", "client-cert-auth", "peer-client-cert-auth"},
  {"peer-transport-security", "trusted-ca-file", "peer-trusted-ca-file"},
  {"peer-transport-security", "auto-tls", "peer-auto-tls"},
  {"peer-transport-security", "allowed-cn", "peer-cert-allowed-cn"},
  {"peer-transport-security", "allowed-hostname", "peer-cert-allowed-hostname"},
  {"peer-transport-security", "skip-client-san-verification", "peer-skip-client-san-verification"},
  {"socket-options", "reuse-port", "socket-reuse-port"},
  {"socket-options", "reuse-address", "socket-reuse-address"},
  {"discovery-config", "token", "discovery-token"},
  {"discovery-config", "endpoints", "discovery-endpoints"},
  {"discovery-config", "dial-timeout", "discovery-dial-timeout"},
  {"discovery-config", "request-timeout", "discovery-request-timeout"},
  {"discovery-config", "keepalive-time", "discovery-keepalive-time"},
  {"discovery-config", "keepalive-timeout", "discovery-keepalive-timeout"},
});

[[noreturn]] void fail(const YAML::Node& at, const std::string& text) {
  throw option_error(1, "configuration file, line " + std::to_string(at.Mark().line + 1) + ": "
                          + text);
}

[[noreturn]] void refuse_unknown(const YAML::Node& at, const std::string& key,
                                 const std::vector<std::string_view>& candidates) {
  auto text = "unknown key \"" + key + "\"";
  if (auto close = nearest(key, candidates); !close.empty())
    text += "; did you mean \"" + std::string{close} + "\"?";
  fail(at, text);
}

bool is_section(const std::string& key) {
  for (const auto& one : section_keys)
    if (one.section == key)
      return true;
  return false;
}

/// As a flag would be written. A duration gets the unit that it has in a file.
std::string flag_text(const flag& which, const YAML::Node& value) {
  bool is_list = which.kind == flag_kind::list || which.kind == flag_kind::urls;
  if (value.IsSequence() && is_list) {
    std::string result;
    for (const auto& item : value)
      result += (result.empty() ? "" : ",") + item.as<std::string>();
    return result;
  }
  if (!value.IsScalar())
    fail(value, "the value of \"" + std::string{which.name} + "\" must be a plain value");
  auto text = value.Scalar();
  if (which.kind != flag_kind::duration)
    return text;
  if (!parse_integer(text))
    fail(value, "invalid value \"" + text + "\" for \"" + std::string{which.name}
                  + "\": a duration is an integer in nanoseconds here");
  return text + "ns";
}

void add(const flag& which, const YAML::Node& value, settings& result) {
  auto text = flag_text(which, value);
  if (auto problem = problem_with(which, text); !problem.empty())
    fail(value,
         "invalid value \"" + text + "\" for \"" + std::string{which.name} + "\": " + problem);
  result.set(which, text);
}

void add_section(const std::string& section, const YAML::Node& content, settings& result) {
  if (!content.IsMap())
    fail(content, "invalid " + section);
  std::vector<std::string_view> known;
  for (const auto& one : section_keys)
    if (one.section == section)
      known.push_back(one.key);
  for (const auto& pair : content) {
    auto key = pair.first.as<std::string>();
    const section_key* found = nullptr;
    for (const auto& one : section_keys)
      if (one.section == section && one.key == key)
        found = &one;
    if (found == nullptr)
      refuse_unknown(pair.first, key, known);
    if (!pair.second.IsNull())
      add(*find_flag(found->flag_name), pair.second, result);
  }
}

std::vector<std::string_view> top_level_keys() {
  std::vector<std::string_view> result;
  for (const auto& section : flag_sections())
    for (const auto& one : section.flags)
      result.push_back(one.name);
  for (const auto& one : section_keys)
    if (result.back() != one.section)
      result.push_back(one.section);
  return result;
}

settings read_document(const YAML::Node& document) {
  settings result;
  if (document.IsNull())
    return result;
  if (!document.IsMap())
    fail(document, "keys and values expected");
  for (const auto& pair : document) {
    auto key = pair.first.as<std::string>();
    const auto* known = find_flag(key);
    if (pair.second.IsNull() && (known != nullptr || is_section(key)))
      continue;
    if (is_section(key))
      add_section(key, pair.second, result);
    else if (known == nullptr || key == "config-file" || key == "help" || key == "version")
      refuse_unknown(pair.first, key, top_level_keys());
    else
      add(*known, pair.second, result);
  }
  return result;
}

} // namespace

settings read_config_file(const std::string& path) {
  try {
    return read_document(YAML::LoadFile(path));
  } catch (const YAML::BadFile&) {
    throw option_error(1, "open " + path + ": the file cannot be read");
  } catch (const YAML::Exception& error) {
    throw option_error(1, "configuration file " + path + ": " + error.what());
  }
}

} // namespace troupe::options
