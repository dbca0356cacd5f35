#include "actors/apply/downgrade.hpp"

#include "messages/ensure.hpp"
#include "messages/proto/record.pb.h"
#include "messages/version.hpp"

#include <string_view>

namespace troupe::apply {

namespace {

using storage::family;

constexpr std::string_view stored_key = "downgrade";

/// "X.Y", as etcd tells the version of a cluster.
std::string cluster_version() {
  return std::string{etcd_cluster_version.substr(0, etcd_cluster_version.rfind('.'))};
}

} // namespace

errc apply(mvcc::store& store, const etcdserverpb::DowngradeRequest& request,
           etcdserverpb::DowngradeResponse& response) {
  std::string bytes;
  const bool under_way = store.get(family::meta, stored_key, bytes);
  if (request.action() == etcdserverpb::DowngradeRequest::ENABLE) {
    if (under_way)
      return errc::downgrade_in_progress;
    record::DowngradeRecord record;
    record.set_target_version(std::string{etcd_downgrade_version});
    store.put(family::meta, stored_key, record.SerializeAsString());
  } else {
    if (!under_way)
      return errc::no_downgrade_in_progress;
    store.erase(family::meta, stored_key);
  }
  response.set_version(cluster_version());
  response.mutable_header()->set_revision(store.revision());
  return errc::none;
}

errc validate_downgrade(const storage::read_view& view, etcdserverpb::DowngradeResponse& response) {
  if (!downgrade_target(view).empty())
    return errc::downgrade_in_progress;
  response.set_version(cluster_version());
  return errc::none;
}

std::string downgrade_target(const storage::read_view& view) {
  std::string bytes;
  if (!view.get(family::meta, stored_key, bytes))
    return {};
  record::DowngradeRecord record;
  ensure(record.ParseFromString(bytes), "a stored downgrade record is well formed");
  return record.target_version();
}

} // namespace troupe::apply
