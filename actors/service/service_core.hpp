#pragma once

#include "actors/service/catch_up.hpp"
#include "actors/service/early_calls.hpp"
#include "actors/service/read_gate.hpp"
#include "messages/proto/rpc.pb.h"
#include "messages/service.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace troupe::service {

/// What one step of the service asks of its host, to be done from top to bottom.
struct service_output {
  /// To the applier, before the proposals leave: an answer must find who waits for it.
  std::vector<awaited_call> to_await;
  /// To member.
  std::vector<proposal> to_propose;
  /// To member: starts a read round.
  std::optional<read_index_request> to_confirm;
  /// To the readers: reads that cost little, and everything that may touch many keys.
  std::vector<read_call> points;
  std::vector<read_call> lists;
  /// To the reader of lists.
  std::vector<read_stream_event> stream_events;
  /// To the store keeper.
  std::vector<call_id> to_defragment;
  /// To the watch service, the lease manager, and the lock and election services.
  std::vector<call_event> watches;
  std::vector<call_event> leases;
  std::vector<call_event> recipes;
  /// To the edges.
  std::vector<rpc_answer> answers;
};

struct service_limits {
  /// Operations per level of a transaction (`--max-txn-ops`).
  std::uint32_t max_txn_ops = 128;
  /// Bytes of one proposal (`--max-request-bytes`).
  std::size_t max_request_bytes = 1'572'864;
  /// After this a write or a linearizable read fails: 5 s and two election timeouts (etcd-semantics
  /// 13).
  std::chrono::nanoseconds request_timeout = std::chrono::seconds{7};
  /// Leases get at least this: one and a half election timeouts, rounded up.
  std::int64_t min_lease_seconds = 2;
  /// For ids of leases where the client leaves the choice.
  std::uint64_t seed = 0;
  /// Writes that may wait for a leader; one more is refused.
  std::size_t max_parked_writes = 5'000;
  /// Reads that may wait for a read round or for the applier; one more is refused.
  std::size_t max_waiting_reads = 200'000;
  /// Bytes of the requests of either kind that wait.
  std::size_t max_waiting_bytes = std::size_t{64} << 20;
};

/// Says what each call means: refuses what is wrong by itself, turns writes into proposals and
/// reads into reads at an index. Pure: time comes in, work goes out.
class service_core {
public:
  /// @param replay until it is done nothing is read, not even serializably.
  service_core(service_limits limits, catch_up replay);

  /// A command that this member proposes for itself, without a client, whenever it hears of another
  /// leader: its name and client URLs. Applying it twice does no harm.
  void announce(blob command) {
    announcement_ = std::move(command);
  }

  void on(const call_batch& batch, time_point now, service_output& out);
  void on(const read_index_reply& reply, time_point now, service_output& out);
  void on(const applied& done, service_output& out);
  void on(const raft_status& status, service_output& out);
  void on_tick(time_point now, service_output& out);

  const raft_status& raft() const {
    return raft_;
  }

  /// What the state holds, as last heard.
  log_index applied_index() const {
    return replay_.applied();
  }

  /// Reads that wait for a read round or for the applier.
  std::size_t waiting_reads() const {
    return reads_.waiting();
  }

private:
  void on(const call_event& event, time_point now, service_output& out);
  void delegate(const call_event& event, service_output& out);
  bool lacks_leader(const call_event& call) const;
  void start(const call_event& call, time_point now, service_output& out);
  /// What is a read or a proposal, by what it holds.
  void start_either(const call_event& call, time_point now, service_output& out);
  void start_read(const call_event& call, time_point now, service_output& out);
  void start_local_read(const call_event& call, time_point now, service_output& out);
  void start_defragment(const call_event& call, service_output& out);
  /// When nobody waits for a read any more.
  time_point read_deadline(const call_event& call, time_point now) const;
  proposal unpark();
  void release(service_output& out);
  void propose(const call_event& call, time_point now, service_output& out);
  errc take_grant(const call_event& call, std::string& detail, std::string& completed);

  service_limits limits_;
  raft_status raft_;
  /// As of the last applied entry: what they forbid is not proposed.
  raised_alarms alarms_;
  catch_up replay_;
  read_gate reads_;
  /// Counter of the newest proposal of this boot.
  std::uint64_t counter_ = 0;
  std::optional<blob> announcement_;
  /// The id that a client was last given.
  std::int64_t last_lease_;

  struct parked_write {
    proposal write;
    time_point deadline;
  };

  /// Came while no leader was known; in order, each proposed at most once.
  std::deque<parked_write> parked_;
  /// Of their payloads.
  std::size_t parked_bytes_ = 0;

  /// For the other services, which see nothing of the time before `replay_` is done either.
  early_calls early_;

  // Parsed into again and again, so that their buffers stay.
  etcdserverpb::RangeRequest range_;
  etcdserverpb::PutRequest put_;
  etcdserverpb::DeleteRangeRequest delete_range_;
  etcdserverpb::TxnRequest txn_;
  etcdserverpb::CompactionRequest compaction_;
  etcdserverpb::LeaseGrantRequest grant_;
  etcdserverpb::LeaseRevokeRequest revoke_;
  etcdserverpb::AlarmRequest alarm_;
  etcdserverpb::DowngradeRequest downgrade_;
};

} // namespace troupe::service
