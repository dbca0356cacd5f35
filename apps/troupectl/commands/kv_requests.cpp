#include "apps/troupectl/commands/kv_requests.hpp"

#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"

#include <algorithm>
#include <map>

namespace troupe::ctl {

const std::vector<flag> put_flags{
  {"lease", flag_kind::text, "0", "lease ID (in hexadecimal) to attach to the key"},
  {"prev-kv", flag_kind::boolean, "false",
   "return the previous key-value pair before modification"},
  {"ignore-value", flag_kind::boolean, "false", "updates the key using its current value"},
  {"ignore-lease", flag_kind::boolean, "false", "updates the key using its current lease"},
};

const std::vector<flag> get_flags{
  {"consistency", flag_kind::text, "l", "Linearizable(l) or Serializable(s)", 0, "l s"},
  {"order", flag_kind::text, "", "Order of results; ASCEND or DESCEND (ASCEND by default)", 0,
   "ASCEND DESCEND"},
  {"sort-by", flag_kind::text, "", "Sort target; CREATE, KEY, MODIFY, VALUE, or VERSION", 0,
   "CREATE KEY MODIFY VALUE VERSION"},
  {"limit", flag_kind::integer, "0", "Maximum number of results"},
  {"prefix", flag_kind::boolean, "false", "Get keys with matching prefix"},
  {"from-key", flag_kind::boolean, "false",
   "Get keys that are greater than or equal to the given key using byte compare"},
  {"rev", flag_kind::integer, "0", "Specify the kv revision"},
  {"keys-only", flag_kind::boolean, "false", "Get only the keys"},
  {"count-only", flag_kind::boolean, "false", "Get only the count"},
  {"print-value-only", flag_kind::boolean, "false",
   "Only write values when using the \"simple\" output format"},
  {"min-create-rev", flag_kind::integer, "0", "Minimum create revision"},
  {"max-create-rev", flag_kind::integer, "0", "Maximum create revision"},
  {"min-mod-rev", flag_kind::integer, "0", "Minimum modification revision"},
  {"max-mod-rev", flag_kind::integer, "0", "Maximum modification revision"},
};

const std::vector<flag> del_flags{
  {"prefix", flag_kind::boolean, "false", "delete keys with matching prefix"},
  {"prev-kv", flag_kind::boolean, "false", "return deleted key-value pairs"},
  {"from-key", flag_kind::boolean, "false",
   "delete keys that are greater than or equal to the given key using byte compare"},
  {"range", flag_kind::boolean, "false", "delete range of keys"},
};

const std::vector<flag> del_command_flags = [] {
  auto all = del_flags;
  all.push_back({"dry-run", flag_kind::boolean, "false",
                 "delete nothing, print the keys that would be deleted", 0, "", "", true});
  all.push_back({"yes", flag_kind::boolean, "false",
                 "do not ask a terminal user before more than one key is deleted", 'y', "", "",
                 true});
  return all;
}();

namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw command_failed(exit_bad_arguments, text);
}

void refuse_both(const flag_values& flags, const std::string& one, const std::string& other) {
  if (flags.boolean(one) && flags.boolean(other))
    refuse("`--" + one + "` and `--" + other + "` cannot be set at the same time, choose one");
}

struct key_range {
  std::string key;
  std::string end;
};

/// A key, a range, a prefix or all from a key on; the empty key stands for everything in the last
/// two.
key_range range_of(const flag_values& flags, const std::vector<std::string>& arguments) {
  key_range result{arguments[0], {}};
  bool prefix = flags.boolean("prefix"), from_key = flags.boolean("from-key");
  if (arguments.size() > 1) {
    if (prefix || from_key)
      refuse("too many arguments, only accept one argument when `--prefix` or `--from-key` is set");
    result.end = arguments[1];
  }
  if ((prefix || from_key) && result.key.empty())
    return {std::string(1, '\0'), std::string(1, '\0')};
  if (prefix)
    result.end = prefix_end(result.key);
  if (from_key)
    result.end = std::string(1, '\0');
  return result;
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  });
  return text;
}

pb::RangeRequest::SortOrder sort_order(const std::string& text) {
  auto name = upper(text);
  if (name.empty())
    return pb::RangeRequest::NONE;
  if (name == "ASCEND")
    return pb::RangeRequest::ASCEND;
  if (name == "DESCEND")
    return pb::RangeRequest::DESCEND;
  throw command_failed(exit_bad_feature, "bad sort order " + text);
}

