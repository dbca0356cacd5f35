#include "apps/troupe/command_line.hpp"

#include "apps/troupe/nearest.hpp"

#include <boost/program_options.hpp>

namespace troupe::options {

namespace {

namespace po = boost::program_options;

po::options_description describe_flags() {
  po::options_description result;
  for (const auto& section : flag_sections()) {
    for (const auto& one : section.flags) {
      auto* value = po::value<std::string>();
      // Without an argument such a flag is "true"; the next argument is not its value.
      if (one.kind == flag_kind::boolean || one.kind == flag_kind::ignored)
        value->implicit_value("true");
      result.add_options()(std::string{one.name}.c_str(), value);
    }
  }
  result.add_options()("h", po::value<std::string>()->implicit_value("true"));
  return result;
}

/// Boost takes neither an empty value after `=`, nor an unknown name behind one dash.
std::vector<po::option> read_as_go(std::vector<std::string>& arguments) {
  const auto& first = arguments.front();
  if (first.size() < 2 || first[0] != '-' || first == "--")
    return {};
  auto name = first.substr(first.starts_with("--") ? 2 : 1);
  auto equals = name.find('=');
  auto key = name.substr(0, equals);
  bool empty_value = equals != name.npos && equals + 1 == name.size();
  bool unknown = find_flag(key) == nullptr && key != "h";
  if (!empty_value && !unknown)
    return {};
  po::option result;
  result.string_key = key;
  result.original_tokens = {first};
  if (empty_value)
    result.value = {""};
  arguments.erase(arguments.begin());
  return {result};
}

std::vector<po::option> split(std::span<const std::string> arguments) {
  static const auto description = describe_flags();
  using style = po::command_line_style::style_t;
  auto parser = po::command_line_parser(std::vector(arguments.begin(), arguments.end()));
  try {
    return parser.options(description)
      .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next
             | style::allow_long_disguise)
      .extra_style_parser(read_as_go)
      .allow_unregistered()
      .run()
      .options;
  } catch (const po::invalid_command_line_syntax& error) {
    auto name = error.get_option_name();
    throw option_error(2,
                       "flag needs an argument: " + name.substr(name.find_first_not_of('-') - 1));
  } catch (const po::error& error) {
    throw option_error(2, error.what());
  }
}

[[noreturn]] void refuse_stray(const std::string& argument) {
  throw option_error(1, "'" + argument + "' is not a valid flag");
}

/// Boost lets a flag with an implicit value have the argument that follows it; Go does not.
bool takes_no_argument(const po::option& option) {
  const auto* known = find_flag(option.string_key);
  bool implicit = option.string_key == "h"
                  || (known != nullptr
                      && (known->kind == flag_kind::boolean || known->kind == flag_kind::ignored));
  return implicit && !option.value.empty()
         && option.original_tokens.at(0).find('=') == std::string::npos;
}

[[noreturn]] void refuse_unknown(const std::string& name) {
  auto text = "flag provided but not defined: -" + name;
  if (auto close = nearest_flag(name); !close.empty())
    text += "; did you mean --" + std::string{close} + "?";
  throw option_error(2, text);
}

} // namespace

command_line read_command_line(std::span<const std::string> arguments) {
  command_line result;
  for (const auto& option : split(arguments)) {
    if (option.string_key.empty())
      refuse_stray(option.value.at(0));
    if (takes_no_argument(option))
      refuse_stray(option.value.at(0));
    if (option.string_key == "help" || option.string_key == "h")
      return {action::show_help, {}};
    const auto* known = find_flag(option.string_key);
    if (known == nullptr)
      refuse_unknown(option.string_key);
    auto text = option.value.empty() ? std::string{"true"} : option.value.front();
    if (auto problem = problem_with(*known, text); !problem.empty())
      throw option_error(2, "invalid value \"" + text + "\" for flag -" + option.string_key + ": "
                              + problem);
    result.given.set(*known, text);
  }
  if (result.given.boolean("version"))
    result.wanted = action::show_version;
  return result;
}

} // namespace troupe::options
