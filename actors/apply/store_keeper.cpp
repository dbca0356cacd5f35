#include "actors/apply/store_keeper.hpp"

#include "actors/failure/failure.hpp"

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

store_keeper_actor::behavior_type
store_keeper_behavior(store_keeper_actor::stateful_pointer<store_keeper_state> self,
                      const std::shared_ptr<store_keeper_host>& host) {
  self->set_exception_handler(failure_of);
  self->state.host = host;
  self->send(self, refine_counts{});
  // History that a crash left behind.
  self->send(self, floor_raised{});
  return {
    [=](const floor_raised& raised) {
      auto& state = *self->state.host;
      bool physical = !raised.when_removed.empty();
      if (physical || state.store.history_to_remove())
        state.store.remove_history(physical);
      state.edges.send(std::vector<rpc_answer>{raised.when_removed});
    },
    [=](const refine_counts&) {
      if (self->state.host->store.refine_counts(keys_per_slice))
        self->send(self, refine_counts{});
    },
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
