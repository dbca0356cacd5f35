#include "apps/troupe-bench/scenarios.hpp"

#include <cstdio>
#include <exception>
#include <sys/resource.h>

namespace {

using namespace troupe::bench;

/// As many connections as the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run_command(std::span<const std::string> arguments) {
  const auto chosen = read_settings(arguments);
  if (chosen.wanted == command::help) {
    std::fputs(chosen.help_text.c_str(), stdout);
    return 0;
  }
  raise_descriptor_limit();
  const auto result = run(chosen);
  const auto text = chosen.output == "json" ? result.figures.json() : result.figures.text();
  std::fputs(text.c_str(), stdout);
  return result.good ? 0 : 1;
}

} // namespace

/// Exit status: see the help.
int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return run_command(arguments);
  } catch (const usage_error& error) {
    std::fprintf(stderr, "troupe-bench: %s\n", error.what());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "troupe-bench: %s\n", error.what());
    return 2;
  }
}
