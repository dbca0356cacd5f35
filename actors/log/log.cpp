#include "actors/log/log.hpp"

#include <atomic>
#include <cstdlib>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <mutex>
#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <stdexcept>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace troupe::log {

namespace {

using json = nlohmann::json;

constexpr auto level_names =
  std::to_array<std::string_view>({"debug", "info", "warn", "error", "panic", "fatal"});

spdlog::level::level_enum spdlog_level(level at) {
  switch (at) {
  case level::debug:
    return spdlog::level::debug;
  case level::info:
    return spdlog::level::info;
  case level::warn:
    return spdlog::level::warn;
  case level::error:
    return spdlog::level::err;
  default:
    return spdlog::level::critical;
  }
}

/// Text as a JSON string, quotes included.
std::string json_text(std::string_view text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string to_json(const value& x) {
  if (auto* span = std::get_if<std::chrono::nanoseconds>(&x))
    return json_text(show(*span));
  return std::visit(
    [](const auto& content) {
      if constexpr (std::same_as<std::decay_t<decltype(content)>, std::chrono::nanoseconds>)
        return std::string{};
      else
        return json(content).dump(-1, ' ', false, json::error_handler_t::replace);
    },
    x);
}

std::string members(const std::vector<field>& with) {
  std::string result;
  for (const auto& one : with) {
    if (!result.empty())
      result += ',';
    result += json_text(one.name) + ':' + to_json(one.content);
  }
  return result;
}

/// "node/log.cpp:12": the directory tells files of one name apart.
std::string caller(const place& from) {
  std::string_view path = from.file_name();
  auto slash = path.rfind('/');
  if (slash != path.npos && slash > 0)
    slash = path.rfind('/', slash - 1);
  if (slash != path.npos)
    path.remove_prefix(slash + 1);
  return fmt::format("{}:{}", path, from.line());
}

/// "2006-01-02T15:04:05.000000Z", always UTC.
std::string time_stamp() {
  using namespace std::chrono;
  auto now = time_point_cast<microseconds>(system_clock::now());
  auto second = floor<seconds>(now);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(second), (now - second).count());
}

/// The outputs of one format.
struct output_group {
  bool as_json = true;
  std::shared_ptr<spdlog::logger> logger;

  void write(level at, std::string_view message, const std::vector<field>& with,
             const place& from) const {
    auto name = level_names[static_cast<std::size_t>(at)];
    auto extra = members(with);
    auto line = as_json ? fmt::format(R"({{"level":"{}","ts":"{}","caller":{},"msg":{}{}{}}})",
                                      name, time_stamp(), json_text(caller(from)),
                                      json_text(message), extra.empty() ? "" : ",", extra)
                        : fmt::format("{}  {:<5}  {}{}{}{}", time_stamp(), name, message,
                                      extra.empty() ? "" : "  {", extra, extra.empty() ? "" : "}");
    logger->log(spdlog_level(at), line);
  }
};

struct outputs {
  std::vector<output_group> groups;
  std::atomic<level> least = level::info;
};

spdlog::sink_ptr open_output(const std::string& name) {
  if (name == "default" || name == "stderr")
    return std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  if (name == "stdout")
    return std::make_shared<spdlog::sinks::stdout_color_sink_mt>();
  if (name == "systemd/journal") {
    if (sd_booted() <= 0)
      throw std::runtime_error("log output systemd/journal: this system does not run systemd");
    return std::make_shared<spdlog::sinks::systemd_sink_mt>("troupe");
  }
  try {
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(name);
  } catch (const spdlog::spdlog_ex& error) {
    throw std::runtime_error("log output " + name + ": " + error.what());
  }
}

bool is_terminal(const std::string& name) {
  if (name == "default" || name == "stderr")
    return isatty(STDERR_FILENO) == 1;
  return name == "stdout" && isatty(STDOUT_FILENO) == 1;
}

output_group make_group(bool as_json, std::vector<spdlog::sink_ptr> sinks) {
  auto logger = std::make_shared<spdlog::logger>("troupe", sinks.begin(), sinks.end());
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
    as_json ? "%v" : "%^%v%$", spdlog::pattern_time_type::utc));
  return {as_json, std::move(logger)};
}

std::shared_ptr<outputs> open_outputs(const settings& wanted) {
  std::vector<spdlog::sink_ptr> json_sinks;
  std::vector<spdlog::sink_ptr> console_sinks;
  for (const auto& name : wanted.outputs) {
    bool for_people =
      wanted.shape == format::console || (wanted.shape == format::automatic && is_terminal(name));
    (for_people ? console_sinks : json_sinks).push_back(open_output(name));
  }
  auto result = std::make_shared<outputs>();
  result->least = wanted.least;
  if (!json_sinks.empty())
    result->groups.push_back(make_group(true, std::move(json_sinks)));
  if (!console_sinks.empty())
    result->groups.push_back(make_group(false, std::move(console_sinks)));
  return result;
}

std::atomic<std::shared_ptr<outputs>>& current() {
  static std::atomic<std::shared_ptr<outputs>> instance{open_outputs({})};
  return instance;
}

/// `count` units of 10^digits as a decimal number without trailing zeros.
std::string decimal(std::uint64_t count, int digits) {
  std::uint64_t unit = 1;
  for (int i = 0; i < digits; ++i)
    unit *= 10;
  auto result = std::to_string(count / unit);
  if (count % unit != 0) {
    auto rest = fmt::format("{:0{}}", count % unit, digits);
    rest.erase(rest.find_last_not_of('0') + 1);
    result += '.' + rest;
  }
  return result;
}

} // namespace

std::optional<level> parse_level(std::string_view name) {
  for (std::size_t i = 0; i < level_names.size(); ++i)
    if (level_names[i] == name)
      return static_cast<level>(i);
  return std::nullopt;
}

void configure(const settings& wanted) {
  current().store(open_outputs(wanted));
}

bool enabled(level at) {
  return at >= current().load()->least.load();
}

void write(level at, std::string_view message, std::vector<field> with, place from) {
  auto to = current().load();
  if (at < to->least)
    return;
  for (const auto& group : to->groups)
    group.write(at, message, with, from);
}

std::string show(std::chrono::nanoseconds span) {
  if (span.count() < 0)
    return "-" + show(-span);
  auto total = static_cast<std::uint64_t>(span.count());
  if (total == 0)
    return "0s";
  if (total < 1'000)
    return decimal(total, 0) + "ns";
  if (total < 1'000'000)
    return decimal(total, 3) + "µs";
  if (total < 1'000'000'000)
    return decimal(total, 6) + "ms";
  constexpr std::uint64_t minute = 60'000'000'000;
  std::string result;
  if (total >= 60 * minute)
    result += std::to_string(total / (60 * minute)) + "h";
  if (total >= minute)
    result += std::to_string(total / minute % 60) + "m";
  return result + decimal(total % minute, 9) + "s";
}

void flush() {
  for (const auto& group : current().load()->groups)
    group.logger->flush();
}

} // namespace troupe::log
