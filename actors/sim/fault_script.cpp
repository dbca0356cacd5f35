#include "actors/sim/fault_script.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <sstream>

namespace troupe::sim {

namespace {

struct kind_name {
  fault_kind kind;
  std::string_view name;
};

constexpr std::array names{
  kind_name{fault_kind::power_cut, "power_cut"},
  kind_name{fault_kind::torn_write, "torn_write"},
  kind_name{fault_kind::kill, "kill"},
  kind_name{fault_kind::pause, "pause"},
  kind_name{fault_kind::stall_disk, "stall_disk"},
  kind_name{fault_kind::disk_error, "disk_error"},
  kind_name{fault_kind::disk_full, "disk_full"},
  kind_name{fault_kind::stall_apply, "stall_apply"},
  kind_name{fault_kind::cut, "cut"},
  kind_name{fault_kind::drop, "drop"},
  kind_name{fault_kind::duplicate, "duplicate"},
  kind_name{fault_kind::delay, "delay"},
  kind_name{fault_kind::reorder, "reorder"},
  kind_name{fault_kind::flap, "flap"},
  kind_name{fault_kind::clock_jump, "clock_jump"},
  kind_name{fault_kind::clock_rate, "clock_rate"},
  kind_name{fault_kind::transfer, "transfer"},
};

class generator {
public:
  generator(std::uint64_t seed, const fault_plan& plan) : random_(seed), plan_(plan) {}

  fault_script run() {
    std::vector<fault_kind> kinds;
    for (auto kind : plan_.kinds)
      if (below(2) == 0)
        kinds.push_back(kind);
    if (kinds.empty())
      kinds.assign(plan_.kinds.begin(), plan_.kinds.end());
    fault_script script;
    if (kinds.empty())
      return script;
    for (auto count = 1 + below(plan_.most); count > 0; --count)
      script.push_back(one(kinds[below(kinds.size())]));
    std::ranges::stable_sort(script, {}, &fault::at);
    return script;
  }

private:
  std::uint64_t below(std::uint64_t n) {
    return random_() % n;
  }

  std::int64_t between(std::int64_t first, std::int64_t last) {
    return first + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(last - first) + 1));
  }

  node_number node() {
    return 1 + static_cast<node_number>(below(plan_.nodes));
  }

  /// Often a short while, seldom a long one.
  std::chrono::milliseconds while_() {
    auto longest = std::array{300, 1200, 4000}[below(3)];
    return std::chrono::milliseconds{between(20, longest)};
  }

  void lose(fault& f) {
    constexpr std::array kept{-1, 0, 10, 50, 100};
    f.kept = kept[below(kept.size())];
    f.flips = below(3) == 0 ? between(1, 4) : 0;
    f.lost = below(3) == 0 ? between(1, 3) : 0;
  }

