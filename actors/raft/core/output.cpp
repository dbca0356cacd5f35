#include "actors/raft/core/output.hpp"

#include <utility>

namespace troupe::raft {

void carrier::carry_out(output step, effects& world) {
  for (auto& letter : step.to_send_now)
    world.send(letter.to, std::move(letter.message));
  if (step.to_persist || !step.to_append.empty())
    world.write({std::move(step.to_persist), std::move(step.to_append), step.batch});
  for (auto& letter : step.to_send_durable)
    held_.push_back({step.batch, step.term, std::move(letter)});
  release(step.durable_batch, step.term, world);
  commit(std::move(step.committed), world);
  for (auto& refused : step.refused)
    world.refuse(std::move(refused));
  for (const auto& reply : step.reads)
    world.answer(reply);
  for (const auto& reply : step.transfers)
    world.answer(reply);
  for (const auto& wanted : step.snapshots)
    world.want_snapshot(wanted);
  if (step.configured)
    world.configure(std::move(*step.configured));
  if (step.next_role)
    world.change_role(std::move(*step.next_role));
}

void carrier::commit(std::vector<entry> entries, effects& world) {
  std::vector<entry> part;
  std::size_t bytes = 0;
  for (auto& each : entries) {
    const auto cost = cost_of(each);
    if (!part.empty() && bytes + cost > committed_message_bytes) {
      world.commit(std::exchange(part, {}));
      bytes = 0;
    }
    bytes += cost;
    part.push_back(std::move(each));
  }
  if (!part.empty())
    world.commit(std::move(part));
}

void carrier::release(std::uint64_t durable_batch, term_t term, effects& world) {
  while (!held_.empty() && held_.front().batch <= durable_batch) {
    auto next = std::move(held_.front());
    held_.pop_front();
    if (next.term == term)
      world.send(next.letter.to, std::move(next.letter.message));
  }
}

} // namespace troupe::raft
