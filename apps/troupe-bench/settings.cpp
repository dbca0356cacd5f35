#include "apps/troupe-bench/settings.hpp"

#include "apps/troupe-bench/flag_table.hpp"
#include "apps/troupe-bench/key_space.hpp"
#include "apps/troupe/nearest.hpp"

#include <boost/program_options.hpp>
#include <charconv>
#include <cmath>
#include <sstream>

namespace troupe::bench {

namespace {

namespace po = boost::program_options;

bool is_toggle(const flag& which) {
  return std::holds_alternative<bool settings::*>(which.field);
}

std::vector<preset> presets_of(const command_entry& entry) {
  std::vector<preset> result{entry.flags.begin(), entry.flags.end()};
  result.insert(result.end(), common_flags().begin(), common_flags().end());
  return result;
}

po::options_description describe(const command_entry& entry) {
  po::options_description result{"Flags", 110, 60};
  for (const auto& [name, value] : presets_of(entry)) {
    const auto& which = *find_flag(name);
    const std::string help{which.help};
    if (is_toggle(which)) {
      result.add_options()(std::string{name}.c_str(), po::bool_switch(), help.c_str());
      continue;
    }
    auto* semantic = po::value<std::string>()->value_name(std::string{which.argument});
    semantic->default_value(std::string{value});
    result.add_options()(std::string{name}.c_str(), semantic, help.c_str());
  }
  result.add_options()("help", po::bool_switch(), "print this");
  return result;
}

std::string general_help() {
  std::string result = "troupe-bench measures any server that speaks etcd's API.\n\n"
                       "Usage: troupe-bench COMMAND [flags]\n\nCommands:\n";
  for (const auto& each : commands()) {
    std::string name{each.name};
    name.resize(18, ' ');
    result += "  " + name + std::string{each.summary} + "\n";
  }
  result += "\n'troupe-bench COMMAND --help' lists the flags of a command.\n\nExamples:\n";
  for (const auto& each : commands())
    result += each.examples;
  result += "\nExit status: 0 if every call succeeded and every event came exactly once, 1 if not\n"
            "or if the command line is wrong, 2 if the run broke off.\n";
  return result;
}

std::string help_of(const command_entry& entry) {
  std::ostringstream result;
  result << entry.summary << "\n\nUsage: troupe-bench " << entry.name << " [flags]\n\nExamples:\n"
         << entry.examples << '\n'
         << describe(entry);
  return result.str();
}

[[noreturn]] void refuse(const std::string& text) {
  throw usage_error(text);
}

const command_entry& command_of(const std::string& name) {
  const auto* found = find_command(name);
  if (found != nullptr)
    return *found;
  if (name.starts_with("-"))
    refuse("the command comes before its flags, as in 'troupe-bench put " + name + " ...'");
  std::vector<std::string_view> names;
  for (const auto& each : commands())
    names.push_back(each.name);
  const auto close = options::nearest(name, names);
  refuse("unknown command '" + name + "'"
         + (close.empty() ? "; 'troupe-bench --help' lists them"
                          : "; did you mean '" + std::string{close} + "'?"));
}

/// Whose flag it is, or what it was meant to be.
[[noreturn]] void refuse_unknown(const std::string& given, const command_entry& entry) {
  const auto name = given.substr(std::min(given.find_first_not_of('-'), given.size()));
  std::string owners;
  for (const auto& each : commands())
    for (const auto& one : each.flags)
      if (one.name == name)
        owners += (owners.empty() ? "" : ", ") + std::string{each.name};
  if (!owners.empty())
    refuse("--" + name + " is a flag of " + owners + ", not of " + std::string{entry.name});
  std::vector<std::string_view> names{"help"};
  const auto presets = presets_of(entry);
  for (const auto& each : presets)
    names.push_back(each.name);
  const auto close = options::nearest(name, names);
  refuse("unknown flag " + given
         + (close.empty() ? "; 'troupe-bench " + std::string{entry.name} + " --help' lists them"
                          : "; did you mean --" + std::string{close} + "?"));
}

po::variables_map parse(std::span<const std::string> arguments, const command_entry& entry) {
  using style = po::command_line_style::style_t;
  const auto known = describe(entry);
  try {
    po::variables_map values;
    po::store(po::command_line_parser(std::vector(arguments.begin(), arguments.end()))
                .options(known)
                .positional({})
                .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next)
                .run(),
              values);
    return values;
  } catch (const po::unknown_option& error) {
    refuse_unknown(error.get_option_name(), entry);
  } catch (const po::too_many_positional_options_error&) {
    refuse("an argument that is no flag; every flag of " + std::string{entry.name}
           + " starts with '--'");
  } catch (const po::multiple_occurrences& error) {
    refuse(error.get_option_name() + " is given twice");
  } catch (const po::invalid_command_line_syntax& error) {
    const bool missing = error.kind() == po::invalid_syntax::missing_parameter
                         || error.kind() == po::invalid_syntax::empty_adjacent_parameter;
    refuse(missing ? error.get_option_name() + " needs a value" : error.what());
  } catch (const po::error& error) {
    refuse(error.what());
  }
}

template <class Number>
bool read_number(const std::string& text, Number& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc{} && end == text.data() + text.size();
}

/// Puts the text of a flag where it belongs.
struct assign {
  settings& to;
  const flag& which;
  const std::string& text;

