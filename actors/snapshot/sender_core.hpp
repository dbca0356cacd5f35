#pragma once

#include "messages/raft.hpp"
#include "messages/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace troupe::snapshot {

struct sender_limits {
  /// Of one answer.
  std::uint32_t chunk_bytes = 256 << 10;
  /// What one receiver may have asked for and not got yet; more is ignored, it asks again.
  std::size_t waiting_requests = 32;
  /// To all receivers together, between two ticks: leaves disk and network to the log.
  std::uint64_t bytes_per_tick = 8 << 20;
  /// To a receiver that is silent the offer is repeated so often: the offer may have been lost, or
  /// the receiver's last word.
  unsigned offer_ticks = 10;
  /// A receiver that is silent for so long has failed.
  unsigned patience_ticks = 100;
};

/// The files of a checkpoint of the store.
struct checkpoint {
  entry_id at;
  std::vector<snapshot_file> files;
};

/// What a step asks of its host, to be done from top to bottom.
struct sender_output {
  /// Make a checkpoint of the store as it is now, and say so (`on_prepared`).
  bool prepare = false;

  struct piece {
    member_id to;
    std::uint64_t transfer = 0;
    std::uint32_t file = 0;
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
  };

  /// Read these from the checkpoint and send them on as chunks.
  std::vector<piece> to_read;
  std::vector<std::pair<member_id, snapshot_offer>> offers;
  /// To member.
  std::vector<snapshot_result> results;
  /// Nobody needs the checkpoint any more: remove it.
  bool discard = false;
};

/// Sends the own state to whoever lags too far behind (paper 7): one checkpoint, that all receivers
/// of the moment share. Pure: time comes as ticks, the disk is the host's.
class sender_core {
public:
  /// @param first_transfer drawn by chance, so that no transfer of an earlier boot has the number
  /// of one of this.
  sender_core(member_id self, std::uint64_t first_transfer, sender_limits limits = {})
      : self_(self), next_transfer_(first_transfer), limits_(limits) {}

  void on(const snapshot_wanted& wanted, sender_output& out);

  /// @param made absent if the checkpoint could not be made.
  void on_prepared(std::optional<checkpoint> made, sender_output& out);

  void on(const snapshot_request& request, sender_output& out);
  void on(const snapshot_end& end, sender_output& out);
  void on_tick(sender_output& out);

  /// This member does not lead any more: whatever is under way is over.
  void stop(sender_output& out);

private:
  struct receiver {
    std::uint64_t transfer = 0;
    unsigned silent_ticks = 0;
    std::deque<sender_output::piece> waiting;
  };

  void offer_to(member_id to, sender_output& out);
  void send_waiting(sender_output& out);
  void end(member_id to, bool installed, sender_output& out);
  void discard_if_unused(sender_output& out);

  const member_id self_;
  std::uint64_t next_transfer_;
  const sender_limits limits_;
  bool preparing_ = false;
  std::optional<checkpoint> checkpoint_;
  /// Wait for a checkpoint, which must reach further than this.
  std::map<member_id, log_index> wanting_;
  std::map<member_id, receiver> receivers_;
  std::uint64_t sent_since_tick_ = 0;
};

} // namespace troupe::snapshot
