#include "actors/apply/space_guard.hpp"

#include <algorithm>
#include <chrono>

namespace troupe::apply {

namespace {

/// A proposal that is not applied by then was lost: there was no leader.
constexpr auto repeat_after = std::chrono::seconds{2};

} // namespace

space_guard::space_guard(std::int64_t quota_bytes)
    : unlimited_(quota_bytes < 0),
      quota_(static_cast<std::uint64_t>(std::max<std::int64_t>(quota_bytes, 0))), mark_(quota_) {}

std::optional<bool> space_guard::look(std::uint64_t size, alarm_table::space_alarm alarm,
                                      time_point now) {
  const bool roomy = unlimited_ || size < quota_ - quota_ / 10;
  if (roomy)
    mark_ = quota_;
  std::optional<bool> full;
  if (alarm == alarm_table::space_alarm::none && !unlimited_ && size >= mark_)
    full = true;
  else if (alarm == alarm_table::space_alarm::by_quota && roomy)
    full = false;
  if (!full || (last_ && last_->full == *full && now < last_->at + repeat_after))
    return std::nullopt;
  last_ = {*full, now};
  return full;
}

void space_guard::disarmed(std::uint64_t size) {
  mark_ = std::max(quota_, size + quota_ / 16);
  last_.reset();
}

} // namespace troupe::apply
