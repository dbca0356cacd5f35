#include "apps/troupe-bench/background_load.hpp"
#include "apps/troupe-bench/delivery_ledger.hpp"
#include "apps/troupe-bench/key_space.hpp"
#include "apps/troupe-bench/progress_bar.hpp"
#include "apps/troupe-bench/scenarios.hpp"
#include "apps/troupe-bench/sources.hpp"
#include "apps/troupe-bench/watch_swarm.hpp"

#include <algorithm>
#include <optional>

namespace troupe::bench {

namespace {

constexpr std::uint64_t key_bytes = 32;
constexpr std::uint64_t hot_number = 0; // the watched key that is put; the others count from 1
constexpr auto settling_time = std::chrono::milliseconds{300};

key_space space_of(const settings& chosen) {
  return {chosen.prefix, key_bytes, chosen.seed};
}

watch_swarm::shape shape_of(const settings& chosen) {
  const auto narrow = [](std::uint64_t number) { return static_cast<std::uint32_t>(number); };
  return {.watchers = narrow(chosen.watchers),
          .streams = narrow(std::min(chosen.streams, chosen.watchers)),
          .pipeline = narrow(chosen.pipeline),
          .stalled = narrow(chosen.stall)};
}

/// Creates all watchers and adds how fast that went.
void create_all(event_loop& loop, watch_swarm& swarm, progress_bar& bar, const settings& chosen,
                outcome& to) {
  bar.show("watchers", chosen.watchers, [&] { return swarm.created(); });
  const auto begin = clock::now();
  swarm.create();
  loop.finish([&] { return swarm.created() >= chosen.watchers; }, "watchers to be created");
  const auto seconds = in_seconds(clock::now() - begin);
  const auto created =
    static_cast<double>(chosen.watchers - std::min(chosen.watchers, swarm.failed()));
  to.figures.add("creation", "watchers", unit::count, created);
  to.figures.add("creation", "failed", unit::count, static_cast<double>(swarm.failed()));
  to.figures.add("creation", "took", unit::seconds, seconds);
  to.figures.add("creation", "per second", unit::per_second, created / seconds);
}

/// At the end, because a watcher can be canceled at any time.
void add_errors(const watch_swarm& swarm, outcome& to) {
  for (const auto& [error, count] : swarm.errors())
    to.figures.add("watcher errors", error, unit::count, static_cast<double>(count));
  to.good = to.good && swarm.failed() == 0;
}

/// Puts the watched key; the value tells nothing, revisions tell the puts apart.
class hot_put : public put_source {
public:
  explicit hot_put(const settings& chosen)
      : put_source{space_of(chosen), hot_number + 1, chosen.value_size} {}
};

/// The watchers of one key, and what becomes of its puts.
class fanout {
public:
  fanout(event_loop& loop, const settings& chosen)
      : loop_{loop}, chosen_{chosen}, space_{space_of(chosen)},
        on_key_{static_cast<std::uint32_t>(chosen.on_key == 0 ? chosen.watchers : chosen.on_key)},
        swarm_{connect_all(loop, chosen, chosen.connections, usual_window), shape_of(chosen),
               [this](std::uint32_t watcher) { return key_of(watcher); }, ""},
        put_{chosen}, putter_{connect_all(loop, chosen, 1, usual_window)} {
    number_watchers();
    swarm_.listen([this](std::uint32_t watcher, const watch_event& event, instant at) {
      take(watcher, event, at);
    });
  }

  watch_swarm& swarm() {
    return swarm_;
  }

  std::uint64_t puts_done() const {
    return puts_done_;
  }

  /// Each put waits until the one before has reached every watcher.
  void single_puts(outcome& to) {
    histogram answer, first, last;
    for (; puts_done_ < chosen_.puts && !late_; ++puts_done_)
      put_once(answer, first, last);
    to.figures.add("put to its answer", answer);
    to.figures.add("put to the first watcher", first);
    to.figures.add("put to the last watcher", last);
    settle(to);
  }

  void steady_puts(outcome& to) {
    swarm_.stall();
    call_load load{put_,
                   putter_,
                   {.duration = seconds_of(chosen_.duration_seconds),
                    .rate = chosen_.rate,
                    .streams = std::min<std::uint64_t>(1000, chosen_.streams)}};
    loop_.add(load);
    loop_.finish([&] { return load.finished(); }, "puts of the watched key");
    loop_.remove(load);
    const auto result = load.take(clock::now());
    ledger_.expect(result.succeeded);
    wait_for_watchers();
    add_load(to, "put", result);
    settle(to);
  }

private:
  std::string key_of(std::uint32_t watcher) const {
    return space_.key(watcher < on_key_ ? hot_number : watcher);
  }