  [[noreturn]] void refuse_text(const std::string& wanted) const {
    refuse("--" + std::string{which.name} + " must be " + wanted + ", not '" + text + "'");
  }

  void operator()(std::uint64_t settings::*field) const {
    if (!read_number(text, to.*field) || to.*field < which.least)
      refuse_text("a whole number from " + std::to_string(which.least));
  }

  void operator()(double settings::*field) const {
    if (!read_number(text, to.*field) || !std::isfinite(to.*field) || to.*field < 0)
      refuse_text("a number from 0");
  }

  void operator()(std::string settings::*field) const {
    to.*field = text;
  }

  void operator()(bool settings::*) const {}
};

endpoint read_endpoint(std::string text) {
  const auto wrong = [&] {
    refuse("--endpoints must be host:port, or several of them after commas, not '" + text + "'");
  };
  if (text.starts_with("https://"))
    refuse("--endpoints: only clear text is spoken here: write host:port instead of '" + text
           + "'");
  if (text.starts_with("http://"))
    text.erase(0, 7);
  const auto colon = text.rfind(':');
  if (colon == text.npos || colon == 0)
    wrong();
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  std::uint16_t number = 0;
  if (!read_number(port, number) || number == 0)
    wrong();
  if (host.starts_with('[') && host.ends_with(']') && host.size() > 2)
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != host.npos)
    wrong();
  return {host, port};
}

std::vector<endpoint> read_endpoints(const std::string& list) {
  std::vector<endpoint> result;
  std::istringstream parts{list};
  for (std::string part; std::getline(parts, part, ',');)
    result.push_back(read_endpoint(part));
  if (result.empty() || list.ends_with(','))
    refuse("--endpoints must be host:port, or several of them after commas, not '" + list + "'");
  return result;
}

void check_load(const settings& chosen) {
  if (chosen.streams < chosen.connections)
    refuse("--streams counts the streams of all connections and must be at least --connections ("
           + std::to_string(chosen.connections) + "), not " + std::to_string(chosen.streams));
  if (chosen.threads > chosen.connections)
    refuse("--threads share the connections: at most " + std::to_string(chosen.connections)
           + ", not " + std::to_string(chosen.threads));
  const auto capacity = key_space::capacity(chosen.key_size);
  if (chosen.keys > capacity)
    refuse("--key-size " + std::to_string(chosen.key_size) + " allows " + std::to_string(capacity)
           + " keys; --key-space " + std::to_string(chosen.keys) + " needs longer ones");
}

void check_watch(const settings& chosen) {
  if (chosen.on_key > chosen.watchers)
    refuse("--on-key must be at most --watchers (" + std::to_string(chosen.watchers) + "), not "
           + std::to_string(chosen.on_key));
  const bool fanout = chosen.wanted == command::watch_fanout;
  if (fanout && !chosen.steady && (chosen.stall > 0 || chosen.rate > 0))
    refuse(std::string{chosen.stall > 0 ? "--stall" : "--rate"}
           + " is for a steady load: give --steady as well");
  if (fanout && chosen.steady && chosen.duration_seconds == 0)
    refuse("--steady needs a --duration");
  if (chosen.stall == 0)
    return;
  const auto on_key = chosen.on_key == 0 ? chosen.watchers : chosen.on_key;
  if (chosen.stall >= std::min(on_key, chosen.streams))
    refuse("--stall must leave a stream that reads: at most "
           + std::to_string(std::min(on_key, chosen.streams) - 1) + " of those that watch the key");
}

/// What --total and --duration mean together: whichever was given, or both.
void settle_end(settings& chosen, bool total_given) {
  if (chosen.duration_seconds > 0 && !total_given)
    chosen.total = 0;
  if (chosen.duration_seconds == 0 && chosen.total == 0)
    refuse("--total 0 needs a --duration");
}

} // namespace

settings read_settings(std::span<const std::string> arguments) {
  settings result;
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h"
      || arguments[0] == "help") {
    result.help_text = general_help();
    return result;
  }
  const auto& entry = command_of(arguments[0]);
  const auto values = parse(arguments.subspan(1), entry);
  if (values["help"].as<bool>()) {
    result.help_text = help_of(entry);
    return result;
  }
  result.wanted = entry.which;
  for (const auto& each : presets_of(entry)) {
    const auto& which = *find_flag(each.name);
    const auto& value = values[std::string{each.name}];
    if (is_toggle(which))
      result.*std::get<bool settings::*>(which.field) = value.as<bool>();
    else
      std::visit(assign{result, which, value.as<std::string>()}, which.field);
  }
  result.endpoints = read_endpoints(result.endpoint_list);
  if (result.output != "text" && result.output != "json")
    refuse("--output must be text or json, not '" + result.output + "'");
  if (result.timeout_seconds == 0)
    refuse("--timeout must be more than 0");
  check_load(result);
  check_watch(result);
  if (values.count("total") != 0)
    settle_end(result, !values["total"].defaulted());
  return result;
}

} // namespace troupe::bench
