#pragma once

#include "messages/service.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace troupe::service {

/// A read on its way to a reader.
struct gated_read {
  read_call call;
  /// Touches one key at most.
  bool point = false;
};

/// Holds reads until the state is new enough for them. A linearizable read waits for a read round
/// that started after it came (thesis 6.4, checklist 18), then until the round's index is applied;
/// a serializable one waits for neither. None runs before the member has caught up with what it was
/// before it started. At most one round is under way; all reads that come meanwhile share the next.
class read_gate {
public:
  /// @param caught_up see catch_up: false holds all reads back.
  read_gate(log_index applied, bool caught_up) : applied_(applied), caught_up_(caught_up) {}

  void add_serializable(gated_read read);
  void add_linearizable(gated_read read);

  /// The next round to ask for, if reads wait for one and none is under way. Its number is never
  /// used again.
  std::optional<read_index_request> next_round(time_point now);

  /// Answers of earlier rounds are ignored (checklist 20). @returns the reads that fail with the
  /// reply's error.
  std::vector<gated_read> on(const read_index_reply& reply);

  void on_applied(log_index applied, bool caught_up) {
    applied_ = applied;
    caught_up_ = caught_up;
  }

  /// The reads that may run now, in the order they came.
  std::vector<gated_read> take_ready();

  struct expired_read {
    call_id call;
    errc reason;
  };

  /// Drops the reads whose time is over, and gives a round that got no answer for `retry_after` up,
  /// so that the next `next_round` asks anew.
  std::vector<expired_read> expire(time_point now, std::chrono::nanoseconds retry_after);

  /// Lets go of a read whose client has gone. @returns false if it does not wait here.
  bool forget(call_id call);

  std::size_t waiting() const {
    return waiting_;
  }

  /// Of the requests of all waiting reads.
  std::size_t waiting_bytes() const {
    return waiting_bytes_;
  }

private:
  struct round {
    std::uint64_t number = 0;
    time_point started;
    std::vector<gated_read> reads;
  };

  struct confirmed_reads {
    log_index index;
    std::vector<gated_read> reads;
  };

  void drop_expired(std::vector<gated_read>& reads, time_point now, errc reason,
                    std::vector<expired_read>& expired);

  log_index applied_;
  bool caught_up_;
  std::uint64_t last_round_ = 0;
  std::vector<gated_read> unconfirmed_;
  std::optional<round> in_flight_;
  /// Rising by index.
  std::deque<confirmed_reads> confirmed_;
  void count_in(const gated_read& read);
  void count_out(const gated_read& read);

  /// Of all reads in here.
  std::size_t waiting_ = 0;
  std::size_t waiting_bytes_ = 0;
};

} // namespace troupe::service
