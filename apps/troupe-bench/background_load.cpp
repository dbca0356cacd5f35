#include "apps/troupe-bench/background_load.hpp"

#include "apps/troupe-bench/sources.hpp"

#include <thread>

namespace troupe::bench {

namespace {

constexpr std::uint64_t connections = 4, streams = 400;
constexpr std::uint64_t keys = 10'000, key_bytes = 32, value_bytes = 256;
constexpr auto mark_interval = std::chrono::milliseconds{5}; // how exactly phases are told apart

} // namespace

/// The thread, and what it and the others share: two atomic words.
class background_load::runner : public job {
public:
  explicit runner(const settings& chosen)
      : loop_{seconds_of(chosen.timeout_seconds)}, source_{key_space{"background/", key_bytes, 0},
                                                           keys, value_bytes},
        load_{source_, connect_all(loop_, chosen, connections, usual_window),
              load_plan{.rate = chosen.background_puts, .streams = streams}},
        thread_{[this] { run(); }} {}

  ~runner() override {
    ending_ = true;
  }

  void end_phase() {
    ++phases_;
  }

  /// One result per phase that was ended, and one for the rest.
  std::vector<load_result> end() {
    ending_ = true;
    thread_.join();
    if (failure_)
      std::rethrow_exception(failure_);
    return std::move(results_);
  }

  instant step(instant now) override {
    while (results_.size() < phases_)
      results_.push_back(load_.take(now));
    return now + mark_interval;
  }

private:
  void run() try {
    loop_.add(load_);
    loop_.add(*this);
    loop_.run_until([this] { return ending_.load(); }, instant::max());
    step(clock::now());
    load_.stop(clock::now());
    loop_.finish([this] { return load_.finished(); }, "the last background puts");
    results_.push_back(load_.take(clock::now()));
  } catch (...) {
    failure_ = std::current_exception();
  }

  event_loop loop_;
  put_source source_;
  call_load load_;
  std::atomic<std::uint64_t> phases_{0}; // that were ended
  std::atomic<bool> ending_{false};
  // Of the thread until it is joined.
  std::vector<load_result> results_;
  std::exception_ptr failure_;
  std::jthread thread_; // last: it uses all the others
};

background_load::background_load(const settings& chosen) : chosen_{chosen} {}

background_load::~background_load() = default;

void background_load::begin(event_loop& loop) {
  if (chosen_.background_puts == 0)
    return;
  runner_ = std::make_unique<runner>(chosen_);
  loop.run_for(seconds_of(chosen_.before_seconds));
  end_phase("before");
}

void background_load::end_phase(const std::string& name) {
  if (!runner_)
    return;
  runner_->end_phase();
  phases_.push_back(name);
}

void background_load::end(const std::string& last_phase, outcome& to) {
  if (!runner_)
    return;
  phases_.push_back(last_phase);
  const auto results = runner_->end();
  for (std::size_t i = 0; i < results.size(); ++i)
    add_load(to, "background puts " + phases_.at(i), results[i]);
}

} // namespace troupe::bench
