#include "apps/troupe-bench/progress_bar.hpp"
#include "apps/troupe-bench/scenarios.hpp"
#include "apps/troupe-bench/sources.hpp"

#include <algorithm>
#include <thread>

namespace troupe::bench {

namespace {

std::unique_ptr<call_source> source_of(const settings& chosen) {
  key_space space{chosen.prefix, chosen.key_size, chosen.seed};
  if (chosen.wanted == command::put)
    return std::make_unique<put_source>(std::move(space), chosen.keys, chosen.value_size);
  if (chosen.wanted == command::lease_grant)
    return std::make_unique<grant_source>(chosen.ttl_seconds, nullptr);
  return std::make_unique<range_source>(std::move(space),
                                        range_shape{.keys = chosen.keys,
                                                    .keys_per_range = chosen.keys_per_range,
                                                    .serializable = chosen.serializable,
                                                    .verified = chosen.first + chosen.verify,
                                                    .value_size = chosen.value_size});
}

std::string section_of(command which) {
  return which == command::put ? "put" : which == command::range ? "range" : "lease grant";
}

/// Of `whole` the part of the thread `index`; the first ones take what does not divide.
std::uint64_t share(std::uint64_t whole, std::uint64_t index, std::uint64_t threads) {
  return whole / threads + (index < whole % threads ? 1 : 0);
}

load_plan plan_of(const settings& chosen) {
  return {.first = chosen.first,
          .total = chosen.total,
          .duration = seconds_of(chosen.duration_seconds),
          .rate = chosen.rate,
          .streams = chosen.streams};
}

/// Total and done calls, or milliseconds where only the duration is given.
void show_progress(progress_bar& bar, const std::string& label, const settings& chosen,
                   const std::atomic<std::uint64_t>& ended) {
  const auto total = chosen.total > 0
                       ? chosen.total
                       : static_cast<std::uint64_t>(chosen.rate * chosen.duration_seconds);
  if (total > 0) {
    bar.show(label, total, [&ended] { return ended.load(std::memory_order_relaxed); });
    return;
  }
  const auto begin = clock::now();
  bar.show(label + ", ms", static_cast<std::uint64_t>(chosen.duration_seconds * 1e3),
           [begin] { return static_cast<std::uint64_t>(in_seconds(clock::now() - begin) * 1e3); });
}

/// One thread's part of the load.
struct worker {
  load_result result;
  std::exception_ptr failure;

  void run(const settings& chosen, std::uint64_t connections, const load_plan& plan,
           progress_bar* bar) try {
    event_loop loop{seconds_of(chosen.timeout_seconds)};
    const auto source = source_of(chosen);
    call_load load{*source, connect_all(loop, chosen, connections, large_window), plan};
    loop.add(load);
    if (bar != nullptr)
      loop.add(*bar);
    loop.finish([&] { return load.finished(); }, "answers");
    result = load.take(clock::now());
  } catch (...) {
    failure = std::current_exception();
  }
};

load_result run_threads(const settings& chosen) {
  std::atomic<std::uint64_t> ended{0};
  const auto threads = chosen.total > 0 ? std::min(chosen.threads, chosen.total) : chosen.threads;
  std::vector<worker> workers(threads);
  progress_bar bar;
  show_progress(bar, section_of(chosen.wanted), chosen, ended);
  auto first = chosen.first;
  std::vector<std::jthread> running;
  for (std::uint64_t i = 0; i < threads; ++i) {
    auto plan = plan_of(chosen);
    plan.first = first;
    plan.total = share(chosen.total, i, threads);
    plan.streams = share(chosen.streams, i, threads);
    plan.rate = chosen.rate / static_cast<double>(threads);
    plan.ended = &ended;
    first += plan.total;
    const auto connections = share(chosen.connections, i, threads);
    const bool last = i + 1 == threads; // this thread
    const auto work = [&, i, plan, connections, last] {
      workers[i].run(chosen, connections, plan, last ? &bar : nullptr);
    };
    if (last)
      work();
    else
      running.emplace_back(work);
  }
  running.clear();
  load_result result;
  for (const auto& each : workers) {
    if (each.failure)
      std::rethrow_exception(each.failure);
    result.add(each.result);
  }
  return result;
}

std::vector<granted_lease> grant(event_loop& loop, const settings& chosen,
                                 const std::vector<connection*>& over) {
  std::vector<granted_lease> leases;
  grant_source source{chosen.ttl_seconds, &leases};
  call_load load{source, over, {.total = chosen.leases, .streams = chosen.streams}};
  loop.add(load);
  loop.finish([&] { return load.finished(); }, "grants");
  const auto result = load.take(clock::now());
  if (result.failed > 0)
    throw run_failed("leases could not be granted: " + result.errors.begin()->first);
  loop.remove(load);
  return leases;
}

} // namespace

outcome run_calls(const settings& chosen) {
  outcome result;
  const usage_watch usage{chosen.server_pid};
  add_load(result, section_of(chosen.wanted), run_threads(chosen));
  usage.add_to(result.figures);
  return result;
}

outcome run_renewals(const settings& chosen) {
  event_loop loop{seconds_of(chosen.timeout_seconds)};
  const auto over = connect_all(loop, chosen, chosen.connections, usual_window);
  const auto leases = grant(loop, chosen, over);
  const usage_watch usage{chosen.server_pid};
  std::atomic<std::uint64_t> ended{0};
  renewal_source source{leases};
  auto plan = plan_of(chosen);
  plan.keep_streams = true;
  plan.ended = &ended;
  call_load load{source, over, plan};
  progress_bar bar;
  show_progress(bar, "lease renewal", chosen, ended);
  loop.add(load);
  loop.add(bar);
  loop.finish([&] { return load.finished(); }, "renewals");
  outcome result;
  add_load(result, "lease renewal", load.take(clock::now()));
  usage.add_to(result.figures);
  return result;
}

} // namespace troupe::bench
