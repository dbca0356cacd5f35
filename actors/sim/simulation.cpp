#include "actors/sim/simulation.hpp"

#include "actors/sim/clients.hpp"
#include "actors/sim/cluster.hpp"
#include "actors/sim/lease_check.hpp"
#include "actors/sim/linearizability.hpp"
#include "actors/sim/watch_clients.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace troupe::sim {

namespace {

using namespace std::chrono_literals;

/// Sees many things that differ between runs of a seed's plan, so that few faults meet all kinds.
class run {
public:
  explicit run(const simulation_plan& plan)
      : plan_(plan), trace_(plan.trace),
        cluster_({.nodes = plan.nodes, .seed = plan.seed, .bug = plan.bug}, trace_),
        clients_(cluster_, client_plan{}, plan.seed ^ 0x636c69656e7473),
        watchers_(cluster_, 2, plan.seed ^ 0x7761746368657273), random_(plan.seed ^ 0x666c757368) {
    report_.faults =
      plan.faults
        ? *plan.faults
        : generate_faults(plan.seed,
                          {.nodes = plan.nodes, .end = plan.span - 1000ms, .kinds = plan.kinds});
  }

  simulation_report take() {
    if (work() && recover() && settle())
      judge();
    note();
    return std::move(report_);
  }

private:
  bool work() {
    cluster_.serve({&watchers_, &clients_});
    for (const auto& each : report_.faults)
      cluster_.plan(each);
    flush_sometimes();
    watchers_.begin();
    clients_.begin();
    return cluster_.run_until(plan_.span);
  }

  /// Stores make flush points by themselves.
  void flush_sometimes() {
    cluster_.stage().after(std::chrono::milliseconds{random_() % 2000 + 1}, [this] {
      auto& node = cluster_.node(1 + static_cast<node_number>(random_() % cluster_.size()));
      if (node.is_up())
        node.flush_silently();
      flush_sometimes();
    });
  }

  /// Liveness: after faults have ended a write succeeds within a few election timeouts.
  bool recover() {
    watchers_.calm();
    cluster_.heal();
    const auto healed = cluster_.now();
    const auto bound = 20 * cluster_.election_timeout() + 2s;
    write_last();
    bool lives = cluster_.run_until(healed + bound, [this] { return written_; });
    if (lives && !written_)
      cluster_.report(fmt::format("no write is acknowledged within {} ms of healing",
                                  std::chrono::floor<std::chrono::milliseconds>(bound).count()));
    report_.recovered_in = cluster_.now() - healed;
    return cluster_.failure().empty();
  }

  void write_last() {
    if (auto leader = cluster_.leader(); leader != 0 && !writing_) {
      writing_ = true;
      clients_.put_once(leader, [this](bool success) {
        written_ = success;
        writing_ = false;
      });
    }
    if (!written_)
      cluster_.stage().after(20ms, [this] { write_last(); });
  }

  /// No more work: everybody gets an answer or gives up, and all members come to one state.
  bool settle() {
    clients_.end();
    const auto begin = cluster_.now();
    bool lives = cluster_.run_until(begin + 15s, [this] {
      bool due = clients_.is_quiet() && cluster_.now() - checked_ >= 20ms;
      return due && is_level();
    });
    if (lives && !clients_.is_quiet())
      cluster_.report("a client is never answered and never gives up");
    if (lives && !is_level())
      cluster_.report("the members do not come to the same entry");
    // Watches hear what is applied a little later.
    cluster_.run_until(cluster_.now() + 1s);
    if (cluster_.failure().empty() && is_level())
      compare();
    return cluster_.failure().empty();
  }

  bool is_level() {
    checked_ = cluster_.now();
    auto applied = cluster_.node(1).data().store->applied();
    for (node_number number = 1; number <= cluster_.size(); ++number)
      if (!cluster_.node(number).is_up()
          || cluster_.node(number).data().store->applied() != applied)
        return false;
    return applied.index >= cluster_.oracle().commit();
  }

  void compare() {
    for (node_number number = 2; number <= cluster_.size(); ++number)
      if (cluster_.node(number).state_digest() != cluster_.node(1).state_digest())
        cluster_.report(fmt::format("n1 and n{} hold different states in the end", number));
    watchers_.check_settled();
  }

  void judge() {
    auto recorded = clients_.recorded();
    auto verdict = check_linearizability(recorded.operations);
    if (verdict.found == linearizability_verdict::outcome::violated)
      cluster_.report("not linearizable: " + verdict.explanation);
    bool clocks_jump = std::ranges::any_of(
      report_.faults, [](const fault& x) { return x.kind == fault_kind::clock_jump; });
    if (clocks_jump)
      return;
    auto broken = check_leases(recorded, {.early = 0.1, .late = {}});
    if (!broken.empty())
      cluster_.report("leases: " + broken.front());
  }

  void note() {
    report_.failure = cluster_.failure();
    report_.hash = trace_.hash();
    report_.lines = trace_.lines();
    report_.last_lines = trace_.last_lines();
    report_.last_events = trace_.last_events();
    report_.history = clients_.recorded();
    report_.steps = cluster_.stage().steps();
    const auto& seen = cluster_.oracle().seen();
    report_.elections = seen.elections;
    report_.restarts = seen.restarts;
    report_.overwritten = seen.overwritten;
    report_.committed = seen.committed;
    report_.writes = clients_.seen().writes;
    report_.reads = clients_.seen().reads;
    report_.unknown = clients_.seen().unknown;
    report_.watch_events = watchers_.events();
  }

  const simulation_plan& plan_;
  sim::trace trace_;
  simulation_report report_;
  cluster cluster_;
  clients clients_;
  watch_clients watchers_;
  std::mt19937_64 random_;
  bool writing_ = false;
  bool written_ = false;
  sim_time checked_{0};
};

} // namespace

simulation_report simulate(const simulation_plan& plan) {
  return run{plan}.take();
}

fault_script shrink(simulation_plan plan, fault_script faults,
                    const std::function<void(std::size_t)>& progress) {
  auto fails = [&](const fault_script& script) {
    if (progress)
      progress(script.size());
    plan.faults = script;
    return !simulate(plan).failure.empty();
  };
  for (auto chunk = std::max<std::size_t>(faults.size() / 2, 1);; chunk /= 2) {
    for (std::size_t first = 0; first < faults.size();) {
      auto fewer = faults;
      auto begin = fewer.begin() + static_cast<std::ptrdiff_t>(first);
      auto end = fewer.begin() + static_cast<std::ptrdiff_t>(std::min(first + chunk, fewer.size()));
      fewer.erase(begin, end);
      if (fails(fewer))
        faults = std::move(fewer);
      else
        first += chunk;
    }
    if (chunk <= 1)
      return faults;
  }
}

} // namespace troupe::sim
