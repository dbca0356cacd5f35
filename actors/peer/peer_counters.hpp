#pragma once

#include "actors/metrics/counter.hpp"
#include "messages/ids.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace troupe::peer {

/// 100 us to 3.3 s: etcd's buckets for the round trip between members.
using round_trip_histogram =
  metrics::histogram<metrics::doubling_bounds<100 * metrics::microsecond, 16>>;

/// Of one other member. Any thread.
struct peer_figures {
  metrics::counter sent_bytes;
  metrics::counter received_bytes;
  /// Messages that were dropped because the link was not up, or too much was on its way.
  metrics::counter sent_failures;
  /// Messages that were dropped because nobody had said hello, or not the one they name.
  metrics::counter received_failures;
  metrics::counter disconnects;
  /// 1 while the link to it is up.
  metrics::gauge active;
  round_trip_histogram round_trip;
};

/// Of all other members that are or were configured since the start. Any thread.
class peer_counters {
public:
  std::shared_ptr<peer_figures> of(member_id member) {
    std::scoped_lock lock{mutex_};
    auto& figures = figures_[member];
    if (!figures)
      figures = std::make_shared<peer_figures>();
    return figures;
  }

  std::map<member_id, std::shared_ptr<peer_figures>> all() const {
    std::scoped_lock lock{mutex_};
    return figures_;
  }

  void forget(member_id member) {
    std::scoped_lock lock{mutex_};
    figures_.erase(member);
  }

private:
  mutable std::mutex mutex_;
  std::map<member_id, std::shared_ptr<peer_figures>> figures_;
};

} // namespace troupe::peer
