#pragma once

#include "actors/sim/history.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::sim {

struct linearizability_verdict {
  enum class outcome : std::uint8_t {
    holds,
    violated,
    undecided, ///< the search was given up: neither an order nor a proof that there is none
  };

  outcome found = outcome::holds;
  /// Unless it holds: which promise was broken, and the operations that show it; a few lines.
  std::string explanation;
  /// How many operations the search executed, again and again those behind a choice taken back.
  std::uint64_t states = 0;
  /// Revisions that no answered operation made, so that the search had to choose.
  std::uint64_t choices = 0;

  bool holds() const {
    return found == outcome::holds;
  }
};

/// Judges a history of clients that found the store empty (revision 1), and of whom all that wrote
/// to it are in it; leases may end at any time (lease_check judges when).
///
/// There must be an order of the operations in which each takes effect between its invocation and
/// its return, and gets what etcd's KV gives in that order, revisions included (linearizability,
/// Herlihy and Wing 1990). An operation without an answer may take effect at any time after its
/// invocation, or never. In particular no answered write is lost or done twice, no revision is
/// given twice or made by nobody, no answer shows a key newer than its header, and no two answers
/// differ about a key at a revision (checklist 18-26).
///
/// A serializable read may be old, but shows the store at its header's revision, which one of its
/// member's earlier answers does not exceed, and nothing that came after it returned.
///
/// Since an answer names the revision it was given at, the order of all answered operations is
/// known; what is searched for is who made the revisions between them. The search goes through the
/// revisions in order, as Wing and Gong's does, and remembers states without a way on, as Lowe's;
/// where an answer contradicts, it goes back to the newest choice that can have mattered to the
/// keys in question (Prosser's conflict-directed backjumping). It gives up after `most_states`.
linearizability_verdict check_linearizability(const std::vector<operation>& history,
                                              std::uint64_t most_states = 5'000'000);

} // namespace troupe::sim
