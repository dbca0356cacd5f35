#include "storage/posix_file_system.hpp"
#include "storage/raft_log.hpp"

#include <benchmark/benchmark.h>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/resource.h>
#include <sys/time.h>
#include <vector>

/// What an append costs: arguments are entries per batch and whether it is synced. Run it where the
/// log will live: TMPDIR names the directory. cpu_us_per_entry is of the whole process, kernel
/// included.
namespace troupe::storage {
namespace {

constexpr std::size_t payload_bytes = 300;

/// Takes what it is given into memory that is already there: what is left is the log's own cost.
class memory_file final : public file {
public:
  explicit memory_file(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::size_t read(std::uint64_t, std::span<std::byte>) const override {
    return 0;
  }

  void write_durable(std::uint64_t offset, std::span<const std::byte> bytes) override {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  std::uint64_t size() const override {
    return bytes_.size();
  }

private:
  std::span<std::byte> bytes_;
};

class memory_files final : public file_system {
public:
  std::unique_ptr<file> open(const std::string&, open_mode) override {
    return std::make_unique<memory_file>(bytes_);
  }

  void rename(const std::string&, const std::string&) override {}

  void remove(const std::string&) override {}

  std::vector<std::string> list(const std::string&) const override {
    return {};
  }

  void sync_directory(const std::string&) override {}

  void make_directory(const std::string&) override {}

  std::unique_ptr<directory_lock> lock_directory(const std::string&) override {
    return nullptr;
  }

private:
  // One segment's worth; all files share it, for nobody reads.
  std::vector<std::byte> bytes_ = std::vector<std::byte>(raft_log_options{}.segment_bytes);
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void append_batches(benchmark::State& state, file_system& files, const std::string& directory) {
  raft_log_options options{.cluster = {1}, .member = {1}, .salt = 42};
  auto log = raft_log::open(files, directory, options).log;
  std::vector<entry> entries(static_cast<std::size_t>(state.range(0)));
  for (auto& x : entries)
    x.payload = blob{std::string(payload_bytes, 'x')};
  auto before = cpu_seconds();
  for (auto _ : state) {
    auto next = log->last().index;
    for (auto& x : entries)
      x.id = {{1}, next = next + 1};
    log->append(std::nullopt, entries);
    log->prepare_ahead();
    log->release(log->last()); // so that files are recycled, as they are in the long run
  }
  auto count = static_cast<double>(state.iterations() * state.range(0));
  state.counters["cpu_us_per_entry"] = 1e6 * (cpu_seconds() - before) / count;
  state.counters["entries/s"] = benchmark::Counter(count, benchmark::Counter::kIsRate);
}

void append_synced(benchmark::State& state) {
  auto pattern = (std::filesystem::temp_directory_path() / "troupe-bench-XXXXXX").string();
  std::string directory = ::mkdtemp(pattern.data());
  posix_file_system files;
  append_batches(state, files, directory + "/log");
  std::filesystem::remove_all(directory);
}

void append_in_memory(benchmark::State& state) {
  memory_files files;
  append_batches(state, files, "log");
}

BENCHMARK(append_synced)->Arg(1)->Arg(32)->Arg(512)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(append_in_memory)
  ->Arg(1)
  ->Arg(32)
  ->Arg(512)
  ->UseRealTime()
  ->Unit(benchmark::kMicrosecond);

} // namespace
} // namespace troupe::storage

BENCHMARK_MAIN();
