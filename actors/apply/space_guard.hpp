#pragma once

#include "actors/apply/alarms.hpp"
#include "messages/clock.hpp"

#include <cstdint>
#include <optional>

namespace troupe::apply {

/// Decides when a member's own NOSPACE alarm is raised, and when it is taken back.
///
/// Raised once the store takes the quota or more; taken back when it takes a tenth less than that,
/// so that the two do not chase each other. An alarm that a client raised is left alone, and one
/// that a client took back while the store was full is not raised again before the store has grown
/// by another sixteenth of the quota, or has once been small enough: who disarms by hand gets some
/// room to work with, not a store without bound.
///
/// Sizes differ from member to member, so they never decide what an entry does: only the alarm
/// does, which is in the log. What is written between the passing of the quota and the alarm is
/// written.
class space_guard {
public:
  /// @param quota_bytes negative: no quota.
  explicit space_guard(std::int64_t quota_bytes);

  /// @param size what the store takes now. @param alarm this member's, as applied.
  /// @returns what to propose, if anything: that the store is full, or not full any more. The same
  /// is not said again for two seconds, in which it should have been applied.
  std::optional<bool> look(std::uint64_t size, alarm_table::space_alarm alarm, time_point now);

  /// A client has taken back the alarm of the quota.
  void disarmed(std::uint64_t size);

private:
  const bool unlimited_;
  const std::uint64_t quota_;
  /// What raises the alarm.
  std::uint64_t mark_;

  struct said {
    bool full;
    time_point at;
  };

  std::optional<said> last_;
};

} // namespace troupe::apply
