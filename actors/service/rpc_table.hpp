#pragma once

#include "messages/rpc_method.hpp"

#include <cstdint>
#include <span>

namespace troupe::service {

/// Where a call is carried out.
enum class rpc_path : std::uint8_t {
  /// Checked, then appended to the log; answered by the applier.
  proposal,
  /// Read or proposal, by what the request holds.
  either,
  /// Answered from a snapshot, after a read-index round unless the request is serializable.
  read,
  /// Answered from a snapshot at once: it describes this member.
  local_read,
  /// Handed to the store keeper, which answers when it is done.
  defragment,
  /// Handed to the watch service, message by message.
  watch,
  /// Handed to the lease manager: what it alone knows.
  lease,
  /// Handed to the lock and election services, which are clients of this one.
  recipe,
  /// Answered by the edge itself.
  edge,
  /// Refused with UNIMPLEMENTED.
  unimplemented,
};

/// What authentication asks of the caller, as etcd 3.6 does; as long as there is none, nothing is
/// asked.
enum class rpc_guard : std::uint8_t { nothing, valid_user, key_permission, root };

/// Which kind of room a call needs when the node is short of it; nobody sheds load by it yet.
enum class rpc_rate_class : std::uint8_t { write, read, control };

/// Everything that is decided about a method before its request is looked at.
struct rpc_rule {
  rpc_method method;
  rpc_path path;
  rpc_guard guard;
  /// Refused while the member knows no leader, if the caller asks for that (`hasleader`).
  bool leader_matters;
  /// Refused while a NOSPACE alarm is raised; of transactions those that can put.
  bool quota;
  rpc_rate_class rate_class;
};

/// One row per method, in the order of `rpc_method`.
std::span<const rpc_rule> rpc_table();

inline const rpc_rule& rule_of(rpc_method method) {
  return rpc_table()[static_cast<std::size_t>(method)];
}

} // namespace troupe::service
