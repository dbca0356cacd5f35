#include "apps/troupectl/dispatch.hpp"

#include "apps/troupe/nearest.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/globals.hpp"
#include "apps/troupectl/help.hpp"
#include "apps/troupectl/safe_text.hpp"

#include <algorithm>
#include <ostream>

namespace troupe::ctl {

namespace {

std::string group_of(std::string_view path) {
  auto blank = path.rfind(' ');
  return blank == path.npos ? std::string{} : std::string{path.substr(0, blank)};
}

/// Whether the flag that `token` spells takes the next argument as its value; one that nobody
/// knows does.
bool takes_next(std::string_view token, const std::vector<const flag*>& known) {
  if (token.find('=') != token.npos || token.size() < 2 || (token[1] != '-' && token.size() > 2))
    return false;
  for (const auto* one : known) {
    bool meant = token[1] == '-' ? one->name == token.substr(2) : one->letter == token[1];
    if (meant)
      return one->kind != flag_kind::boolean;
  }
  return true;
}

/// The index of the first argument that is neither a flag nor the value of one; npos if none.
std::size_t first_word(const std::vector<std::string>& arguments,
                       const std::vector<const flag*>& known) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& one = arguments[i];
    if (one == "--")
      break;
    if (!one.starts_with('-'))
      return i;
    if (takes_next(one, known))
      ++i;
  }
  return std::string::npos;
}

/// By its whole name, its other name, or a beginning that only one command has.
const command* choose(const std::vector<const command*>& choices, std::string_view word) {
  for (const auto* one : choices)
    if (name_of(*one) == word || (!one->alias.empty() && one->alias == word))
      return one;
  const command* found = nullptr;
  for (const auto* one : choices) {
    if (!name_of(*one).starts_with(word) && !(!one->alias.empty() && one->alias.starts_with(word)))
      continue;
    if (found != nullptr)
      return nullptr;
    found = one;
  }
  return found;
}

std::vector<const command*> sorted_by_name(std::vector<const command*> all) {
  std::ranges::sort(all, {}, [](const command* one) { return name_of(*one); });
  return all;
}

[[noreturn]] void refuse_unknown(const invocation& how, const std::string& word) {
  auto text = "unknown command \"" + word + "\" for \"" + how.program + "\"\n";
  std::string suggestions;
  for (const auto* one : sorted_by_name(commands_below("", how.as_etcdctl()))) {
    constexpr std::size_t close = 2; // as cobra has it
    auto name = name_of(*one);
    if (name.starts_with(word) || options::edits(word, name) <= close)
      suggestions += "\t" + std::string{name} + "\n";
  }
  if (!suggestions.empty())
    text += "\nDid you mean this?\n" + suggestions + "\n";
  throw command_failed(exit_error, text + "Run '" + how.program + " --help' for usage.");
}

/// `help get` is `get --help`; `help` alone is the help of the program.
bool asks_for_help(invocation& how) {
  if (how.arguments.empty() || how.arguments.front() != "help")
    return false;
  how.arguments.erase(how.arguments.begin());
  return true;
}

/// A flag that was meant by `text`, an error of pflag; empty if nothing is near.
std::string suggestion(const std::string& text, const std::vector<const flag*>& known) {
  constexpr std::string_view start = "unknown flag: --";
  if (!text.starts_with(start))
    return {};
  std::vector<std::string_view> names;
  for (const auto* one : known)
    names.push_back(one->name);
  auto close = options::nearest(std::string_view{text}.substr(start.size()), names);
  return close.empty() ? std::string{} : "Did you mean --" + std::string{close} + "?\n";
}

void print_error(const invocation& how, const terminal& streams, std::string_view heading,
                 std::string_view text) {
  streams.err << heading << safe_text_if(how.makes_safe(streams.err_is_terminal), text) << '\n';
}

int run_found(const invocation& how, const resolved& chosen, bool help_wanted, terminal streams) {
  auto known = flags_of(chosen.found, how.as_etcdctl());
  try {
    auto parsed = parse_arguments(chosen.rest, known);
    bool group = chosen.found == nullptr || chosen.found->run == nullptr;
    if (help_wanted || group || parsed.flags.boolean("help")) {
      print_help(how, chosen.found, streams.out);
      return exit_success;
    }
    context it(how, std::move(parsed), streams);
    return chosen.found->run(it);
  } catch (const flag_error& error) {
    print_error(how, streams, "Error: ", error.what());
    if (!how.as_etcdctl())
      streams.err << suggestion(error.what(), known);
    print_help(how, chosen.found, streams.out);
    streams.err << '\n';
    return exit_error;
  }
}

} // namespace

std::vector<const flag*> flags_of(const command* one, bool as_etcdctl) {
  std::vector<const flag*> result;
  auto add = [&](std::span<const flag> flags) {
    for (const auto& each : flags)
      if (!each.added || !as_etcdctl)
        result.push_back(&each);
  };
  if (one != nullptr) {
    add(one->flags);
    if (const auto* group = find_command(group_of(one->path)))
      add(group->flags);
  }
  add(global_flags());
  add(added_global_flags());
  return result;
}

resolved resolve(const invocation& how) {
  resolved result{nullptr, how.arguments};
  for (;;) {
    auto known = flags_of(result.found, how.as_etcdctl());
    known.push_back(&help_flag);
    auto at = first_word(result.rest, known);
    if (at == std::string::npos)
      return result;
    auto path = result.found == nullptr ? std::string_view{} : result.found->path;
    const auto* next = choose(commands_below(path, how.as_etcdctl()), result.rest[at]);
    if (next == nullptr && result.found == nullptr)
      refuse_unknown(how, result.rest[at]);
    if (next == nullptr)
      return result;
    result.found = next;
    result.rest.erase(result.rest.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

int run(const invocation& given, terminal streams) {
  auto how = given;
  bool help_wanted = asks_for_help(how);
  try {
    return run_found(how, resolve(how), help_wanted, streams);
  } catch (const command_failed& error) {
    streams.out.flush();
    if (*error.what() != 0)
      print_error(how, streams, "Error: ", error.what());
    return error.code;
  } catch (const call_failed& error) {
    streams.out.flush();
    print_error(how, streams, "Error: ", error.what());
    if (!how.as_etcdctl() && !error.detail.empty())
      print_error(how, streams, "No connection: ", error.detail);
    return exit_error;
  }
}

} // namespace troupe::ctl