  fault one(fault_kind kind) {
    fault f{.at = std::chrono::milliseconds{between(plan_.begin.count(), plan_.end.count())},
            .kind = kind,
            .node = node(),
            .lasts = while_()};
    switch (kind) {
    case fault_kind::power_cut:
      lose(f);
      break;
    case fault_kind::torn_write:
      lose(f);
      f.amount = between(0, 30);
      break;
    case fault_kind::disk_error:
    case fault_kind::disk_full:
      f.amount = between(0, 60);
      break;
    case fault_kind::cut:
    case fault_kind::flap:
      f.peer = below(3) == 0 ? 0 : node();
      f.amount = kind == fault_kind::flap ? between(10, 400) : 0;
      break;
    case fault_kind::drop:
    case fault_kind::duplicate:
      spread(f);
      f.amount = between(5, 60);
      break;
    case fault_kind::delay:
    case fault_kind::reorder:
      spread(f);
      f.amount = between(5, 600);
      break;
    case fault_kind::clock_jump:
      f.amount = between(10, 3000);
      f.lasts = {};
      break;
    case fault_kind::clock_rate:
      f.amount = between(900'000, 1'100'000);
      break;
    case fault_kind::transfer:
      f.lasts = {};
      break;
    case fault_kind::kill:
    case fault_kind::pause:
    case fault_kind::stall_disk:
    case fault_kind::stall_apply:
      break;
    }
    if (f.peer == f.node)
      f.peer = 0;
    return f;
  }

  /// Weather is on one link, around one node or everywhere.
  void spread(fault& f) {
    f.peer = below(2) == 0 ? 0 : node();
    if (below(3) == 0)
      f.node = f.peer = 0;
  }

  std::mt19937_64 random_;
  const fault_plan& plan_;
};

struct field {
  std::string_view name;
  std::int64_t (*get)(const fault&);
  void (*set)(fault&, std::int64_t);
  std::int64_t absent;
};

constexpr std::array fields{
  field{"node", [](const fault& f) -> std::int64_t { return f.node; },
        [](fault& f, std::int64_t x) { f.node = static_cast<node_number>(x); }, 0},
  field{"peer", [](const fault& f) -> std::int64_t { return f.peer; },
        [](fault& f, std::int64_t x) { f.peer = static_cast<node_number>(x); }, 0},
  field{"lasts", [](const fault& f) -> std::int64_t { return f.lasts.count(); },
        [](fault& f, std::int64_t x) { f.lasts = std::chrono::milliseconds{x}; }, 0},
  field{"amount", [](const fault& f) { return f.amount; },
        [](fault& f, std::int64_t x) { f.amount = x; }, 0},
  field{"kept", [](const fault& f) { return f.kept; }, [](fault& f, std::int64_t x) { f.kept = x; },
        -1},
  field{"flips", [](const fault& f) { return f.flips; },
        [](fault& f, std::int64_t x) { f.flips = x; }, 0},
  field{"lost", [](const fault& f) { return f.lost; }, [](fault& f, std::int64_t x) { f.lost = x; },
        0},
};

std::int64_t read_number(std::string_view text, const std::string& where) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0)
    throw fault_text_error{where + ": '" + std::string{text} + "' is no whole number from 0"};
  return number;
}

fault parse_line(const std::string& line, const std::string& where) {
  std::istringstream words{line};
  std::string at;
  std::string kind;
  if (!(words >> at >> kind))
    throw fault_text_error{where + ": a fault is 'MILLISECONDS KIND [FIELD=NUMBER ...]'"};
  fault result{.at = std::chrono::milliseconds{read_number(at, where)}};
  try {
    result.kind = parse_fault_kind(kind);
  } catch (const fault_text_error& error) {
    throw fault_text_error{where + ": " + error.what()};
  }
  for (std::string word; words >> word;) {
    auto equals = word.find('=');
    auto known = std::ranges::find(fields, std::string_view{word}.substr(0, equals), &field::name);
    if (equals == word.npos || known == fields.end()) {
      std::string all;
      for (const auto& each : fields)
        all += (all.empty() ? "" : ", ") + std::string{each.name};
      throw fault_text_error{where + ": '" + word + "' is not FIELD=NUMBER with a field of " + all};
    }
    known->set(result, read_number(std::string_view{word}.substr(equals + 1), where));
  }
  return result;
}

} // namespace

std::set<fault_kind> all_fault_kinds() {
  std::set<fault_kind> result;
  for (const auto& each : names)
    result.insert(each.kind);
  return result;
}

fault_script generate_faults(std::uint64_t seed, const fault_plan& plan) {
  return generator{seed, plan}.run();
}

std::string_view name(fault_kind kind) {
  return std::ranges::find(names, kind, &kind_name::kind)->name;
}

fault_kind parse_fault_kind(std::string_view text) {
  auto found = std::ranges::find(names, text, &kind_name::name);
  if (found != names.end())
    return found->kind;
  std::string all;
  for (const auto& each : names)
    all += (all.empty() ? "" : ", ") + std::string{each.name};
  throw fault_text_error{"no fault is called '" + std::string{text} + "'; there are " + all};
}

std::string print(const fault& what) {
  auto line = std::to_string(what.at.count()) + " " + std::string{name(what.kind)};
  for (const auto& each : fields)
    if (auto value = each.get(what); value != each.absent)
      line += " " + std::string{each.name} + "=" + std::to_string(value);
  return line;
}

std::string print(const fault_script& script) {
  std::string text;
  for (const auto& each : script)
    text += print(each) + "\n";
  return text;
}

fault_script parse_faults(std::string_view text) {
  fault_script script;
  std::istringstream lines{std::string{text}};
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    line.resize(std::min(line.find('#'), line.size()));
    if (line.find_first_not_of(" \t\r") == line.npos)
      continue;
    script.push_back(parse_line(line, "line " + std::to_string(number)));
  }
  std::ranges::stable_sort(script, {}, &fault::at);
  return script;
}

} // namespace troupe::sim
