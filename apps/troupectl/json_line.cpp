#include "apps/troupectl/json_line.hpp"

#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/printers/go_json.hpp"
#include "apps/troupectl/safe_text.hpp"

#include <google/protobuf/stubs/strutil.h>
#include <nlohmann/json.hpp>

namespace troupe::ctl {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json value_of(std::string_view bytes, bool all_base64 = false) {
  if (!all_base64 && is_utf8(bytes))
    return std::string{bytes};
  auto marked = ordered_json::object();
  marked["base64"] = go::base64(bytes);
  return marked;
}

/// What a terminal might obey is written as \u....
std::string dumped(const ordered_json& value) {
  constexpr int one_line = -1;
  auto text = value.dump(one_line);
  return is_safe(text) ? text : value.dump(one_line, ' ', true);
}

std::string bytes_of(const json& line, const char* name) {
  const auto& value = line.at(name);
  if (value.is_string())
    return value.get<std::string>();
  std::string bytes;
  bool marked = value.is_object() && value.size() == 1 && value.contains("base64")
                && value["base64"].is_string();
  if (marked && google::protobuf::Base64Unescape(value["base64"].get<std::string>(), &bytes))
    return bytes;
  throw bad_line('"' + std::string{name} + R"(" is neither a string nor {"base64":"..."})");
}

std::int64_t number_of(const json& line, const char* name) {
  auto found = line.find(name);
  if (found == line.end())
    return 0;
  if (!found->is_number_integer())
    throw bad_line('"' + std::string{name} + "\" is not an integer");
  return found->get<std::int64_t>();
}

std::int64_t lease_of(const json& line) {
  auto found = line.find("lease");
  if (found == line.end())
    return 0;
  auto id = found->is_string() ? go::parse_uint(found->get<std::string>(), 16)
                               : go::parsed_number<std::uint64_t>{0, "none"};
  if (!id.problem.empty())
    throw bad_line(R"("lease" is not an ID in hexadecimal)");
  return static_cast<std::int64_t>(id.value);
}

} // namespace

std::string readable_json(std::string_view bytes) {
  return dumped(value_of(bytes));
}

std::string json_line(const exported_key& one, bool all_base64) {
  ordered_json line{{"key", value_of(one.key, all_base64)},
                    {"value", value_of(one.value, all_base64)}};
  if (one.lease != 0)
    line["lease"] = go::hex(static_cast<std::uint64_t>(one.lease));
  if (one.lease != 0 && one.ttl_seconds)
    line["ttl"] = *one.ttl_seconds;
  line["create_revision"] = one.create_revision;
  line["mod_revision"] = one.mod_revision;
  line["version"] = one.version;
  return dumped(line);
}

exported_key parse_json_line(std::string_view text) {
  auto line = json::parse(text, nullptr, false);
  if (line.is_discarded())
    throw bad_line("not JSON");
  if (!line.is_object() || !line.contains("key"))
    throw bad_line(R"(not an object with a "key")");
  exported_key result;
  result.key = bytes_of(line, "key");
  if (result.key.empty())
    throw bad_line(R"("key" is empty)");
  if (line.contains("value"))
    result.value = bytes_of(line, "value");
  result.lease = lease_of(line);
  if (line.contains("ttl"))
    result.ttl_seconds = number_of(line, "ttl");
  result.create_revision = number_of(line, "create_revision");
  result.mod_revision = number_of(line, "mod_revision");
  result.version = number_of(line, "version");
  return result;
}

} // namespace troupe::ctl
