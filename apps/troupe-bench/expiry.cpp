#include "apps/troupe-bench/background_load.hpp"
#include "apps/troupe-bench/progress_bar.hpp"
#include "apps/troupe-bench/scenarios.hpp"
#include "apps/troupe-bench/sources.hpp"
#include "apps/troupe-bench/watch_swarm.hpp"

#include <algorithm>
#include <unordered_map>

namespace troupe::bench {

namespace {

constexpr std::uint64_t key_bytes = 32;
constexpr auto poll_interval = std::chrono::milliseconds{100};

nanoseconds ttl_of(const granted_lease& lease) {
  return std::chrono::seconds{lease.ttl_seconds};
}

/// When each lease was seen to be gone. Lateness counts from the answer to the grant plus the time
/// to live, early is what went before the request for it plus that.
class obituary {
public:
  explicit obituary(const std::vector<granted_lease>& leases)
      : leases_{leases}, gone_(leases.size()) {}

  std::uint64_t count() const {
    return count_;
  }

  bool is_gone(std::size_t number) const {
    return gone_[number];
  }

  void gone(std::size_t number, instant at) {
    if (gone_.at(number)) {
      ++repeated_;
      return;
    }
    gone_[number] = true;
    ++count_;
    const auto& lease = leases_[number];
    if (at < lease.asked + ttl_of(lease))
      ++early_;
    lateness_.record(std::max(nanoseconds{0}, nanoseconds{at - lease.answered - ttl_of(lease)}));
    last_ = std::max(last_, at);
  }

  void add_to(outcome& to) const {
    const auto deadline = last_deadline();
    const auto add = [&](const char* name, std::uint64_t number) {
      to.figures.add("expiry", name, unit::count, static_cast<double>(number));
    };
    add("gone", count_);
    add("still there", leases_.size() - count_);
    add("too early", early_);
    add("gone twice", repeated_);
    to.figures.add("expiry", "deadlines spread over", unit::seconds,
                   in_seconds(deadline - first_deadline()));
    to.figures.add("expiry", "last gone after the last deadline", unit::seconds,
                   in_seconds(last_ - deadline));
    to.figures.add("lateness", lateness_);
    to.good = to.good && count_ == leases_.size() && early_ == 0 && repeated_ == 0;
  }

  instant first_deadline() const {
    auto result = instant::max();
    for (const auto& each : leases_)
      result = std::min(result, each.answered + ttl_of(each));
    return result;
  }

  instant last_deadline() const {
    auto result = instant::min();
    for (const auto& each : leases_)
      result = std::max(result, each.answered + ttl_of(each));
    return result;
  }

private:
  const std::vector<granted_lease>& leases_;
  std::vector<bool> gone_;
  std::uint64_t count_ = 0, early_ = 0, repeated_ = 0;
  instant last_ = instant::min();
  histogram lateness_;
};

/// Sees leases go by the keys attached to them.
class key_watch {
public:
  key_watch(event_loop& loop, const settings& chosen, const std::vector<granted_lease>& leases)
      : space_{chosen.prefix, key_bytes, 0}, swarm_{
                                               connect_all(loop, chosen, 1, large_window),
                                               {.watchers = 1, .streams = 1},
                                               [this](std::uint32_t) { return space_.prefix(); },
                                               end_of_prefix(chosen.prefix)} {
    for (std::size_t i = 0; i < leases.size(); ++i)
      numbers_.emplace(space_.key(i), i);
    swarm_.create();
    loop.finish([&] { return swarm_.created() == 1; }, "the watcher of the attached keys");
  }

  void report_to(obituary& who) {
    swarm_.listen([this, &who](std::uint32_t, const watch_event& event, instant at) {
      if (!event.deleted)
        return;
      const auto found = numbers_.find(std::string{event.key});
      if (found != numbers_.end())
        who.gone(found->second, at);
    });
  }

  bool broken() const {
    return swarm_.failed() > 0;
  }

private:
  key_space space_;
  std::unordered_map<std::string, std::size_t> numbers_;
  watch_swarm swarm_;
};

/// Sees leases go by asking for the list of all, again and again.
class list_poll : public call_source {
public:
  list_poll(const std::vector<granted_lease>& leases, obituary& who) : who_{who} {
    for (std::size_t i = 0; i < leases.size(); ++i)
      numbers_.emplace(leases[i].id, i);
  }

