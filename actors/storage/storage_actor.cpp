#include "actors/storage/storage_actor.hpp"

#include "actors/failure/failure.hpp"

#include <string>
#include <utility>

namespace troupe::storage {

namespace {

using storage_pointer = storage_actor::stateful_pointer<storage_state>;

void collect(storage_pointer self, persist& batch) {
  auto& collected = self->state.collected;
  // The mailbox is in order: the reminder comes behind all that waits now.
  if (collected.empty())
    self->send(self, write_collected{});
  collected.push_back(std::move(batch));
}

void start_timer(storage_pointer self) {
  auto& state = self->state;
  state.timer_runs = true;
  state.written_since_timer = false;
  self->delayed_send(self, state.config.idle_after, close_if_idle{});
}

void write(storage_pointer self) {
  auto& state = self->state;
  auto& log = *state.config.log;
  std::vector<log_group> groups;
  groups.reserve(state.collected.size());
  for (const auto& batch : state.collected)
    groups.push_back({batch.state, batch.entries});
  const auto& meter = state.config.meter;
  auto start = meter.now();
  log.append(groups);
  meter->storage.wrote(state.collected, meter.since(start));
  self->send(state.config.member, persisted{state.collected.back().batch, log.last()});
  state.collected.clear();
  log.prepare_ahead();
  state.written_since_timer = true;
  if (!state.timer_runs)
    start_timer(self);
}

void close_or_wait(storage_pointer self) {
  auto& state = self->state;
  state.timer_runs = false;
  if (state.written_since_timer)
    start_timer(self);
  else
    state.config.log->close_batch();
}

storage_actor::behavior_type storage(storage_pointer self, const storage_config& config) {
  self->set_exception_handler(failure_of);
  self->link_to(config.member);
  self->state.config = config;
  return {
    // By mutable reference: the entries move, the message is ours alone.
    [=](persist& batch) { collect(self, batch); },
    [=](const release_log& done) { self->state.config.log->release(done.upto); },
    [=](write_collected) { write(self); },
    [=](close_if_idle) { close_or_wait(self); },
  };
}

} // namespace

storage_actor spawn_storage(caf::actor_system& system, storage_config config) {
  if (config.detached)
    return system.spawn<caf::detached>(storage, std::move(config));
  return system.spawn(storage, std::move(config));
}

} // namespace troupe::storage
