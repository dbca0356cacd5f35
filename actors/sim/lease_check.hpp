#pragma once

#include "actors/sim/history.hpp"

#include <optional>
#include <string>
#include <vector>

namespace troupe::sim {

/// How far members may be from the clock of the history.
struct lease_bounds {
  /// The part of a TTL that may be missing: 0.1 where a member's clock runs a tenth too fast.
  double early = 0;
  /// How much longer than its TTL a lease may live (DESIGN 5: a checkpoint interval, an election
  /// timeout and the down time); absent: that is not judged.
  std::optional<history_time> late;
  /// A renewal without an answer is taken to have had its effect no later than this after its
  /// invocation; only what is `late` rests on it.
  history_time open_renewal = 10'000'000'000;
};

/// Judges the lives of leases (checklist 60-63). `renewal`: a grant, or a keep-alive that was
/// answered with a TTL. The end of a lease is *seen* by who is answered that it does not exist,
/// that its revoke is done, or that a key is missing which was put once, with this lease, and that
/// nothing else in the history deletes or puts. Life is seen by a renewal, by a time to live of 0
/// or more, and by a linearizable read that shows such a key.
///
/// 1. Never early: no end is seen before the invocation of an answered renewal plus its TTL,
///    unless somebody has invoked a revoke by then. From the invocation, because the member may
///    have renewed at that very moment; from each, because each promises its TTL anew.
/// 2. No life after the end: nobody who was invoked after an end was seen sees life.
/// 3. Time to live: no more seconds than the TTL; no fewer than are left, whole ones, at the
///    answer's arrival of the renewals that were answered before the question.
/// 4. Not for ever, if `late` says so: who sees life was invoked no later than the TTL and `late`
///    after the last renewal, answered or not, that was invoked before the answer.
///
/// Only leases whose id was granted once are judged. @returns one text for each broken promise.
std::vector<std::string> check_leases(const history& history, const lease_bounds& bounds = {});

} // namespace troupe::sim
