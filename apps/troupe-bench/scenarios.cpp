#include "apps/troupe-bench/scenarios.hpp"

#include "apps/troupe-bench/server_usage.hpp"
#include "apps/troupe-bench/sources.hpp"

#include <unistd.h>

namespace troupe::bench {

namespace {

constexpr std::uint64_t background_connections = 4, background_streams = 400;
constexpr std::uint64_t background_keys = 10'000, background_value_size = 256;

process_usage usage_of_self() {
  return usage_of(static_cast<std::uint64_t>(getpid()));
}

} // namespace

outcome run(const settings& chosen) {
  switch (chosen.wanted) {
  case command::put:
  case command::range:
  case command::lease_grant:
    return run_calls(chosen);
  case command::lease_keepalive:
    return run_renewals(chosen);
  case command::watch_create:
    return run_watch_create(chosen);
  case command::watch_fanout:
    return run_fanout(chosen);
  case command::lease_expire:
    return run_expiry(chosen);
  case command::help:
    break;
  }
  return {};
}

std::vector<connection*> connect_all(event_loop& loop, const settings& chosen, std::uint64_t count,
                                     std::int32_t stream_window) {
  std::vector<connection*> result;
  for (std::uint64_t i = 0; i < count; ++i)
    result.push_back(&loop.connect(chosen.endpoints[i % chosen.endpoints.size()], stream_window));
  return result;
}

void add_load(outcome& to, const std::string& section, const load_result& load) {
  to.figures.add(section, load);
  to.good = to.good && load.failed == 0;
}

usage_watch::usage_watch(std::uint64_t pid) : pid_{pid}, self_{usage_of_self()} {
  if (pid_ != 0)
    server_ = usage_of(pid_);
}

void usage_watch::add_to(report& figures) const {
  if (pid_ != 0)
    figures.add("server", server_, usage_of(pid_));
  figures.add("load generator", self_, usage_of_self());
}

double usage_watch::resident_growth() const {
  return pid_ == 0 ? 0 : usage_of(pid_).resident_bytes - server_.resident_bytes;
}

background_load::background_load(event_loop& loop, const settings& chosen)
    : loop_{loop}, chosen_{chosen} {
  if (chosen.background_puts == 0)
    return;
  source_ = std::make_unique<put_source>(key_space{"background/", 32, 0}, background_keys,
                                         background_value_size);
  load_ = std::make_unique<call_load>(
    *source_, connect_all(loop, chosen, background_connections, usual_window),
    load_plan{.rate = chosen.background_puts, .streams = background_streams});
}

background_load::~background_load() = default;

void background_load::begin(outcome& to) {
  if (!load_)
    return;
  loop_.add(*load_);
  loop_.run_for(seconds_of(chosen_.before_seconds));
  phase("before", to);
}

void background_load::phase(const std::string& name, outcome& to) {
  if (load_)
    add_load(to, "background puts " + name, load_->take(clock::now()));
}

void background_load::end(const std::string& name, outcome& to) {
  if (!load_)
    return;
  load_->stop(clock::now());
  loop_.finish([&] { return load_->finished(); }, "the last background puts");
  phase(name, to);
}

} // namespace troupe::bench
