#pragma once

#include "messages/blob.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace troupe {

/// What a log entry of kind `command` asks of the state machine. One byte in front of the payload;
/// numbers are on disk and are never reused.
enum class command_kind : std::uint8_t {
  put = 1,            ///< etcdserverpb.PutRequest, the client's bytes unchanged
  delete_range = 2,   ///< etcdserverpb.DeleteRangeRequest
  txn = 3,            ///< etcdserverpb.TxnRequest
  compact = 4,        ///< etcdserverpb.CompactionRequest
  alarm = 5,          ///< etcdserverpb.AlarmRequest
  publish_member = 6, ///< troupe.record.PublishMember
  /// etcdserverpb.LeaseGrantRequest, the id chosen and the TTL raised to the minimum.
  lease_grant = 7,
  lease_revoke = 8,       ///< etcdserverpb.LeaseRevokeRequest
  lease_expiry = 9,       ///< troupe.record.LeaseExpiry
  lease_checkpoints = 10, ///< troupe.record.LeaseCheckpoints
  quota_alarm = 11,       ///< troupe.record.QuotaAlarm
  downgrade = 12,         ///< etcdserverpb.DowngradeRequest, never VALIDATE
};

struct command {
  command_kind kind;
  blob body;
};

/// The entry payload for `body`: one byte, then the bytes of the request.
inline blob encode_command(command_kind kind, std::string_view body) {
  std::string bytes;
  bytes.reserve(body.size() + 1);
  bytes.push_back(static_cast<char>(kind));
  bytes.append(body);
  return blob{std::move(bytes)};
}

/// The inverse; empty if the payload is empty. An unknown kind is returned as it is: whoever
/// applies it must stop (checklist 120).
inline std::optional<command> decode_command(const blob& payload) {
  if (payload.empty())
    return std::nullopt;
  return command{static_cast<command_kind>(payload.view().front()), payload.slice(1)};
}

} // namespace troupe
