#include "actors/apply/auto_compaction.hpp"

#include <algorithm>

namespace troupe::apply {

namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds revision_interval = std::chrono::minutes{5};

nanoseconds compact_interval(const auto_compaction_policy& policy) {
  return std::min<nanoseconds>(policy.retention_period, std::chrono::hours{1});
}

} // namespace

auto_compaction::auto_compaction(auto_compaction_policy policy, time_point now)
    : policy_(policy), next_sample_(now) {
  using mode = auto_compaction_policy::mode;
  next_ = now + (policy.kind == mode::revision ? revision_interval : policy.retention_period);
}

std::optional<std::int64_t> auto_compaction::on_tick(time_point now, std::int64_t revision,
                                                     bool leads) {
  std::optional<std::int64_t> target;
  switch (policy_.kind) {
  case auto_compaction_policy::mode::off:
    break;
  case auto_compaction_policy::mode::periodic:
    target = by_period(now, revision);
    break;
  case auto_compaction_policy::mode::revision:
    target = by_revision(now, revision);
    break;
  }
  if (!target || *target <= last_)
    return std::nullopt;
  last_ = *target;
  return leads ? target : std::nullopt;
}

std::optional<std::int64_t> auto_compaction::by_period(time_point now, std::int64_t revision) {
  if (now >= next_sample_) {
    samples_.push_back({now, revision});
    next_sample_ = now + compact_interval(policy_) / 10;
  }
  // The newest sample that is a whole period old is the one to compact to.
  while (samples_.size() > 1 && now - samples_[1].taken >= policy_.retention_period)
    samples_.pop_front();
  if (now < next_)
    return std::nullopt;
  next_ = now + compact_interval(policy_);
  return samples_.front().revision;
}

std::optional<std::int64_t> auto_compaction::by_revision(time_point now, std::int64_t revision) {
  if (now < next_)
    return std::nullopt;
  next_ = now + revision_interval;
  return revision - policy_.retention_revisions;
}

} // namespace troupe::apply
