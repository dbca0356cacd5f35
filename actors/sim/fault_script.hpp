#pragma once

#include "actors/sim/network.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::sim {

enum class fault_kind : std::uint8_t {
  /// The machine stops: what was not synced is lost, in part or whole. It starts again after
  /// `lasts`.
  power_cut,
  /// The same, in the middle of the disk's call number `amount` from then on.
  torn_write,
  /// The process ends and the machine goes on; it starts again after `lasts`.
  kill,
  /// Nothing of the node runs for a while; its clock goes on.
  pause,
  /// The disk takes nothing for a while.
  stall_disk,
  /// The disk's call number `amount` from then on fails. What the node does then is to end; it
  /// starts again after `lasts`.
  disk_error,
  disk_full,
  /// Its applier does not run for a while.
  stall_apply,
  /// Directed: what `node` sends to `peer` is lost for a while; 0: everyone.
  cut,
  /// Of `amount` in 100 messages.
  drop,
  duplicate,
  /// Messages take up to `amount` milliseconds longer.
  delay,
  /// The same, and pass each other.
  reorder,
  /// Cut and mended again every `amount` milliseconds.
  flap,
  /// The clock of the node jumps ahead by `amount` milliseconds.
  clock_jump,
  /// It runs at `amount` millionths of the true rate for a while.
  clock_rate,
  /// No fault, but a time when things go wrong: whoever leads is asked to hand over to `node`.
  transfer,
};

/// One thing that goes wrong, and when. Fields that a kind has no use for are 0.
struct fault {
  std::chrono::milliseconds at{0};
  fault_kind kind = fault_kind::pause;
  node_number node = 0;
  node_number peer = 0;
  std::chrono::milliseconds lasts{0};
  std::int64_t amount = 0;
  /// Of a power cut and a torn write. How many of 100 sectors that were not synced stay; -1: drawn.
  std::int64_t kept = -1;
  /// Bits flipped in those that stay.
  std::int64_t flips = 0;
  /// How many flush points of the store before the last one it goes back to, at most.
  std::int64_t lost = 0;

  friend bool operator==(const fault&, const fault&) = default;
};

/// All that goes wrong in a run, in the order of time.
using fault_script = std::vector<fault>;

/// What a script may be made of.
struct fault_plan {
  unsigned nodes = 3;
  std::chrono::milliseconds begin{1000};
  std::chrono::milliseconds end{9000};
  unsigned most = 10;
  std::set<fault_kind> kinds;
};

/// Every kind there is.
std::set<fault_kind> all_fault_kinds();

/// The same for the same seed and plan. Each script uses some of the plan's kinds only, so that
/// rare ones are not always hidden by frequent ones.
fault_script generate_faults(std::uint64_t seed, const fault_plan& plan);

/// The text of a script is wrong; says where and what would be right.
class fault_text_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

std::string_view name(fault_kind kind);

/// @throws fault_text_error
fault_kind parse_fault_kind(std::string_view name);

/// One fault on a line: "1250 power_cut node=2 lasts=800 kept=50 flips=3"; times in milliseconds.
std::string print(const fault& what);
std::string print(const fault_script& script);

/// The inverse; empty lines and what follows a '#' count for nothing. @throws fault_text_error
fault_script parse_faults(std::string_view text);

} // namespace troupe::sim
