#include "actors/metrics/process_stats.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::metrics {

namespace {

/// The fields of /proc/self/stat behind the command name, which may hold anything; the first is
/// field 3 of proc(5).
std::optional<std::istringstream> stat_fields() {
  std::ifstream file{"/proc/self/stat"};
  std::string line{std::istreambuf_iterator<char>{file}, {}};
  auto name_end = line.rfind(')');
  if (name_end == std::string::npos)
    return std::nullopt;
  return std::istringstream{line.substr(name_end + 1)};
}

/// Unix time of the boot of the machine.
double boot_seconds() {
  std::ifstream file{"/proc/stat"};
  std::string word;
  while (file >> word) {
    double seconds = 0;
    if (word == "btime" && file >> seconds)
      return seconds;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

std::uint64_t open_descriptors() {
  constexpr auto directory = "/proc/self/fd";
  // Since Linux 6.2 the size of the directory is the answer, and listing it is not needed.
  struct stat found {};
  if (stat(directory, &found) == 0 && found.st_size > 0)
    return static_cast<std::uint64_t>(found.st_size);
  std::error_code error;
  std::filesystem::directory_iterator names{directory, error};
  if (error)
    return 0;
  // One of them is the listing itself.
  return static_cast<std::uint64_t>(std::distance(begin(names), end(names))) - 1;
}

} // namespace

std::optional<process_stats> read_process_stats() {
  auto fields = stat_fields();
  if (!fields)
    return std::nullopt;
  std::string state;
  long long number[22] = {}; // fields 4 to 24 of proc(5), by their number minus 3
  *fields >> state;
  for (int field = 1; field < 22; ++field)
    *fields >> number[field];
  if (!*fields)
    return std::nullopt;
  auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  auto at = [&](int field) { return number[field - 3]; };
  process_stats result;
  result.cpu_seconds = static_cast<double>(at(14) + at(15)) / ticks;
  result.threads = static_cast<std::uint64_t>(at(20));
  result.start_seconds = boot_seconds() + static_cast<double>(at(22)) / ticks;
  result.virtual_bytes = static_cast<std::uint64_t>(at(23));
  result.resident_bytes = static_cast<std::uint64_t>(at(24) * sysconf(_SC_PAGESIZE));
  result.open_descriptors = open_descriptors();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    result.max_descriptors = limit.rlim_cur;
  return result;
}

} // namespace troupe::metrics
