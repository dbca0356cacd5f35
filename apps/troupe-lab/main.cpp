#include "actors/log/log.hpp"
#include "apps/troupe-lab/campaign.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <unistd.h>

namespace {

using namespace troupe;
using namespace troupe::lab;

void list_bugs() {
  for (const auto& each : sim::planted_bugs())
    std::printf("%-22s %s\n", std::string{each.name}.c_str(), std::string{each.what}.c_str());
}

/// One line on a terminal; nothing where stderr is none.
class progress_bar {
public:
  ~progress_bar() {
    if (shown_)
      std::fputs("\r\x1b[K", stderr);
  }

  void show(const std::string& text) const {
    if (!shown_)
      return;
    std::fprintf(stderr, "\r\x1b[K%s", text.c_str());
    std::fflush(stderr);
  }

private:
  bool shown_ = isatty(STDERR_FILENO) == 1;
};

sim::fault_script shrink(const settings& chosen, const finding& found) {
  const progress_bar bar;
  return sim::shrink(plan_of(chosen, found.seed), found.report.faults, [&](std::size_t faults) {
    bar.show("shrinking: a run with " + std::to_string(faults) + " faults");
  });
}

int run(settings chosen) {
  const auto begin = std::chrono::steady_clock::now();
  campaign done;
  {
    const progress_bar bar;
    done = run_all(chosen, [&](std::uint64_t count, std::uint64_t total) {
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
      bar.show(progress_line(count, total, passed.count()));
    });
  }
  std::fputs(summary(chosen, done).c_str(), stdout);
  if (chosen.shrink && !done.findings.empty()) {
    chosen.script = shrink(chosen, done.findings.front());
    std::printf("seed %llu still fails with these faults alone:\n%s",
                static_cast<unsigned long long>(done.shown_seed),
                sim::print(*chosen.script).c_str());
  }
  write_files(chosen, done.shown_seed);
  return done.findings.empty() ? 0 : 1;
}

} // namespace

/// Exit status: see the help.
int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    auto chosen = read_settings(arguments);
    if (chosen.wanted == lab::command::help) {
      std::fputs(chosen.help_text.c_str(), stdout);
      return 0;
    }
    if (chosen.wanted == lab::command::bugs) {
      list_bugs();
      return 0;
    }
    // What nodes tell their operators is no part of the result.
    log::configure({.least = log::level::fatal});
    return run(std::move(chosen));
  } catch (const usage_error& error) {
    std::fprintf(stderr, "troupe-lab: %s\n", error.what());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "troupe-lab: %s\n", error.what());
    return 2;
  }
}
