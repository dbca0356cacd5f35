#include "apps/troupectl/commands/load.hpp"

#include <atomic>
#include <cmath>
#include <mutex>
#include <ostream>
#include <random>
#include <thread>
#include <unistd.h>

namespace troupe::ctl {

namespace {

using clock = std::chrono::steady_clock;

double seconds(clock::duration span) {
  return std::chrono::duration<double>(span).count();
}

class load_run {
public:
  load_run(context& it, const load& wanted) : it_(it), wanted_(wanted) {
    it.connection(); // read once, before there are threads
  }

  load_result carry_out();

private:
  void put_from_one_client(std::uint64_t seed);
  void note(const std::string& problem, double took);
  void show_progress();
  std::string next_key(std::mt19937_64& random) const;

  context& it_;
  const load& wanted_;
  clock::time_point start_ = clock::now();
  std::atomic<std::int64_t> taken_ = 0;
  std::atomic<std::int64_t> done_ = 0;
  std::mutex mutex_; // of what follows
  load_result result_;
  double sum_ = 0;
  double squares_ = 0;
};

std::string load_run::next_key(std::mt19937_64& random) const {
  std::string tail(wanted_.key_bytes, '\0');
  auto number = random();
  for (std::size_t i = 0; i < sizeof number && i < tail.size(); ++i)
    tail[i] = static_cast<char>(number >> (8 * i));
  return wanted_.prefix + tail;
}

void load_run::note(const std::string& problem, double took) {
  std::lock_guard lock(mutex_);
  result_.slowest = std::max(result_.slowest, took);
  sum_ += took;
  squares_ += took * took;
  if (problem.empty())
    ++result_.succeeded;
  else
    ++result_.errors[problem];
}

void load_run::put_from_one_client(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  auto connection = it_.client_of(it_.connection().endpoints);
  for (auto mine = taken_++; mine < wanted_.puts; mine = taken_++) {
    if (wanted_.puts_per_second > 0)
      std::this_thread::sleep_until(
        start_ + std::chrono::nanoseconds{1'000'000'000 / wanted_.puts_per_second} * mine);
    pb::PutRequest request;
    request.set_key(next_key(random));
    request.set_value(std::string(wanted_.value_bytes, '\0'));
    auto before = clock::now();
    std::string problem;
    try {
      connection->call(request, client::no_timeout);
    } catch (const call_failed& error) {
      problem = error.what();
    }
    note(problem, seconds(clock::now() - before));
    ++done_;
  }
}

void load_run::show_progress() {
  constexpr int width = 40;
  bool shown = isatty(STDERR_FILENO) == 1;
  while (shown && done_ < wanted_.puts) {
    auto filled = static_cast<std::size_t>(width * done_ / wanted_.puts);
    it_.err << "\r[" << std::string(filled, '=') << std::string(width - filled, ' ') << "] "
            << done_ << " / " << wanted_.puts << std::flush;
    std::this_thread::sleep_for(std::chrono::milliseconds{250});
  }
  if (shown)
    it_.err << "\r\x1b[K" << std::flush;
}

load_result load_run::carry_out() {
  std::random_device entropy;
  std::vector<std::thread> threads;
  for (int i = 0; i < wanted_.clients; ++i)
    threads.emplace_back(
      [this, seed = (std::uint64_t{entropy()} << 32) + entropy()] { put_from_one_client(seed); });
  show_progress();
  for (auto& one : threads)
    one.join();
  result_.seconds = seconds(clock::now() - start_);
  auto count = static_cast<double>(std::max<std::int64_t>(done_, 1));
  result_.deviation = std::sqrt(std::max(0.0, squares_ / count - (sum_ / count) * (sum_ / count)));
  return result_;
}

} // namespace

load_result run_load(context& it, const load& wanted) {
  return load_run(it, wanted).carry_out();
}

} // namespace troupe::ctl