  /// Of the watchers of the key, those whose stream is read.
  void number_watchers() {
    for (std::uint32_t watcher = 0; watcher < on_key_; ++watcher)
      places_.push_back(swarm_.is_stalled(watcher) ? none : read_++);
    ledger_ = delivery_ledger{read_};
  }

  void take(std::uint32_t watcher, const watch_event& event, instant at) {
    if (watcher >= on_key_) {
      ++strays_;
      return;
    }
    if (places_[watcher] == none) {
      ++stalled_;
      return;
    }
    ++received_;
    if (!first_event_)
      first_event_ = at;
    if (ledger_.event(places_[watcher], event.mod_revision))
      last_event_ = at;
  }

  void put_once(histogram& answer, histogram& first, histogram& last) {
    first_event_ = last_event_ = {};
    ledger_.put_sent();
    call_load load{put_, putter_, {.total = 1}};
    loop_.add(load);
    const auto sent = clock::now();
    const auto done = [&] { return load.finished() && ledger_.outstanding() == 0; };
    late_ = !loop_.run_until(done, sent + seconds_of(chosen_.timeout_seconds));
    loop_.remove(load);
    const auto result = load.take(clock::now());
    if (late_ && !load.finished())
      throw run_failed("a put of the watched key was not answered in time");
    if (result.failed > 0)
      throw run_failed("a put of the watched key failed: " + result.errors.begin()->first);
    answer.add(result.latency);
    if (first_event_)
      first.record(*first_event_ - sent);
    if (last_event_)
      last.record(*last_event_ - sent);
  }

  void wait_for_watchers() {
    loop_.run_until([&] { return ledger_.outstanding() == 0; },
                    clock::now() + seconds_of(chosen_.timeout_seconds));
  }

  /// Whether something came twice shows only a while later.
  void settle(outcome& to) {
    loop_.run_for(settling_time);
    const auto count = [&](const char* name, std::uint64_t number) {
      to.figures.add("events", name, unit::count, static_cast<double>(number));
    };
    count("watchers of the key", read_);
    count("received", received_);
    if (chosen_.stall > 0)
      count("received on stalled streams", stalled_); // what fitted into their windows
    count("missing", ledger_.missing());
    count("repeated", ledger_.repeated());
    count("unexpected", ledger_.unexpected() + strays_);
    to.good = to.good && ledger_.exact() && strays_ == 0;
  }

  static constexpr std::uint32_t none = UINT32_MAX;

  event_loop& loop_;
  const settings& chosen_;
  key_space space_;
  std::uint32_t on_key_;
  watch_swarm swarm_;
  hot_put put_;
  std::vector<connection*> putter_;
  std::vector<std::uint32_t> places_; // in the ledger, by watcher
  std::uint32_t read_ = 0;
  delivery_ledger ledger_{0};
  std::optional<instant> first_event_, last_event_;
  std::uint64_t received_ = 0, stalled_ = 0, strays_ = 0, puts_done_ = 0;
  bool late_ = false;
};

} // namespace

outcome run_watch_create(const settings& chosen) {
  outcome result;
  const usage_watch usage{chosen.server_pid};
  event_loop loop{seconds_of(chosen.timeout_seconds)};
  const auto space = space_of(chosen);
  const auto keys = chosen.keys == 0 ? chosen.watchers : chosen.keys;
  watch_swarm swarm{connect_all(loop, chosen, chosen.connections, usual_window), shape_of(chosen),
                    [&](std::uint32_t watcher) { return space.key(watcher % keys); }, ""};
  progress_bar bar;
  loop.add(bar);
  create_all(loop, swarm, bar, chosen, result);
  loop.run_for(seconds_of(chosen.hold_seconds));
  add_errors(swarm, result);
  if (chosen.server_pid != 0)
    result.figures.add("creation", "resident per watcher", unit::bytes,
                       usage.resident_growth() / static_cast<double>(chosen.watchers));
  usage.add_to(result.figures);
  return result;
}

outcome run_fanout(const settings& chosen) {
  outcome result;
  event_loop loop{seconds_of(chosen.timeout_seconds)};
  fanout watched{loop, chosen};
  progress_bar bar;
  loop.add(bar);
  create_all(loop, watched.swarm(), bar, chosen, result);
  background_load background{chosen};
  background.begin(loop);
  const usage_watch usage{chosen.server_pid};
  if (chosen.steady) {
    watched.steady_puts(result);
  } else {
    bar.show("puts", chosen.puts, [&] { return watched.puts_done(); });
    watched.single_puts(result);
  }
  background.end("meanwhile", result);
  add_errors(watched.swarm(), result);
  usage.add_to(result.figures);
  return result;
}

} // namespace troupe::bench
