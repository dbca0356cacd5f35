#include "apps/troupe-bench/scenarios.hpp"

#include "apps/troupe-bench/server_usage.hpp"

#include <unistd.h>

namespace troupe::bench {

namespace {

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

} // namespace troupe::bench