  const char* path() const override {
    return lease_leases_path;
  }

  void request(std::uint64_t, std::string& to) override {
    encode_lease_leases(to);
  }

  std::string judge(std::uint64_t, std::string_view answer, instant, instant at) override {
    const auto* ids = decoder_.lease_leases(answer);
    if (ids == nullptr)
      return "a list of leases that cannot be read";
    std::vector<bool> listed(numbers_.size());
    for (const auto id : *ids)
      if (const auto found = numbers_.find(id); found != numbers_.end())
        listed[found->second] = true;
    for (std::size_t i = 0; i < listed.size(); ++i)
      if (!listed[i] && !who_.is_gone(i))
        who_.gone(i, at);
    return {};
  }

private:
  obituary& who_;
  std::unordered_map<std::int64_t, std::size_t> numbers_;
  decoder decoder_;
};

class expiry {
public:
  expiry(event_loop& loop, const settings& chosen, background_load& background)
      : loop_{loop}, chosen_{chosen}, background_{background}, over_{connect_all(loop, chosen,
                                                                                 chosen.connections,
                                                                                 large_window)} {
    loop.add(bar_);
  }

  void grant(outcome& to) {
    grant_source source{chosen_.ttl_seconds, &leases_};
    if (chosen_.together)
      source.end_together(clock::now() + std::chrono::seconds{chosen_.ttl_seconds}
                          + std::chrono::milliseconds{999});
    run_load(source, "lease grant", to);
    if (leases_.empty())
      throw run_failed("no lease was granted");
  }

  void watch_end(outcome& to) {
    obituary who{leases_};
    if (chosen_.attach) {
      key_watch watch{loop_, chosen_, leases_};
      watch.report_to(who);
      attach_source source{{chosen_.prefix, key_bytes, 0}, leases_};
      run_load(source, "put with lease", to);
      wait(who);
      if (watch.broken())
        throw run_failed("the watcher of the attached keys was canceled");
    } else {
      list_poll source{leases_, who};
      call_load polls{source, {over_[0]}, {.rate = 1 / in_seconds(poll_interval)}};
      loop_.add(polls);
      wait(who);
      polls.stop(clock::now());
      loop_.finish([&] { return polls.finished(); }, "the last list of leases");
      loop_.remove(polls);
    }
    who.add_to(to);
  }

private:
  void run_load(call_source& source, const std::string& name, outcome& to) {
    std::atomic<std::uint64_t> ended{0};
    call_load load{
      source, over_, {.total = chosen_.leases, .streams = chosen_.streams, .ended = &ended}};
    bar_.show(name, chosen_.leases, [&] { return ended.load(); });
    loop_.add(load);
    loop_.finish([&] { return load.finished(); }, "answers to " + name);
    loop_.remove(load);
    bar_.show(name, chosen_.leases, nullptr);
    add_load(to, name, load.take(clock::now()));
  }

  void wait(obituary& who) {
    bar_.show("expired", leases_.size(), [&] { return who.count(); });
    const auto all_gone = [&] { return who.count() == leases_.size(); };
    loop_.run_until(all_gone, who.first_deadline());
    background_.end_phase("until the first deadline");
    loop_.run_until(all_gone, who.last_deadline() + seconds_of(chosen_.timeout_seconds));
    bar_.show("expired", leases_.size(), nullptr);
  }

  event_loop& loop_;
  const settings& chosen_;
  background_load& background_;
  std::vector<connection*> over_;
  std::vector<granted_lease> leases_;
  progress_bar bar_;
};

} // namespace

outcome run_expiry(const settings& chosen) {
  outcome result;
  const usage_watch usage{chosen.server_pid};
  event_loop loop{seconds_of(chosen.timeout_seconds)};
  background_load background{chosen};
  background.begin(loop);
  expiry leases{loop, chosen, background};
  leases.grant(result);
  leases.watch_end(result);
  background.end("while leases expire", result);
  usage.add_to(result.figures);
  return result;
}

} // namespace troupe::bench
