#pragma once

#include "messages/alarms.hpp"
#include "messages/ids.hpp"
#include "messages/proto/record.pb.h"
#include "messages/proto/rpc.pb.h"
#include "storage/mvcc/store.hpp"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace troupe::apply {

/// The alarms of the cluster as of the store's open batch: what the log raises and takes back, kept
/// in the store. The same on every member.
class alarm_table {
public:
  /// @param store outlives it; nobody else writes alarms to it.
  explicit alarm_table(mvcc::store& store);

  /// ACTIVATE and DEACTIVATE of a client. The answer names the alarm that is raised now, or was
  /// until now; nothing if there is or was none. Any member id and any type but NONE will do.
  void apply(const etcdserverpb::AlarmRequest& request, etcdserverpb::AlarmResponse& response);

  /// A member's quota raises NOSPACE unless it is raised already, and takes back only what it has
  /// raised.
  void apply(const record::QuotaAlarm& quota);

  raised_alarms raised() const;

  /// What a member's NOSPACE alarm is.
  enum class space_alarm : std::uint8_t { none, by_client, by_quota };
  space_alarm space_alarm_of(member_id member) const;

private:
  /// By type and member, so that all come in that order.
  using key = std::pair<std::int32_t, std::uint64_t>;

  void raise(key which, bool by_quota);
  void take_back(key which);

  mvcc::store& store_;
  /// Whether the quota raised it.
  std::map<key, bool> by_quota_;
};

/// All alarms in the store, by type and member.
std::vector<record::AlarmRecord> stored_alarms(const storage::read_view& view);

} // namespace troupe::apply
