#pragma once

#include "actors/metrics/meter.hpp"
#include "messages/clock.hpp"
#include "messages/lease.hpp"
#include "messages/raft.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

namespace troupe::lease {

struct lease_config {
  /// A new leader adds it to every lease: an old one may renew until it has heard of its end.
  std::chrono::nanoseconds election_timeout = std::chrono::seconds{1};
  /// Leases with more than this left are noted in the log this often.
  std::chrono::nanoseconds checkpoint_interval = std::chrono::minutes{5};
  /// Ends of leases in one entry of the log. Each is one write of the store and, with keys, one
  /// revision more; during all of an entry the applier does nothing else.
  std::size_t max_expiries = 64;
  /// A full entry of them leaves this long after the one before, so that where very many leases end
  /// together the applier has time for others in between: about 29,000 leases/s.
  std::chrono::nanoseconds expiry_interval = std::chrono::microseconds{2200};
  /// Entries of them under way at a time: what the log and the applier cannot take waits here.
  std::size_t max_expiry_entries = 4;
  std::size_t max_checkpoints = 1024;
  /// Clients choose ids; with a seed that they do not know they cannot fill one bucket of the
  /// table.
  std::uint64_t seed = 0;
};

/// What one step asks of its host.
struct lease_output {
  /// To member.
  std::vector<proposal> to_propose;
  /// Renewals of these leases that had to wait are decided now: ask again.
  std::vector<lease_id> settled;
  /// Leases have expired that are proposed only then: call `propose_due`.
  std::optional<time_point> due;
  /// This member leads from now on: the same for everything that waits.
  bool promoted = false;
};

enum class renewal : std::uint8_t {
  /// The lease lives for its whole TTL from now.
  renewed,
  /// There is no such lease.
  gone,
  /// Not known yet: this member does not lead, the lease has expired and its end is on the way
  /// through the log, or a checkpoint has to be cleared first. `settled` or `promoted` will tell.
  wait,
};

/// What is known of one lease.
struct lease_view {
  std::int64_t granted_seconds = 0;
  /// Rounded down, never negative.
  std::int64_t remaining_seconds = 0;
};

/// When each lease ends. Which leases there are comes from the applied state; time counts on the
/// leader alone, from the moment when it has applied the entry that opens its term:
///
///             promoted: the whole TTL, or what the checkpoint says, and one election timeout
///                 v
///   renew --> living --deadline--> expired --proposed--> in flight --applied--> gone
///                                     ^------- refused ------'
///
/// What has expired is not renewed any more. Ceasing to lead forgets all times; nothing expires
/// then. Renewals are volatile: the next leader starts each lease anew, so nothing is lost, except
/// after a checkpoint, which is therefore cleared through the log before a renewal counts.
///
/// Renewals by a leader that has lost its majority without knowing count for at most one election
/// timeout: with more than one voter that rests on leaders stepping down in time.
class lease_core {
public:
  explicit lease_core(lease_config config);

  /// From now on counts here.
  void count_in(metrics::meter meter) {
    meter_ = std::move(meter);
  }

  /// A lease that the state held at start. @param checkpoint_seconds 0: there is none.
  void load(lease_id lease, log_index granted_at, std::int64_t ttl_seconds,
            std::int64_t checkpoint_seconds);

  void on(const lease_changes& news, time_point now, lease_output& out);
  void on(const raft_status& status, time_point now, lease_output& out);
  /// Proposes them again, at the next tick. Numbers that are not of its own are passed over.
  void on(const propose_refused& refused);
  void on_tick(time_point now, lease_output& out);

  /// @param ttl_seconds set if renewed.
  renewal renew(lease_id lease, time_point now, std::int64_t& ttl_seconds);

  /// Proposes what may be proposed now; after each batch of renewals, and when it has said so.
  void propose_due(time_point now, lease_output& out);

  /// @pre leads().
  std::optional<lease_view> find(lease_id lease, time_point now) const;

  /// All leases, those with the least time left first; where nobody counts, by id. Walks over all.
  std::vector<lease_id> list() const;

  /// Whether this member counts the time of leases.
  bool leads() const {
    return leads_;
  }

  std::size_t size() const {
    return leases_.size();
  }

private:
  enum class phase : std::uint8_t { living, expired, in_flight };

  struct lease {
    log_index granted_at;
    std::int64_t ttl_seconds = 0;
    /// As applied; 0: none.
    std::int64_t checkpoint_seconds = 0;
    // The following only while this member leads.
    time_point deadline;
    time_point checkpoint_due;
    /// The time of its entry in `timers_`; other entries of its id are left over from an earlier
    /// lease.
    time_point timer;
    phase is = phase::living;
    /// In `to_note_`, in `to_clear_`.
    bool note_wanted = false;
    bool clear_wanted = false;
    /// The entry of the log that is under way sets or clears its checkpoint.
    bool noting = false;
    bool clearing = false;
  };

  struct timer {
    time_point at;
    lease_id of;
  };

  /// An entry of the log that is proposed and neither applied nor refused.
  struct proposed {
    /// 0: there is none.
    std::uint64_t counter = 0;
    std::vector<lease_id> leases;
  };

  struct mixed {
    std::uint64_t seed;

    std::size_t operator()(lease_id id) const noexcept;
  };

  /// Nothing that is decided depends on its order.
  using table = std::unordered_map<lease_id, lease, mixed>;

  lease* look(lease_id id);
  void apply(const lease_change& change, time_point now, lease_output& out);
  void on_applied(std::uint64_t counter, time_point now, lease_output& out);
  void check_leadership(time_point now, lease_output& out);
  void promote(time_point now);
  void demote();

  void start(lease& started, time_point now, std::chrono::nanoseconds grace) const;
  time_point next_event(const lease& of) const;
  void set_timer(lease_id id, lease& of);
  void drop_stale_timers();
  void run_timers(time_point now);
  void mark_expired(lease_id id, lease& expired);
  void wants_note(lease_id id, lease& of, time_point now);

  void propose_expiries(time_point now, lease_output& out);
  void propose_checkpoints(time_point now, lease_output& out);
  void take_clears(lease_output& out, std::vector<lease_id>& into);
  void take_notes(time_point now, std::vector<lease_id>& into);
  /// @returns whether any of its leases is still there.
  bool return_expiries(std::uint64_t counter);
  void return_checkpoints();

  const lease_config config_;
  metrics::meter meter_;
  table leases_;
  raft_status status_;
  term_t applied_term_;
  bool leads_ = false;
  term_t led_term_;

  /// A heap with the next one in front. One entry per living lease, earlier than or at its next
  /// event, and some that are left over.
  std::vector<timer> timers_;
  std::deque<lease_id> to_expire_;
  std::deque<lease_id> to_note_;
  std::deque<lease_id> to_clear_;
  /// At most `max_expiry_entries`.
  std::vector<proposed> expiries_;
  /// No earlier than this leaves the next entry of them.
  time_point next_expiry_ = time_point::min();
  proposed checkpoints_;
  std::uint64_t counter_ = first_lease_counter;
};

} // namespace troupe::lease
