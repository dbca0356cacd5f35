#include "apps/troupectl/completion.hpp"

#include "apps/troupectl/command.hpp"
#include "apps/troupectl/globals.hpp"

#include <algorithm>

namespace troupe::ctl {

namespace {

/// An identifier of a shell function.
std::string identifier(std::string_view program) {
  std::string out = "_";
  for (auto c : program)
    out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return out;
}

/// Whether the program of this name has it.
template <class Entry>
bool offered(const Entry& one, std::string_view program) {
  return !one.added || program != "etcdctl";
}

std::string names_below(std::string_view path, std::string_view program) {
  std::string out;
  for (const auto* one : commands_below(path, program == "etcdctl"))
    out += (out.empty() ? "" : " ") + std::string{name_of(*one)};
  return path.empty() ? out + " help" : out;
}

std::string spelled(std::span<const flag> flags, std::string_view program) {
  std::string out;
  for (const auto& one : flags) {
    if (!offered(one, program))
      continue;
    out += (out.empty() ? "--" : " --") + std::string{one.name};
    if (one.letter != 0)
      out += std::string{" -"} + one.letter;
  }
  return out;
}

/// `'…'` for a shell.
std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (auto c : text)
    out += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return out + "'";
}

/// The flags of the groups and commands by path, for a `case` of bash; zsh reads the same.
std::string words_by_path(std::string_view program) {
  std::string out;
  for (const auto& one : commands()) {
    auto below = names_below(one.path, program);
    auto flags = spelled(one.flags, program);
    if (!offered(one, program))
      continue;
    if (!below.empty() || !flags.empty())
      out += "    '" + std::string{one.path} + "') words=" + single_quoted(below)
             + "; flags=" + single_quoted(flags) + " ;;\n";
  }
  return out;
}

/// What may follow a flag that has choices.
std::string choices_by_flag(std::string_view program) {
  std::string out;
  auto add = [&](const flag& one) {
    if (one.choices.empty() || !offered(one, program))
      return;
    auto pattern = "--" + std::string{one.name};
    if (one.letter != 0)
      pattern += std::string{"|-"} + one.letter;
    auto line = "    " + pattern + ") choices=" + single_quoted(one.choices) + " ;;\n";
    if (out.find("    " + pattern + ")") == out.npos)
      out += line;
  };
  for (const auto& one : global_flags())
    add(one);
  for (const auto& one : added_global_flags())
    add(one);
  for (const auto& one : commands())
    for (const auto& own : one.flags)
      add(own);
  return out;
}

std::string bash_script(std::string_view program) {
  auto name = identifier(program);
  return name + R"(() {
  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
  local found= word words= flags= choices= next
  for word in "${COMP_WORDS[@]:1:$((COMP_CWORD-1))}"; do
    [[ $word == -* ]] && continue
    next="${found:+$found }$word"
    case "$next" in
)" +
         [&] {
           std::string paths;
           for (const auto& one : commands())
             if (offered(one, program))
               paths += (paths.empty() ? "      '" : "|'") + std::string{one.path} + "'";
           return paths;
         }()
         + R"() found="$next" ;;
    esac
  done
  case "$prev" in
)" + choices_by_flag(program)
         + R"(  esac
  if [[ -n $choices ]]; then
    COMPREPLY=($(compgen -W "$choices" -- "$cur"))
    return
  fi
  case "$found" in
    '') words=)"
         + single_quoted(names_below("", program)) + " ;;\n" + words_by_path(program) + R"(  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags )"
         + spelled(global_flags(), program) + " " + spelled(added_global_flags(), program)
         + R"( --help -h" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -o default -F )"
         + name + " " + std::string{program} + "\n";
}

/// zsh runs the function for bash in its compatibility layer.
std::string zsh_script(std::string_view program) {
  return "#compdef " + std::string{program} + "\nautoload -U +X bashcompinit && bashcompinit\n"
         + bash_script(program);
}

/// Names, short descriptions and the conditions under which fish shows them.
std::string fish_script(std::string_view program) {
  auto start = "complete -c " + std::string{program};
  std::string out;
  auto add_flag = [&](const flag& one, const std::string& condition) {
    if (!offered(one, program))
      return;
    out += start + condition + " -l " + std::string{one.name};
    if (one.letter != 0)
      out += std::string{" -s "} + one.letter;
    if (one.kind != flag_kind::boolean)
      out += " -r";
    if (!one.choices.empty())
      out += " -f -a " + single_quoted(one.choices);
    out += " -d " + single_quoted(one.help) + "\n";
  };
  for (const auto& one : commands()) {
    if (!offered(one, program))
      continue;
    auto blank = one.path.find(' ');
    auto group = std::string{blank == one.path.npos ? "" : one.path.substr(0, blank)};
    auto condition = group.empty() ? std::string{" -n __fish_use_subcommand"}
                                   : " -n '__fish_seen_subcommand_from " + group
                                       + "; and not __fish_seen_subcommand_from "
                                       + names_below(group, program) + "'";
    out += start + condition + " -f -a " + std::string{name_of(one)} + " -d "
           + single_quoted(one.brief) + "\n";
    auto seen = " -n '__fish_seen_subcommand_from " + std::string{name_of(one)}
                + (group.empty() ? "" : "; and __fish_seen_subcommand_from " + group) + "'";
    for (const auto& own : one.flags)
      add_flag(own, seen);
  }
  for (const auto& one : global_flags())
    add_flag(one, "");
  for (const auto& one : added_global_flags())
    add_flag(one, "");
  return out;
}

} // namespace

std::string completion_script(std::string_view shell, std::string_view program) {
  if (shell == "bash")
    return bash_script(program);
  if (shell == "zsh")
    return zsh_script(program);
  if (shell == "fish")
    return fish_script(program);
  return {};
}

} // namespace troupe::ctl
