#pragma once

#include "actors/lease/lease_core.hpp"
#include "messages/proto/rpc.pb.h"
#include "messages/service.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::lease {

/// What stands in the headers of answers.
struct lease_identity {
  cluster_id cluster;
  member_id member;
};

struct call_limits {
  /// Calls that need a leader fail after this: 5 s and two election timeouts (etcd-semantics 13).
  std::chrono::nanoseconds request_timeout = std::chrono::seconds{7};
  /// Streams that ask for a leader end when there was none for this long: three election timeouts.
  std::chrono::nanoseconds leader_loss = std::chrono::seconds{3};
  /// Renewals of one stream, and of all streams, that may wait behind one that cannot be answered
  /// yet; one more ends its stream. Unary calls that wait for a leader count in the second.
  std::size_t max_waiting_per_stream = 1024;
  std::size_t max_waiting = 200'000;
};

/// What one step asks of its host.
struct call_output {
  /// To the edges.
  std::vector<rpc_answer> answers;
  /// To a reader: the body is a TimeToLive response that lacks the attached keys and the header.
  std::vector<read_call> to_read;
};

/// Answers what clients ask about leases beside the log: KeepAlive, TimeToLive and Leases. One
/// answer per renewal, in the order of its stream: what cannot be answered yet holds up those
/// behind it.
///
/// A member that does not lead keeps KeepAlive and TimeToLive waiting, for a leader to be elected
/// here. While clusters have one voter nobody else can lead; with more, the events as they are go
/// on to the leader.
class lease_calls {
public:
  /// @param core outlives it.
  lease_calls(lease_core& core, lease_identity identity, call_limits limits);

  /// @param revision the current one, for headers: taken before the renewals.
  void on(const call_batch& batch, std::int64_t revision, time_point now, call_output& out);

  /// After each step of the core: what it has decided.
  void on_decided(const lease_output& decided, std::int64_t revision, time_point now,
                  call_output& out);

  void on(const raft_status& status, time_point now);
  void on_tick(time_point now, call_output& out);

  std::size_t streams() const {
    return streams_.size();
  }

  /// Renewals and calls that wait.
  std::size_t waiting() const {
    return waiting_;
  }

private:
  /// A KeepAlive.
  struct stream {
    /// Not answered yet; empty unless the first one has to wait.
    std::vector<lease_id> unanswered;
    /// When the first of them came to its turn, and the revision then.
    time_point since;
    std::int64_t revision = 0;
    bool half_closed = false;
    bool require_leader = false;
  };

  using stream_table = std::map<call_id, stream>;

  void on(const call_event& event, std::int64_t revision, time_point now, call_output& out);
  void on_keep_alive(const call_event& event, std::int64_t revision, time_point now,
                     call_output& out);
  void open(const call_event& event);
  void renew(stream_table::iterator which, const call_event& event, std::int64_t revision,
             time_point now, call_output& out);
  bool answer(call_id call, lease_id lease, std::int64_t revision, time_point now,
              call_output& out);
  void resume(stream_table::iterator which, std::int64_t revision, time_point now,
              call_output& out);
  void end(stream_table::iterator which, errc error, call_output& out, std::string detail = {});
  void forget(stream_table::iterator which);
  void start_waiting(stream_table::iterator which, std::int64_t revision, time_point now);
  void end_streams_without_leader(time_point now, call_output& out);

  void time_to_live(const call_event& event, std::int64_t revision, time_point now,
                    call_output& out);
  void time_to_live(const read_call& call, std::int64_t revision, time_point now, call_output& out);
  void list(const call_event& event, std::int64_t revision, call_output& out);
  void fill(etcdserverpb::ResponseHeader& header, std::int64_t revision) const;

  lease_core& core_;
  const lease_identity identity_;
  const call_limits limits_;
  raft_status raft_;
  /// No leader since then, if there is none.
  std::optional<time_point> leaderless_since_;
  stream_table streams_;
  /// The first unanswered renewal of each stream that has one.
  std::set<std::pair<lease_id, call_id>> waiters_;
  /// TimeToLive calls that wait for a leader, in order.
  std::deque<read_call> early_;
  std::size_t waiting_ = 0;

  // Used again and again, so that their buffers stay.
  etcdserverpb::LeaseKeepAliveRequest renewal_;
  etcdserverpb::LeaseKeepAliveResponse renewed_;
};

} // namespace troupe::lease
