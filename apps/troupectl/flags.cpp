#include "apps/troupectl/flags.hpp"

#include "apps/troupe/value.hpp"
#include "apps/troupectl/go_text.hpp"

#include <boost/program_options.hpp>

namespace troupe::ctl {

namespace po = boost::program_options;

const flag help_flag{"help", flag_kind::boolean, "false", "help for the command", 'h'};

namespace {

std::string duration_problem(std::string_view text) {
  if (options::parse_duration(text))
    return {};
  auto last_digit = text.find_last_not_of("0123456789.");
  if (!text.empty() && last_digit == text.npos)
    return "time: missing unit in duration " + go::quote(text);
  return "time: invalid duration " + go::quote(text);
}

/// How pflag names a flag when its value is wrong.
std::string full_name(const flag& which) {
  auto name = "--" + std::string{which.name};
  return which.letter == 0 ? name : std::string{'-', which.letter} + ", " + name;
}

} // namespace

std::string problem_of(flag_kind kind, std::string_view text) {
  switch (kind) {
  case flag_kind::boolean:
    if (options::parse_boolean(text))
      return {};
    return "strconv.ParseBool: parsing " + go::quote(text) + ": invalid syntax";
  case flag_kind::integer:
    return go::parse_int(text, 0).problem;
  case flag_kind::count:
    return go::parse_uint(text, 0).problem;
  case flag_kind::duration:
    return duration_problem(text);
  case flag_kind::text:
  case flag_kind::list:
    return {};
  }
  return {};
}

flag_values::flag_values(std::vector<const flag*> known) : known_(std::move(known)) {
  for (const auto* one : known_)
    text_.emplace(one->name, one->preset);
}

const flag* flag_values::find(std::string_view name) const {
  for (const auto* one : known_)
    if (one->name == name)
      return one;
  return nullptr;
}

const flag* flag_values::find(char letter) const {
  for (const auto* one : known_)
    if (one->letter == letter)
      return one;
  return nullptr;
}

void flag_values::set(const flag& which, std::string_view text, std::string_view spelled) {
  if (auto problem = problem_of(which.kind, text); !problem.empty())
    throw flag_error("invalid argument " + go::quote(text) + " for " + go::quote(spelled)
                     + " flag: " + problem);
  auto& value = text_.at(which.name);
  if (which.kind == flag_kind::list && given_.contains(which.name))
    value += "," + std::string{text};
  else
    value = text;
  given_.insert(which.name);
}

bool flag_values::boolean(std::string_view name) const {
  return options::parse_boolean(text_.at(name)).value();
}

std::int64_t flag_values::integer(std::string_view name) const {
  return go::parse_int(text_.at(name), 0).value;
}

std::uint64_t flag_values::count(std::string_view name) const {
  return go::parse_uint(text_.at(name), 0).value;
}

std::chrono::nanoseconds flag_values::duration(std::string_view name) const {
  return options::parse_duration(text_.at(name)).value();
}

const std::string& flag_values::text(std::string_view name) const {
  return text_.at(name);
}

std::vector<std::string> flag_values::list(std::string_view name) const {
  return options::split_list(text_.at(name));
}

namespace {

/// Reads the flags at the front of `arguments` as pflag does; Boost does the rest.
class pflag_style {
public:
  explicit pflag_style(const flag_values& known) : known_(known) {}

  std::vector<po::option> operator()(std::vector<std::string>& arguments) const {
    auto first = arguments.front();
    if (first.size() < 2 || first[0] != '-' || first == "--")
      return {};
    arguments.erase(arguments.begin());
    return first[1] == '-' ? read_long(first, arguments) : read_short(first, arguments);
  }

private:
  static po::option option(const flag& which, std::string spelled, std::string value) {
    po::option result(std::string{which.name}, {std::move(value)});
    result.original_tokens = {std::move(spelled)};
    return result;
  }

  static std::string take(std::vector<std::string>& arguments, const std::string& complaint) {
    if (arguments.empty())
      throw flag_error("flag needs an argument: " + complaint);
    auto value = arguments.front();
    arguments.erase(arguments.begin());
    return value;
  }

  std::vector<po::option> read_long(const std::string& token,
                                    std::vector<std::string>& arguments) const {
    if (token[2] == '-' || token[2] == '=')
      throw flag_error("bad flag syntax: " + token);
    auto equals = token.find('=');
    auto name = token.substr(2, equals == token.npos ? equals : equals - 2);
    const auto* known = known_.find(name);
    if (known == nullptr)
      throw flag_error("unknown flag: --" + name);
    if (equals != token.npos)
      return {option(*known, full_name(*known), token.substr(equals + 1))};
    if (known->kind == flag_kind::boolean)
      return {option(*known, full_name(*known), "true")};
    return {option(*known, full_name(*known), take(arguments, token))};
  }

  std::vector<po::option> read_short(const std::string& token,
                                     std::vector<std::string>& arguments) const {
    std::vector<po::option> result;
    for (std::string_view letters = std::string_view{token}.substr(1); !letters.empty();
         letters.remove_prefix(1)) {
      const auto* known = known_.find(letters[0]);
      auto where = "'" + std::string{letters[0]} + "' in -" + std::string{letters};
      if (known == nullptr)
        throw flag_error("unknown shorthand flag: " + where);
      auto rest = letters.substr(1);
      if (rest.starts_with('=') && rest.size() > 1) {
        result.push_back(option(*known, full_name(*known), std::string{rest.substr(1)}));
        return result;
      }
      if (known->kind == flag_kind::boolean) {
        result.push_back(option(*known, full_name(*known), "true"));
        continue;
      }
      auto value = rest.empty() ? take(arguments, where) : std::string{rest};
      result.push_back(option(*known, full_name(*known), value));
      return result;
    }
    return result;
  }

  const flag_values& known_;
};

} // namespace

parsed_arguments parse_arguments(std::span<const std::string> arguments,
                                 std::vector<const flag*> known) {
  known.push_back(&help_flag);
  parsed_arguments result{flag_values(std::move(known)), {}};
  po::options_description description;
  for (const auto* one : result.flags.known())
    description.add_options()(std::string{one->name}.c_str(), po::value<std::string>());
  auto parser = po::command_line_parser(std::vector(arguments.begin(), arguments.end()));
  parser.options(description).extra_style_parser(pflag_style(result.flags));
  for (const auto& option : parser.run().options) {
    if (option.string_key.empty()) {
      result.positional.insert(result.positional.end(), option.value.begin(), option.value.end());
      continue;
    }
    result.flags.set(*result.flags.find(option.string_key), option.value.at(0),
                     option.original_tokens.at(0));
  }
  return result;
}

} // namespace troupe::ctl
