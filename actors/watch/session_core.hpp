#pragma once

#include "actors/metrics/meter.hpp"
#include "actors/watch/response_encoding.hpp"
#include "actors/watch/session_messages.hpp"
#include "actors/watch/watch_interest.hpp"
#include "messages/ids.hpp"
#include "messages/proto/rpc.pb.h"
#include "messages/rpc.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

namespace troupe::watch {

/// Where the host keeps the handle of a watcher; used again after `end_watches`.
using watcher_slot = std::uint32_t;

// What a step of the session asks of its host, one after the other.

/// Spawn these watchers, and register with the hub, by one message, those that are to be.
struct enroll_watches {
  struct entry {
    watcher_slot slot = 0;
    std::int64_t watch = 0;
    std::uint64_t epoch = 0;
    watch_interest interest;
    bool fragment = false;
    /// Else it starts at a revision of its own, with an order to resume.
    bool registered = true;
  };

  /// May be empty: the answer tells the current revision.
  std::vector<entry> watches;
};

/// Have the hub drop these watchers, then tell those that it is over which may have registered
/// themselves. The others are gone once nobody knows them.
struct end_watches {
  struct entry {
    watcher_slot slot = 0;
    bool told = false;

    friend bool operator==(const entry&, const entry&) = default;
  };

  std::vector<entry> watches;
  /// The hub's answer is to come to `on_dropped`.
  bool confirm = false;
};

struct order_watcher {
  watcher_slot slot = 0;
  watch_order order;
};

/// Ask the hub for a `progress_point`.
struct begin_round {
  std::uint64_t round = 0;
};

struct mark_watchers {
  std::vector<watcher_slot> slots;
  progress_marker marker;
};

using session_step =
  std::variant<enroll_watches, end_watches, order_watcher, begin_round, mark_watchers>;

struct session_output {
  std::vector<session_step> steps;
  /// To the edge, in order.
  std::vector<rpc_answer> answers;
  /// The stream is over: every watcher was ended, the session may go.
  bool over = false;
};

struct session_limits {
  /// Bytes of answers that the edge has not confirmed; what is beyond waits here.
  std::size_t max_unconfirmed_bytes = std::size_t{256} << 10;
  /// Memory of what waits; beyond it the stream is slow: its events are dropped, and their watchers
  /// paused.
  std::size_t max_held_bytes = std::size_t{4} << 20;
  /// The same for all streams of the node, counted by `watch_counters::held_bytes`; beyond it every
  /// stream is slow of which something waits.
  std::int64_t max_held_bytes_of_node = std::int64_t{256} << 20;
  /// What all streams of the node may have unconfirmed, counted by
  /// `watch_counters::unconfirmed_bytes`; beyond it every stream is slow that has any.
  std::int64_t max_unconfirmed_bytes_of_node = std::int64_t{512} << 20;
  /// Watchers of one stream that read the history at the same time.
  std::size_t max_catching_up = 16;
  /// Watchers of the node; counted by `watch_counters::watches`.
  std::int64_t max_watches = 4'000'000;
  /// Ids of watches that ended by themselves, per stream; beyond it they are free at once.
  std::size_t max_ended = 10'000;
  /// Progress requests that wait for their answer; one more is passed over.
  std::size_t max_progress_requests = 1'000;
};

/// One gRPC stream with any number of watches (etcd-semantics 7): what its requests mean, and what
/// of its watchers' events goes to the client when. Pure.
///
/// Each watch is in one of four states:
///
///   creating --registered--> live  <--caught up-- catching_up
///       |  start in the past   |  ^                    ^  |
///       v                      v  |                    |  v
///       +-------------------> queued ------------------+  dropped, for the stream is slow
///
/// What the client sends is bounded by the edge: it gives no window while 1 MiB of messages of a
/// stream have no answer. So what is taken without one, as the cancellation of an unknown watch, is
/// followed by another answer or by an empty `rpc_answer`.
class session_core {
public:
  session_core(call_id call, response_identity identity, session_limits limits,
               metrics::meter meter = {});
  session_core(session_core&&) = default;

  /// Events of this stream, in order. Nothing follows a cancel.
  void on(const std::vector<call_event>& events, session_output& out);

  void on_delivery(watch_delivery&& delivery, session_output& out);
  void on_notice(const watch_notice& notice, session_output& out);
  void on_marker(const marker_passed& passed, session_output& out);

  /// The hub's answers to `enroll_watches`, to `end_watches` with `confirm` and to `begin_round`;
  /// fields as there. Those to the first two come in the order of the steps.
  void on_registered(std::int64_t published, std::int64_t floor, term_t term, session_output& out);
  void on_dropped(std::int64_t published, term_t term, session_output& out);
  void on_progress_point(std::uint64_t round, std::int64_t published, term_t term,
                         session_output& out);

  /// The interval of progress notifications has passed.
  void on_progress_due(session_output& out);

