#include "apps/troupe/settings.hpp"

#include "messages/ensure.hpp"

namespace troupe::options {

namespace {

bool same_value(flag_kind kind, std::string_view a, std::string_view b) {
  switch (kind) {
  case flag_kind::boolean:
    return parse_boolean(a) == parse_boolean(b);
  case flag_kind::integer:
    return parse_integer(a) == parse_integer(b);
  case flag_kind::count:
    return parse_count(a) == parse_count(b);
  case flag_kind::duration:
    return parse_duration(a) == parse_duration(b);
  case flag_kind::bytes:
    return parse_bytes(a) == parse_bytes(b);
  default:
    return split_list(a) == split_list(b);
  }
}

} // namespace

void settings::set(const flag& which, std::string text) {
  ensure(problem_with(which, text).empty(), "only checked texts are set");
  flags_[std::string{which.name}] = &which;
  texts_[std::string{which.name}] = std::move(text);
}

bool settings::is_set(std::string_view name) const {
  return texts_.contains(name);
}

bool settings::differs(const flag& which) const {
  auto found = texts_.find(which.name);
  return found != texts_.end() && !found->second.empty()
         && !same_value(which.kind, found->second, which.preset);
}

std::string settings::text(std::string_view name) const {
  if (auto found = texts_.find(name); found != texts_.end())
    return found->second;
  const auto* known = find_flag(name);
  ensure(known != nullptr, "the name of a flag");
  return std::string{known->preset};
}

bool settings::boolean(std::string_view name) const {
  return parse_boolean(text(name)).value();
}

std::int64_t settings::integer(std::string_view name) const {
  return parse_integer(text(name)).value();
}

std::uint64_t settings::count(std::string_view name) const {
  return parse_count(text(name)).value();
}

std::uint64_t settings::bytes(std::string_view name) const {
  return parse_bytes(text(name)).value();
}

std::chrono::nanoseconds settings::duration(std::string_view name) const {
  return parse_duration(text(name)).value();
}

std::vector<std::string> settings::list(std::string_view name) const {
  return split_list(text(name));
}

std::vector<url> settings::urls(std::string_view name) const {
  return parse_urls(text(name)).urls;
}

std::string problem_with(const flag& which, std::string_view text) {
  if (text.empty() && which.preset.empty())
    return {};
  return problem_of(which.kind, text);
}

} // namespace troupe::options
