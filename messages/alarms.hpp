#pragma once

namespace troupe {

/// Which kinds of alarm are raised in the cluster, by whichever member.
struct raised_alarms {
  /// Nothing may grow the store.
  bool no_space = false;
  /// The members do not hold the same: nothing may change the keys.
  bool corrupt = false;
  /// Of a kind that this version does not know; keeps nobody from anything.
  bool other = false;

  friend bool operator==(const raised_alarms&, const raised_alarms&) = default;
};

} // namespace troupe
