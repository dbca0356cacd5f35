#pragma once

#include "messages/clock.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace troupe::apply {

/// What `--auto-compaction-mode` and `--auto-compaction-retention` ask for.
struct auto_compaction_policy {
  enum class mode : std::uint8_t {
    off,
    /// Keep what was current within the last `retention_period`.
    periodic,
    /// Keep the last `retention_revisions` revisions.
    revision,
  };

  mode kind = mode::off;
  std::chrono::nanoseconds retention_period{};
  std::int64_t retention_revisions = 0;
};

/// Says when the leader should compact, and to which revision (etcd-semantics 6).
///
/// Revision mode: every 5 minutes to the current revision less the retention. Periodic mode: the
/// revision is sampled ten times in each min(period, 1 h); once samples reach back a whole period,
/// each min(period, 1 h) is compacted to the revision that was current a period ago.
class auto_compaction {
public:
  auto_compaction(auto_compaction_policy policy, time_point now);

  /// Call at least ten times in each min(period, 1 h). Followers call it too, so that a new leader
  /// has samples.
  /// @returns the revision to compact to, now, if this member leads.
  std::optional<std::int64_t> on_tick(time_point now, std::int64_t revision, bool leads);

private:
  struct sample {
    time_point taken;
    std::int64_t revision;
  };

  std::optional<std::int64_t> by_period(time_point now, std::int64_t revision);
  std::optional<std::int64_t> by_revision(time_point now, std::int64_t revision);

  auto_compaction_policy policy_;
  time_point next_;
  /// Oldest first; never more than a period and one sample back.
  std::deque<sample> samples_;
  time_point next_sample_;
  std::int64_t last_ = 0;
};

} // namespace troupe::apply
