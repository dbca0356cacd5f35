#pragma once

#include "actors/metrics/meter.hpp"
#include "actors/read/backup_stream.hpp"
#include "actors/read/hash_queue.hpp"
#include "actors/read/range_stream.hpp"
#include "messages/ids.hpp"
#include "messages/proto/rpc.pb.h"
#include "messages/service.hpp"
#include "storage/mvcc/store.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::read {

/// What stands in answers beside the data.
struct read_identity {
  cluster_id cluster;
  member_id member;
  /// `Status.version`.
  std::string version;
  /// Size at which NOSPACE is raised; negative: no limit.
  std::int64_t quota_bytes = 0;
};

/// Answers reads, all of one batch from one snapshot. Holds the snapshots of streamed answers
/// between their parts.
class read_core {
public:
  /// A streamed answer comes in parts of about this size.
  static constexpr std::size_t stream_part_bytes = 512 << 10;
  static constexpr std::size_t portion_bytes = 1 << 20;
  /// Streams that may be open; each pins a snapshot. One more is refused.
  static constexpr std::size_t max_streams = 1024;
  /// Backups that may be under way; each holds back what compactions would remove.
  static constexpr std::size_t max_backups = 16;
  /// A backup whose client takes nothing for so long is given up.
  static constexpr std::chrono::minutes backup_patience{5};

  /// Both outlive it.
  read_core(const mvcc::store& store, const storage::engine& engine, read_identity identity);

  /// From now on counts here.
  void count_in(metrics::meter meter) {
    meter_ = std::move(meter);
    hashes_.count_in(meter_);
  }

  using sender = std::function<void(std::vector<rpc_answer>&&)>;

  /// Sends the answers in portions of about `portion_bytes`, so that many large ones are never held
  /// at once. Calls whose deadline has passed cost nothing.
  /// @param unix_seconds for what is shown to people.
  void on(const read_batch& batch, time_point now, const sender& send,
          std::int64_t unix_seconds = 0);

  /// The next part of a stream, if it still exists.
  std::vector<rpc_answer> on(const read_stream_event& event, time_point now);

  /// Whether hashes are under way: then `hash_on` is due, after what else has come.
  bool hashing() const {
    return !hashes_.empty();
  }

  std::vector<rpc_answer> hash_on(time_point now);

  /// Ends the backups that nobody takes.
  std::vector<rpc_answer> on_tick(time_point now);

private:
  struct open_backup {
    backup_stream stream;
    time_point last_taken;
  };

  using open_backups = std::map<call_id, open_backup>;

  /// A snapshot does not hold on to its history: where a compaction took it away meanwhile, the
  /// call and those after it are answered from a newer one.
  rpc_answer answer_newest(const read_call& call, std::shared_ptr<const mvcc::snapshot>& source);
  rpc_answer answer(const read_call& call, const std::shared_ptr<const mvcc::snapshot>& source);
  rpc_answer range(const read_call& call, const mvcc::snapshot& source);
  rpc_answer transaction(const read_call& call, const mvcc::snapshot& source);
  rpc_answer member_list(const read_call& call);
  rpc_answer alarm_list(const read_call& call, const mvcc::snapshot& source);
  rpc_answer downgrade(const read_call& call, const mvcc::snapshot& source);
  rpc_answer status(const read_call& call, const mvcc::snapshot& source);
  /// The body is an answer of the lease manager's that lacks the keys.
  rpc_answer attached_keys(const read_call& call, const mvcc::snapshot& source);
  rpc_answer open_stream(const read_call& call, std::shared_ptr<const mvcc::snapshot> source);
  rpc_answer next_part(call_id call, range_stream& stream);
  rpc_answer start_backup(const read_call& call, time_point now, std::int64_t unix_seconds);
  std::vector<rpc_answer> go_on(open_backups::iterator backup, bool cancelled, time_point now);
  static rpc_answer next_part(call_id call, backup_stream& stream);
  void fill(etcdserverpb::ResponseHeader& header) const;

  const mvcc::store& store_;
  const storage::engine& engine_;
  read_identity identity_;
  raft_status raft_;
  log_index applied_;
  std::map<call_id, range_stream> streams_;
  open_backups backups_;
  hash_queue hashes_;
  metrics::meter meter_;

  // Parsed into and answered from again and again, so that their buffers stay.
  etcdserverpb::RangeRequest range_request_;
  etcdserverpb::RangeResponse range_response_;
};

} // namespace troupe::read
