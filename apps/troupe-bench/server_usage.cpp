#include "apps/troupe-bench/server_usage.hpp"

#include "apps/troupe-bench/connection.hpp"

#include <fstream>
#include <sstream>
#include <unistd.h>

namespace troupe::bench {

namespace {

std::string content_of(const std::string& path) {
  std::ifstream file{path};
  std::ostringstream text;
  if (!(text << file.rdbuf()))
    throw run_failed("cannot read " + path);
  return text.str();
}

} // namespace

process_usage usage_of(std::uint64_t pid) {
  const auto directory = "/proc/" + std::to_string(pid);
  const auto stat = content_of(directory + "/stat");
  // proc(5): the name may contain anything; utime and stime are the 12th and 13th field after it.
  std::istringstream fields{stat.substr(stat.rfind(')') + 1)};
  std::string skipped;
  for (int i = 0; i < 11; ++i)
    fields >> skipped;
  double user = 0, system = 0, size = 0, resident = 0;
  fields >> user >> system;
  std::istringstream{content_of(directory + "/statm")} >> size >> resident;
  return {.cpu_seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)),
          .resident_bytes = resident * static_cast<double>(sysconf(_SC_PAGESIZE))};
}

} // namespace troupe::bench
