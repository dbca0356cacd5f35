#include "apps/troupectl/commands/watch_arguments.hpp"

#include <algorithm>

namespace troupe::ctl {

const std::vector<flag> watch_flags{
  {"interactive", flag_kind::boolean, "false", "Interactive mode", 'i'},
  {"prefix", flag_kind::boolean, "false", "Watch on a prefix if prefix is set"},
  {"rev", flag_kind::integer, "0", "Revision to start watching"},
  {"prev-kv", flag_kind::boolean, "false",
   "get the previous key-value pair before the event happens"},
  {"progress-notify", flag_kind::boolean, "false",
   "get periodic watch progress notification from server"},
};

namespace {

using words = std::vector<std::string>;

constexpr const char* bad_count = "bad number of arguments";
constexpr const char* key_twice = "bad number of arguments (found conflicting environment key)";
constexpr const char* no_program = "bad number of arguments (found separator --, but no commands)";

/// What stands behind the first `--`.
struct separated {
  bool found = false;
  words program;
};

separated separate(const words& all) {
  auto at = std::ranges::find(all, "--");
  if (at == all.end())
    return {};
  if (at + 1 == all.end())
    throw bad_watch(no_program);
  return {true, words(at + 1, all.end())};
}

/// The program's words are the last of the positional ones.
words keys_of(words positional, const separated& behind) {
  positional.resize(positional.size() - std::min(positional.size(), behind.program.size()));
  return positional;
}

/// Keys from the environment stand for those of the command line, which then has none.
watch_target assemble(words keys, const separated& behind, const watch_environment& environment) {
  if (!environment.key.empty()) {
    if (!keys.empty())
      throw bad_watch(key_twice);
    keys.push_back(environment.key);
    if (!environment.range_end.empty())
      keys.push_back(environment.range_end);
  }
  return {std::move(keys), behind.program};
}

} // namespace

watch_target parse_watch(const words& raw, const words& positional,
                         const watch_environment& environment) {
  auto behind = separate(raw);
  auto at = std::ranges::find(raw, "watch");
  if (!behind.found && environment.key.empty() && at != raw.end() && at + 1 == raw.end())
    throw bad_watch(bad_count);
  return assemble(keys_of(positional, behind), behind, environment);
}

typed_watch parse_typed_watch(const words& typed, const watch_environment& environment) {
  if (typed.empty() || typed.front() != "watch")
    throw bad_watch("args[0] must be 'watch' for interactive calls");
  words rest(typed.begin() + 1, typed.end());
  auto behind = separate(rest);
  std::vector<const flag*> known;
  for (const auto& one : watch_flags)
    known.push_back(&one);
  auto parsed = parse_arguments(rest, known);
  auto keys = keys_of(parsed.positional, behind);
  if (!behind.found && environment.key.empty() && keys.empty())
    throw bad_watch(bad_count);
  return {assemble(std::move(keys), behind, environment), std::move(parsed.flags)};
}

} // namespace troupe::ctl
