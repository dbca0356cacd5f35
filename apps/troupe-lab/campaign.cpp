#include "apps/troupe-lab/campaign.hpp"

#include "actors/sim/timeline.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <fstream>
#include <mutex>
#include <thread>

namespace troupe::lab {

namespace {

constexpr std::chrono::milliseconds drawn_span{2000};
constexpr std::size_t shown_lines = 25;

std::ofstream open(const std::string& path) {
  std::ofstream file{path};
  if (!file)
    throw std::runtime_error{path + " cannot be written"};
  return file;
}

void count(campaign& into, const sim::simulation_report& report) {
  ++into.runs;
  into.steps += report.steps;
  into.elections += report.elections;
  into.restarts += report.restarts;
  into.committed += report.committed;
  into.calls += report.writes + report.reads;
  into.watch_events += report.watch_events;
}

} // namespace

sim::simulation_plan plan_of(const settings& chosen, std::uint64_t seed) {
  return {.nodes = chosen.nodes,
          .seed = seed,
          .span = chosen.span,
          .faults = chosen.script,
          .kinds = chosen.kinds,
          .bug = chosen.bug};
}

campaign run_all(const settings& chosen,
                 const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  campaign result;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{chosen.first_seed};
  std::atomic<bool> enough{false};
  const auto total = chosen.last_seed - chosen.first_seed + 1;
  auto work = [&] {
    for (auto seed = next++; seed <= chosen.last_seed && !enough; seed = next++) {
      auto report = sim::simulate(plan_of(chosen, seed));
      const std::lock_guard lock{mutex};
      count(result, report);
      if (!report.failure.empty()) {
        result.findings.push_back({seed, std::move(report)});
        enough = !chosen.keep_going;
      }
      if (progress)
        progress(result.runs, total);
    }
  };
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < std::min<std::uint64_t>(chosen.jobs, total); ++i)
    others.emplace_back(work);
  work();
  others.clear();
  std::ranges::sort(result.findings, {}, &finding::seed);
  if (!chosen.keep_going && result.findings.size() > 1)
    result.findings.resize(1);
  result.shown_seed = result.findings.empty() ? chosen.last_seed : result.findings.front().seed;
  return result;
}

void write_files(const settings& chosen, std::uint64_t seed) {
  if (chosen.trace.empty() && chosen.history.empty() && chosen.timeline.empty())
    return;
  auto plan = plan_of(chosen, seed);
  std::ofstream trace;
  if (!chosen.trace.empty()) {
    trace = open(chosen.trace);
    plan.trace = &trace;
  }
  auto report = sim::simulate(plan);
  if (!chosen.history.empty()) {
    auto file = open(chosen.history);
    for (const auto& each : report.history.operations)
      sim::write_line(file, each);
    for (const auto& each : report.history.leases)
      sim::write_line(file, each);
  }
  if (!chosen.timeline.empty())
    open(chosen.timeline) << sim::draw_timeline(
      report.last_events, chosen.nodes, drawn_span,
      fmt::format("{} nodes, seed {}: {}", chosen.nodes, seed,
                  report.failure.empty() ? "nothing violated" : report.failure));
}

std::string summary(const settings& chosen, const campaign& done) {
  std::string text;
  for (const auto& [seed, report] : done.findings) {
    text += fmt::format("seed {}: {}\n", seed, report.failure);
    auto faults = sim::print(report.faults);
    text += faults.empty() ? "without any fault\n" : "faults:\n" + faults;
    text += "last steps:\n";
    const auto& lines = report.last_lines;
    auto first = lines.size() - std::min(lines.size(), shown_lines);
    for (auto line = lines.begin() + static_cast<std::ptrdiff_t>(first); line != lines.end();
         ++line)
      text += *line;
  }
  text += fmt::format("{} runs of {} nodes, {} of them failed: {} steps, {} elections, {} starts, "
                      "{} entries committed, {} calls answered, {} watch events\n",
                      done.runs, chosen.nodes, done.findings.size(), done.steps, done.elections,
                      done.restarts, done.committed, done.calls, done.watch_events);
  return text;
}

std::string progress_line(std::uint64_t done, std::uint64_t total, double seconds) {
  constexpr std::uint64_t width = 30;
  const auto whole = std::max<std::uint64_t>(total, 1);
  const auto share = std::min(done, whole);
  return fmt::format("[{:<{}}] {:3} %  {} of {}  {:.1f}/s", std::string(share * width / whole, '#'),
                     width, share * 100 / whole, done, total,
                     seconds > 0 ? static_cast<double>(done) / seconds : 0.0);
}

} // namespace troupe::lab
