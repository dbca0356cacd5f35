#pragma once

#include "actors/node/core_actors.hpp"
#include "actors/sim/planted_bugs.hpp"
#include "actors/sim/simulated_disk.hpp"
#include "storage/memory_engine.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace troupe::sim {

/// An engine on a simulated machine, as the machine sees it.
class crashable_engine : public storage::engine {
public:
  /// See memory_engine: goes back to the flush point that lies `back` before the last, or to the
  /// oldest there is.
  virtual void crash(std::size_t back) = 0;

  virtual void flush_silently() = 0;
};

std::unique_ptr<crashable_engine> open_engine(storage::memory_disk& disk,
                                              const std::string& directory, planted_bug bug,
                                              std::uint64_t seed);

/// What the bug does to a disk.
void plant(planted_bug bug, simulated_disk& disk);

/// What it does to data that was just opened.
void plant(planted_bug bug, opened_data& data);

/// What it puts between the actors of a core.
core_seams seams_of(planted_bug bug, caf::actor_system& system, std::uint64_t seed);

/// What it does to a message that leaves a member.
void plant(planted_bug bug, raft::peer_message& leaving);

} // namespace troupe::sim