  /// Ends every watcher.
  void end(session_output& out);

  std::size_t watches() const {
    return watches_.size();
  }

private:
  enum class state : std::uint8_t { creating, live, queued, catching_up };

  struct watch {
    watcher_slot slot = 0;
    state now = state::creating;
    bool fragment = false;
    bool progress_notify = false;
    /// No events since the last interval of progress notifications.
    bool quiet = false;
    /// The present round tells it of its progress.
    bool due = false;
    /// The marker of the present round is on its way.
    bool marked = false;
    /// It was told to resume, which makes it register itself.
    bool resumed = false;
    std::uint64_t epoch = 0;
    /// Where to resume: the first revision that has not gone to the client. Counts while queued;
    /// while creating it is the start revision, later nothing below it is wanted.
    std::int64_t from = 0;
  };

  /// What waits for an answer of the hub.
  struct creation {
    std::int64_t watch = -1;
    std::uint64_t epoch = 0;
    std::int64_t start = 0;
    /// Why it was refused, or null.
    const char* refusal = nullptr;
  };

  struct awaited {
    std::vector<creation> creations;
    std::vector<std::int64_t> cancellations;
  };

  struct progress_round {
    bool runs = false;
    std::uint64_t number = 0;
    std::int64_t published = 0;
    std::size_t unpassed = 0;
    /// Of the client, for the whole stream.
    std::size_t requests = 0;
    bool all_in_sync = true;
    /// Those with progress_notify that are quiet get a message each.
    bool periodic = false;
  };

  void on_message(const blob& body, session_output& out);
  void create(const etcdserverpb::WatchCreateRequest& request);
  const char* refusal_of(const etcdserverpb::WatchCreateRequest& request,
                         const watch_interest& interest) const;
  void cancel(std::int64_t id, session_output& out);
  void enroll_collected(session_output& out);
  void created(const creation& x, std::int64_t published, std::int64_t floor, session_output& out);
  void end_compacted(std::int64_t id, std::int64_t floor, session_output& out);
  /// Ends a watch. @param confirm the client has asked for it and gets an answer.
  void forget(std::int64_t id, session_output& out, bool confirm);
  end_watches& end_step(session_output& out, bool confirm);

  bool taken(std::int64_t id) const {
    return watches_.contains(id) || ended_.contains(id);
  }

  watch* current(std::int64_t id, std::uint64_t epoch);
  void enqueue(std::int64_t id, watch& x, std::int64_t from);
  void move_to(watch& x, state next);
  void resume_some(session_output& out);

  void start_round(session_output& out);
  void finish_round(session_output& out);

  void confirm_silence(session_output& out);
  bool slow() const;
  etcdserverpb::WatchResponse response(std::int64_t id, std::int64_t revision) const;
  void answer(const etcdserverpb::WatchResponse& response, session_output& out);
  void answer(watch_piece&& piece, session_output& out);
  void send_held(session_output& out);
  void send(watch_piece&& piece, session_output& out);
  void hold(std::int64_t bytes);
  void set_unconfirmed(std::size_t bytes);

  call_id call_;
  response_identity identity_;
  session_limits limits_;
  metrics::meter meter_;

  std::unordered_map<std::int64_t, watch> watches_;
  /// Ids of watches that ended by themselves: as in etcd they stay taken until the client cancels
  /// them, which is answered once more.
  std::unordered_set<std::int64_t> ended_;
  /// What the server assigns next.
  std::int64_t next_id_ = 0;
  std::uint64_t next_epoch_ = 0;
  watcher_slot slots_ = 0;
  std::vector<watcher_slot> free_slots_;

  /// Creations since the last step, not sent to the hub yet.
  enroll_watches collected_;
  std::vector<creation> collected_creations_;
  std::deque<awaited> awaited_;

  /// Watches to resume, oldest first; one that has gone or moved on meanwhile is passed over.
  std::deque<std::pair<std::int64_t, std::uint64_t>> queue_;
  std::size_t catching_up_ = 0;
  /// Queued or catching up.
  std::size_t behind_ = 0;
  /// Bytes sent since the edge last said that the stream is writable.
  std::size_t unconfirmed_ = 0;
  /// What the counter of the node holds of it.
  std::int64_t told_unconfirmed_ = 0;

  struct held_answer {
    watch_piece piece;
    std::size_t cost = 0;
  };

  /// In order, behind what was sent.
  std::deque<held_answer> held_;
  std::size_t held_bytes_ = 0;
  /// Since the last answer that was sent, messages were taken that have none.
  bool silent_ = false;
  bool over_ = false;
  /// As last heard of the hub.
  term_t term_;

  progress_round round_;
  std::uint64_t rounds_ = 0;
  std::size_t progress_requests_ = 0;
  bool progress_due_ = false;

  etcdserverpb::WatchRequest request_;
};

} // namespace troupe::watch