pb::RangeRequest::SortTarget sort_target(const std::string& text) {
  static const std::map<std::string, pb::RangeRequest::SortTarget> targets{
    {"", pb::RangeRequest::KEY},          {"KEY", pb::RangeRequest::KEY},
    {"CREATE", pb::RangeRequest::CREATE}, {"MODIFY", pb::RangeRequest::MOD},
    {"VALUE", pb::RangeRequest::VALUE},   {"VERSION", pb::RangeRequest::VERSION}};
  auto found = targets.find(upper(text));
  if (found == targets.end())
    throw command_failed(exit_bad_feature, "bad sort target " + text);
  return found->second;
}

/// As Go's client: ascending keys are the server's own order, and any target but the key asks for
/// an order.
void set_sorting(const flag_values& flags, pb::RangeRequest& request) {
  auto order = sort_order(flags.text("order"));
  auto target = sort_target(flags.text("sort-by"));
  if (target == pb::RangeRequest::KEY && order == pb::RangeRequest::ASCEND)
    order = pb::RangeRequest::NONE;
  request.set_sort_order(order);
  request.set_sort_target(target);
}

std::int64_t positive(const flag_values& flags, std::string_view name) {
  return std::max<std::int64_t>(flags.integer(name), 0);
}

void check_bounds(std::int64_t least, std::int64_t most, const std::string& what) {
  if (most > 0 && least > most)
    throw command_failed(exit_bad_feature, "getMin" + what + "Rev(=" + std::to_string(least)
                                             + ") > getMax" + what + "Rev(=" + std::to_string(most)
                                             + ")");
}

} // namespace

std::string prefix_end(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff')
    prefix.pop_back();
  if (prefix.empty())
    return std::string(1, '\0');
  ++prefix.back();
  return prefix;
}

bool serializable(const flag_values& flags) {
  const auto& text = flags.text("consistency");
  if (text != "s" && text != "l")
    throw command_failed(exit_bad_feature, "unknown consistency flag " + go::quote(text));
  return text == "s";
}

pb::PutRequest put_request(const flag_values& flags, const std::vector<std::string>& arguments,
                           const std::function<std::string()>& read_value) {
  const std::string usage = "put command needs 1 argument and input from stdin or 2 arguments";
  bool ignore_value = flags.boolean("ignore-value");
  if (arguments.empty())
    refuse(usage);
  if (ignore_value && arguments.size() > 1)
    refuse("put command needs only 1 argument when 'ignore-value' is set");
  pb::PutRequest request;
  request.set_key(arguments[0]);
  if (!ignore_value) {
    auto value = arguments.size() > 1 ? arguments[1] : read_value();
    if (arguments.size() < 2 && value.empty())
      refuse(usage);
    request.set_value(value);
  }
  auto lease = go::parse_int(flags.text("lease"), 16);
  if (!lease.problem.empty())
    refuse("bad lease ID (" + lease.problem + "), expecting ID in Hex");
  request.set_lease(lease.value);
  request.set_prev_kv(flags.boolean("prev-kv"));
  request.set_ignore_value(ignore_value);
  request.set_ignore_lease(flags.boolean("ignore-lease"));
  return request;
}

pb::RangeRequest get_request(const flag_values& flags, const std::vector<std::string>& arguments) {
  if (arguments.empty())
    refuse("get command needs one argument as key and an optional argument as range_end");
  refuse_both(flags, "prefix", "from-key");
  refuse_both(flags, "keys-only", "count-only");
  pb::RangeRequest request;
  request.set_serializable(serializable(flags));
  auto [key, end] = range_of(flags, arguments);
  request.set_key(key);
  request.set_range_end(end);
  request.set_limit(flags.integer("limit"));
  request.set_revision(positive(flags, "rev"));
  set_sorting(flags, request);
  request.set_keys_only(flags.boolean("keys-only"));
  request.set_count_only(flags.boolean("count-only"));
  request.set_min_create_revision(positive(flags, "min-create-rev"));
  request.set_max_create_revision(positive(flags, "max-create-rev"));
  request.set_min_mod_revision(positive(flags, "min-mod-rev"));
  request.set_max_mod_revision(positive(flags, "max-mod-rev"));
  check_bounds(request.min_create_revision(), request.max_create_revision(), "Create");
  check_bounds(request.min_mod_revision(), request.max_mod_revision(), "Mod");
  return request;
}

pb::DeleteRangeRequest del_request(const flag_values& flags,
                                   const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.size() > 2)
    refuse("del command needs one argument as key and an optional argument as range_end");
  refuse_both(flags, "prefix", "from-key");
  pb::DeleteRangeRequest request;
  auto [key, end] = range_of(flags, arguments);
  request.set_key(key);
  request.set_range_end(end);
  request.set_prev_kv(flags.boolean("prev-kv"));
  return request;
}

} // namespace troupe::ctl
