#include "actors/apply/store_keeper.hpp"

#include "actors/failure/failure.hpp"
#include "actors/log/log.hpp"

#include <utility>

namespace troupe::apply {

namespace {

/// Between two slices other messages get their turn.
constexpr std::size_t keys_per_slice = 20'000;

} // namespace

store_keeper_host::store_keeper_host(mvcc::store& store, storage::engine& engine,
                                     std::shared_ptr<const clock> time, flush_policy policy)
    : store(store), engine(engine), time(std::move(time)), policy(policy),
      last_flush(this->time->now()) {}

void store_keeper_host::flush_if_due() {
  auto now = time->now();
  auto unflushed = engine.sizes().unflushed;
  bool due = unflushed > 0 && now - last_flush >= policy.interval;
  if (!due && unflushed < policy.unflushed_bytes)
    return;
  store.flush();
  last_flush = now;
}

void store_keeper_host::remove(const floor_raised& raised) {
  bool all = raised.make_room || !raised.when_removed.empty();
  if (all || store.history_to_remove())
    store.remove_history(all);
  edges.send(std::vector<rpc_answer>{raised.when_removed});
}

void store_keeper_host::wait(const defragment& wanted) {
  std::vector<rpc_answer> refused;
  for (const auto& call : wanted.calls)
    if (waiting.size() < max_waiting)
      waiting.push_back(call);
    else
      refused.push_back(refuse_with(call, errc::too_many_requests));
  edges.send(std::move(refused));
}

void store_keeper_host::defragment_now() {
  log::info("starting defragment");
  auto start = time->now();
  meter->maintenance.defragmenting.set(1);
  // Either writes all of it anew; the one below the floor too.
  if (store.history_to_remove())
    store.remove_history(true);
  else
    engine.compact(true);
  meter->maintenance.defragmenting.set(0);
  meter->maintenance.defragment_duration.observe(time->now() - start);
  log::info("finished defragment", {{"took", time->now() - start}});
  std::vector<rpc_answer> answers;
  for (const auto& call : std::exchange(waiting, {}))
    answers.push_back(reply_with(call, {}));
  edges.send(std::move(answers));
}

store_keeper_actor::behavior_type
store_keeper_behavior(store_keeper_actor::stateful_pointer<store_keeper_state> self,
                      const std::shared_ptr<store_keeper_host>& host) {
  self->set_exception_handler(failure_of);
  self->state.host = host;
  self->send(self, refine_counts{});
  // History that a crash left behind.
  self->send(self, floor_raised{});
  return {
    [=](const floor_raised& raised) { self->state.host->remove(raised); },
    [=](const refine_counts&) {
      if (self->state.host->store.refine_counts(keys_per_slice))
        self->send(self, refine_counts{});
    },
    [=](const defragment& wanted) {
      auto& host = *self->state.host;
      if (host.waiting.empty() && !wanted.calls.empty())
        self->send(self, run_defragment{});
      host.wait(wanted);
    },
    [=](run_defragment) { self->state.host->defragment_now(); },
    [=](const tick&) {
      auto& state = *self->state.host;
      state.flush_if_due();
      // What a backup held on to, and let go of since.
      if (state.store.history_to_remove())
        state.store.remove_history(false);
      self->send(self, refine_counts{});
    },
    [=](const service::edge_joined& edge) { self->state.host->edges.add(edge); },
  };
}

} // namespace troupe::apply
