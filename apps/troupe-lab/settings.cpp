#include "apps/troupe-lab/settings.hpp"

#include "apps/troupe/nearest.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace troupe::lab {

namespace {

namespace po = boost::program_options;

[[noreturn]] void refuse(const std::string& text) {
  throw usage_error(text);
}

std::string kind_list() {
  std::string all;
  for (auto kind : sim::all_fault_kinds())
    all += (all.empty() ? "" : ",") + std::string{sim::name(kind)};
  return all;
}

po::options_description describe_run() {
  po::options_description result{"Flags", 110, 60};
  auto text = [](const char* argument, const char* preset) {
    return po::value<std::string>()->value_name(argument)->default_value(preset);
  };
  auto path = [] { return po::value<std::string>()->value_name("FILE")->default_value("", ""); };
  auto faults = "kinds of faults that are drawn, of " + kind_list() + "; all, or none";
  auto add = result.add_options();
  add("nodes", text("N", "3"), "members of the cluster, from 1 to 9");
  add("seeds", text("FIRST-LAST", "1-100"), "one run for each; a single number is one run");
  add("jobs", text("N", "0"), "runs at a time; 0: as many as there are processors");
  add("seconds", text("N", "10"), "virtual time under faults, before everything heals; at least 3");
  add("faults", text("KIND[,...]", "all"), faults.c_str());
  add("script", path(), "faults from a file, as a failing run prints them, in place of drawn ones");
  add("bug", text("NAME", "none"), "plants a bug ('troupe-lab bugs' lists them)");
  add("shrink", po::bool_switch(), "leave out the faults that a failing run does not need");
  add("keep-going", po::bool_switch(), "go on after a run that fails");
  add("trace", path(), "writes every message and step of a run, line by line");
  add("history", path(), "writes the calls of its clients and their answers, as JSON lines");
  add("timeline", path(), "draws its last messages as an SVG");
  add("help", po::bool_switch(), "print this");
  return result;
}

constexpr const char* examples =
  "  troupe-lab run --nodes 3 --seeds 1-2000\n"
  "  troupe-lab run --nodes 5 --seeds 1-500 --faults power_cut,cut,reorder\n"
  "  troupe-lab run --seeds 17 --trace run.txt --timeline run.svg\n"
  "  troupe-lab run --bug skip_sync --seeds 1-2000 --shrink\n";

std::string general_help() {
  return std::string{
           "troupe-lab runs whole clusters in simulation: seeds choose the order of all messages\n"
           "and what goes wrong; checkers judge every step and what clients saw.\n\n"
           "Usage: troupe-lab COMMAND [flags]\n\nCommands:\n"
           "  run     Runs a cluster once for each seed.\n"
           "  bugs    Lists the bugs that can be planted.\n\n"
           "'troupe-lab run --help' lists the flags.\n\nExamples:\n"}
         + examples + "  troupe-lab bugs\n"
         + "\nA trace, a history or a timeline is of the first run that fails, else of the last "
           "one.\n"
           "Exit status: 0 if nothing was violated, 1 if something was or if the command line is\n"
           "wrong, 2 if the runs broke off.\n";
}

std::string run_help() {
  std::ostringstream result;
  result << "Runs a cluster once for each seed.\n\nUsage: troupe-lab run [flags]\n\nExamples:\n"
         << examples << '\n'
         << describe_run();
  return result.str();
}

[[noreturn]] void refuse_unknown(const std::string& given) {
  const auto name = given.substr(std::min(given.find_first_not_of('-'), given.size()));
  const auto known = describe_run();
  std::vector<std::string_view> names;
  for (const auto& each : known.options())
    names.push_back(each->long_name());
  const auto close = options::nearest(name, names);
  refuse("unknown flag " + given
         + (close.empty() ? "; 'troupe-lab run --help' lists them"
                          : "; did you mean --" + std::string{close} + "?"));
}

po::variables_map parse(std::span<const std::string> arguments) {
  using style = po::command_line_style::style_t;
  const auto known = describe_run();
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
    refuse_unknown(error.get_option_name());
  } catch (const po::too_many_positional_options_error&) {
    refuse("an argument that is no flag; every flag of run starts with '--'");
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

bool read_number(std::string_view text, std::uint64_t& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc{} && end == text.data() + text.size();
}

std::uint64_t number(const po::variables_map& values, const std::string& name, std::uint64_t least,
                     std::uint64_t most) {
  const auto& text = values[name].as<std::string>();
  std::uint64_t result = 0;
  if (!read_number(text, result) || result < least || result > most)
    refuse("--" + name + " must be a whole number from " + std::to_string(least) + " to "
           + std::to_string(most) + ", not '" + text + "'");
  return result;
}

void read_seeds(const std::string& text, settings& to) {
  const auto dash = text.find('-');
  bool good = read_number(std::string_view{text}.substr(0, dash), to.first_seed);
  to.last_seed = to.first_seed;
  if (good && dash != text.npos)
    good = read_number(std::string_view{text}.substr(dash + 1), to.last_seed);
  if (!good || to.last_seed < to.first_seed)
    refuse("--seeds must be FIRST-LAST, rising, or a single number, not '" + text + "'");
}

std::set<sim::fault_kind> read_kinds(const std::string& text) {
  if (text == "all")
    return sim::all_fault_kinds();
  std::set<sim::fault_kind> result;
  if (text == "none")
    return result;
  std::istringstream parts{text};
  for (std::string part; std::getline(parts, part, ',');)
    result.insert(sim::parse_fault_kind(part));
  return result;
}

sim::fault_script read_script(const std::string& path) {
  std::ifstream file{path};
  if (!file)
    refuse("--script: " + path + " cannot be read");
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  return sim::parse_faults(text);
}

void read_run(const po::variables_map& values, settings& to) {
  auto text = [&](const char* name) { return values[name].as<std::string>(); };
  to.nodes = static_cast<unsigned>(number(values, "nodes", 1, 9));
  read_seeds(text("seeds"), to);
  to.jobs = static_cast<unsigned>(number(values, "jobs", 0, 256));
  if (to.jobs == 0)
    to.jobs = std::max(std::thread::hardware_concurrency(), 1U);
  to.span = std::chrono::seconds{number(values, "seconds", 3, 100'000)};
  try {
    to.kinds = read_kinds(text("faults"));
    if (!text("script").empty())
      to.script = read_script(text("script"));
    if (text("bug") != "none")
      to.bug = sim::parse_planted_bug(text("bug"));
  } catch (const sim::fault_text_error& error) {
    refuse(error.what());
  } catch (const sim::unknown_bug& error) {
    refuse(error.what());
  }
  to.shrink = values["shrink"].as<bool>();
  to.keep_going = values["keep-going"].as<bool>();
  to.trace = text("trace");
  to.history = text("history");
  to.timeline = text("timeline");
}

} // namespace

settings read_settings(std::span<const std::string> arguments) {
  settings result;
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h"
      || arguments[0] == "help") {
    result.help_text = general_help();
    return result;
  }
  const auto& name = arguments[0];
  if (name.starts_with("-"))
    refuse("the command comes before its flags, as in 'troupe-lab run " + name + " ...'");
  if (name != "run" && name != "bugs") {
    const std::vector<std::string_view> names{"run", "bugs", "help"};
    const auto close = options::nearest(name, names);
    refuse("unknown command '" + name + "'"
           + (close.empty() ? "; 'troupe-lab --help' lists them"
                            : "; did you mean '" + std::string{close} + "'?"));
  }
  if (name == "bugs") {
    if (arguments.size() > 1)
      refuse("'troupe-lab bugs' takes no flags, not '" + arguments[1] + "'");
    result.wanted = command::bugs;
    return result;
  }
  const auto values = parse(arguments.subspan(1));
  if (values["help"].as<bool>()) {
    result.help_text = run_help();
    return result;
  }
  result.wanted = command::run;
  read_run(values, result);
  return result;
}

} // namespace troupe::lab
