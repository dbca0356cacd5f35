#include "apps/troupectl/commands/dialog.hpp"

#include "apps/troupectl/commands/kv_requests.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"

#include <istream>
#include <map>

namespace troupe::ctl {

namespace {

constexpr std::string_view blanks = " \t\n\f\r\v";

[[noreturn]] void refuse(const std::string& text) {
  throw command_failed(exit_invalid_input, text);
}

/// The length of the word that `text` starts with, quotes included; 0 for a quote without its
/// counterpart, which is skipped.
std::size_t word_length(std::string_view text) {
  if (text[0] == '\'') {
    auto end = text.find('\'', 1);
    return end == text.npos ? 0 : end + 1;
  }
  if (text[0] != '"')
    return std::min(text.find_first_of(blanks), text.size());
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return 0;
}

std::string meaning_of(std::string_view word) {
  if (word[0] == '\'')
    return std::string{word.substr(1, word.size() - 2)};
  if (word[0] != '"')
    return std::string{word};
  auto literal = go::unquote_prefix(word);
  if (!literal.valid)
    refuse("invalid syntax");
  return literal.text;
}

} // namespace

std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    auto start = std::min(line.find_first_not_of(blanks), line.size());
    line.remove_prefix(start);
    if (line.empty())
      break;
    auto length = word_length(line);
    if (length > 0)
      words.push_back(meaning_of(line.substr(0, length)));
    line.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return words;
}

namespace {

/// What Go's Sscanf with `%q) %s %q` gets out of a text.
struct scanned {
  std::string key, op, value;
  int count = 0;
};

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(blanks, at), text.size());
}

scanned scan(std::string_view text) {
  scanned result;
  auto at = skip_blanks(text, 0);
  auto key = go::unquote_prefix(text.substr(at));
  if (!key.valid)
    return result;
  result.key = key.text;
  result.count = 1;
  at += key.length;
  if (at == text.size() || text[at] != ')')
    return result;
  auto op = skip_blanks(text, at + 1);
  if (op == at + 1 || op == text.size())
    return result;
  at = std::min(text.find_first_of(blanks, op), text.size());
  result.op = text.substr(op, at - op);
  result.count = 2;
  auto value = go::unquote_prefix(text.substr(skip_blanks(text, at)));
  if (!value.valid)
    return result;
  result.value = value.text;
  result.count = 3;
  return result;
}

std::int64_t number(const std::string& text, int base, const std::string& line) {
  auto parsed = go::parse_int(text, base);
  if (!parsed.problem.empty())
    refuse("invalid txn compare request: " + line);
  return parsed.value;
}

void set_target(pb::Compare& compare, const std::string& target, const std::string& value,
                const std::string& line) {
  if (target == "ver" || target == "version") {
    compare.set_target(pb::Compare::VERSION);
    compare.set_version(number(value, 10, line));
  } else if (target == "c" || target == "create") {
    compare.set_target(pb::Compare::CREATE);
    compare.set_create_revision(number(value, 10, line));
  } else if (target == "m" || target == "mod") {
    compare.set_target(pb::Compare::MOD);
    compare.set_mod_revision(number(value, 10, line));
  } else if (target == "val" || target == "value") {
    compare.set_target(pb::Compare::VALUE);
    compare.set_value(value);
  } else if (target == "lease") {
    compare.set_target(pb::Compare::LEASE);
    compare.set_lease(number(value, 16, line));
  } else {
    refuse("malformed comparison: " + line + " (unknown target " + target + ")");
  }
}

} // namespace

pb::Compare parse_compare(const std::string& line) {
  static const std::map<std::string, pb::Compare::CompareResult> results{
    {"=", pb::Compare::EQUAL},
    {"!=", pb::Compare::NOT_EQUAL},
    {"<", pb::Compare::LESS},
    {">", pb::Compare::GREATER}};
  auto parenthesis = line.find('(');
  if (parenthesis == line.npos)
    refuse("malformed comparison: " + line);
  auto target = line.substr(0, parenthesis);
  auto parts = scan(std::string_view{line}.substr(parenthesis + 1));
  auto got = target + "(" + go::quote(parts.key) + ") " + parts.op + " " + go::quote(parts.value);
  if (parts.count != 3)
    refuse("malformed comparison: " + line + "; got " + got);
  pb::Compare compare;
  compare.set_key(parts.key);
  set_target(compare, target, parts.value, line);
  auto result = results.find(parts.op);
  if (result == results.end())
    refuse("malformed comparison: " + line + " (unknown operator " + parts.op + ")");
  compare.set_result(result->second);
  return compare;
}

namespace {

parsed_arguments parse_words(const std::vector<std::string>& words, const std::vector<flag>& flags,
                             const std::string& line) {
  std::vector<const flag*> known;
  for (const auto& one : flags)
    known.push_back(&one);
  try {
    return parse_arguments(std::span{words}.subspan(1), known);
  } catch (const flag_error&) {
    refuse("invalid txn request: " + line);
  }
}

} // namespace

pb::RequestOp parse_operation(const std::string& line) {
  auto words = split_words(line);
  if (words.size() < 2)
    refuse("invalid txn compare request: " + line);
  pb::RequestOp operation;
  std::string_view name = words[0];
  if (std::string_view{"put"}.starts_with(name)) {
    auto [flags, arguments] = parse_words(words, put_flags, line);
    *operation.mutable_request_put() = put_request(flags, arguments, [] { return std::string{}; });
  } else if (std::string_view{"get"}.starts_with(name)) {
    auto [flags, arguments] = parse_words(words, get_flags, line);
    *operation.mutable_request_range() = get_request(flags, arguments);
  } else if (std::string_view{"del"}.starts_with(name)) {
    auto [flags, arguments] = parse_words(words, del_flags, line);
    *operation.mutable_request_delete_range() = del_request(flags, arguments);
  } else {
    refuse("invalid txn request: " + line);
  }
  return operation;
}

std::string read_trimmed_line(std::istream& in) {
  std::string line;
  // A last line without its end counts as none, as in Go's ReadString.
  if (!std::getline(in, line) || in.eof())
    refuse("EOF");
  auto first = line.find_first_not_of(blanks);
  if (first == line.npos)
    return {};
  return line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

} // namespace troupe::ctl
