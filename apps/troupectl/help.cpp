#include "apps/troupectl/help.hpp"

#include "apps/troupectl/globals.hpp"
#include "messages/version.hpp"

#include <algorithm>
#include <ostream>

namespace troupe::ctl {

namespace {

struct two_columns {
  std::string left;
  std::string_view right;
};

/// Columns at tab stops, as Go's tabwriter sets them.
void print_columns(const std::vector<two_columns>& lines, std::ostream& out) {
  constexpr std::size_t tab = 8;
  std::size_t width = 0;
  for (const auto& line : lines)
    width = std::max(width, line.left.size() / tab + 1);
  for (const auto& line : lines)
    out << line.left << std::string(width - line.left.size() / tab, '\t') << line.right << '\n';
}

std::string spelled(const flag& one) {
  std::string out = one.letter == 0 ? "      --" : std::string{"  -"} + one.letter + ", --";
  auto preset = std::string{one.preset};
  if (one.kind == flag_kind::text)
    preset = '"' + preset + '"';
  if (one.kind == flag_kind::list)
    preset = '[' + preset + ']';
  bool boolean = one.kind == flag_kind::boolean;
  return out + std::string{one.name} + (boolean ? "[=" : "=") + preset + (boolean ? "]" : "");
}

void print_flags(std::string_view heading, std::vector<const flag*> flags, std::ostream& out) {
  std::ranges::sort(flags, {}, [](const flag* one) { return one->name; });
  std::vector<two_columns> lines;
  for (const auto* one : flags)
    lines.push_back({spelled(*one), one->help});
  out << '\n' << heading << ":\n";
  print_columns(lines, out);
}

void print_indented(std::string_view heading, std::string_view text, std::string_view before,
                    std::ostream& out) {
  if (text.empty())
    return;
  out << '\n' << heading << ":\n";
  for (std::size_t at = 0; at < text.size();) {
    auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    out << "  " << (line.empty() ? "" : before) << line << '\n';
    at = end + 1;
  }
}

/// All that can be run below `path`, by name; `lease grant` is listed as itself under the program
/// and as `grant` under its group.
void print_commands(std::string_view path, bool as_etcdctl, std::ostream& out) {
  std::vector<two_columns> lines;
  for (const auto& one : commands()) {
    bool below = path.empty()
                 || (one.path.starts_with(path) && one.path.size() > path.size()
                     && one.path[path.size()] == ' ');
    if (below && one.run != nullptr && !(one.added && as_etcdctl))
      lines.push_back(
        {"  " + std::string{one.path.substr(path.empty() ? 0 : path.size() + 1)}, one.brief});
  }
  std::ranges::sort(lines, {}, &two_columns::left);
  if (path.empty())
    lines.push_back({"  help", "Help about any command"});
  std::ranges::sort(lines, {}, &two_columns::left);
  out << "\nCOMMANDS:\n";
  print_columns(lines, out);
}

std::string_view api_version() {
  return etcd_version.substr(0, etcd_version.rfind('.'));
}

} // namespace

void print_help(const invocation& how, const command* one, std::ostream& out) {
  auto path = one == nullptr ? std::string_view{how.program} : one->path;
  auto brief = one == nullptr ? "A simple command line client for etcd3." : one->brief;
  out << "NAME:\n  " << path << " - " << brief << "\n\nUSAGE:\n  " << how.program;
  if (one != nullptr)
    out << ' ' << one->path << (one->usage.empty() ? "" : " ") << one->usage;
  out << " [flags]\n";
  if (one == nullptr)
    out << "\nVERSION:\n  " << etcd_version << '\n';
  if (one == nullptr || one->run == nullptr) {
    out << "\nAPI VERSION:\n  " << api_version() << "\n\n";
    print_commands(one == nullptr ? "" : one->path, how.as_etcdctl(), out);
  }
  std::vector<const flag*> own{&help_flag};
  std::vector<const flag*> inherited;
  auto add = [&](std::vector<const flag*>& to, std::span<const flag> flags) {
    for (const auto& each : flags)
      if (!each.added || !how.as_etcdctl())
        to.push_back(&each);
  };
  if (one != nullptr) {
    print_indented("EXAMPLES", one->examples, how.program + " ", out);
    print_indented("DESCRIPTION", one->description, "", out);
    add(own, one->flags);
    auto blank = one->path.rfind(' ');
    if (const auto* group =
          blank == one->path.npos ? nullptr : find_command(one->path.substr(0, blank)))
      add(inherited, group->flags);
  }
  add(one == nullptr ? own : inherited, global_flags());
  add(one == nullptr ? own : inherited, added_global_flags());
  print_flags("OPTIONS", own, out);
  if (one != nullptr)
    print_flags("GLOBAL OPTIONS", inherited, out);
  out << '\n';
}

} // namespace troupe::ctl
