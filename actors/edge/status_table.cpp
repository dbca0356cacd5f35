#include "actors/edge/status_table.hpp"

#include "messages/ensure.hpp"

#include <array>

namespace troupe {

namespace {

using enum grpc_code;

// What etcd declares as FailedPrecondition or ResourceExhausted but sends without a mapping arrives
// as Unknown; clients see the wire, so the table holds that.
constexpr auto rows = std::to_array<status_row>({
  {errc::none, ok, ""},
  {errc::empty_key, invalid_argument, "etcdserver: key is not provided"},
  {errc::key_not_found, invalid_argument, "etcdserver: key not found"},
  {errc::value_provided, invalid_argument, "etcdserver: value is provided"},
  {errc::lease_provided, invalid_argument, "etcdserver: lease is provided"},
  {errc::too_many_ops, invalid_argument, "etcdserver: too many operations in txn request"},
  {errc::duplicate_key, invalid_argument, "etcdserver: duplicate key given in txn request"},
  {errc::invalid_sort_option, invalid_argument, "etcdserver: invalid sort option"},
  {errc::invalid_client_api_version, invalid_argument, "etcdserver: invalid client api version"},
  {errc::compacted, out_of_range, "etcdserver: mvcc: required revision has been compacted"},
  {errc::future_revision, out_of_range, "etcdserver: mvcc: required revision is a future revision"},
  {errc::no_space, resource_exhausted, "etcdserver: mvcc: database space exceeded"},
  {errc::lease_not_found, not_found, "etcdserver: requested lease not found"},
  {errc::lease_exists, failed_precondition, "etcdserver: lease already exists"},
  {errc::lease_ttl_too_large, out_of_range, "etcdserver: too large lease TTL"},
  {errc::request_too_large, invalid_argument, "etcdserver: request is too large"},
  {errc::too_many_requests, unknown, "etcdserver: too many requests"},
  {errc::member_not_found, not_found, "etcdserver: member not found"},
  {errc::member_exists, failed_precondition, "etcdserver: member ID already exist"},
  {errc::peer_url_exists, failed_precondition, "etcdserver: Peer URLs already exists"},
  {errc::member_bad_urls, invalid_argument, "etcdserver: given member URLs are invalid"},
  {errc::member_not_learner, failed_precondition, "etcdserver: can only promote a learner member"},
  {errc::learner_not_ready, failed_precondition,
   "etcdserver: can only promote a learner member which is in sync with leader"},
  {errc::too_many_learners, failed_precondition, "etcdserver: too many learner members in cluster"},
  {errc::not_enough_started_members, unknown,
   "etcdserver: re-configuration failed due to not enough started members"},
  {errc::bad_leader_transferee, failed_precondition, "etcdserver: bad leader transferee"},
  {errc::not_supported_for_learner, failed_precondition,
   "etcdserver: rpc not supported for learner"},
  {errc::corrupt, data_loss, "etcdserver: corrupt cluster"},
  {errc::no_leader, unavailable, "etcdserver: no leader"},
  {errc::not_leader, failed_precondition, "etcdserver: not leader"},
  {errc::leader_changed, unavailable, "etcdserver: leader changed"},
  {errc::stopped, unavailable, "etcdserver: server stopped"},
  {errc::unhealthy, unavailable, "etcdserver: unhealthy cluster"},
  {errc::auth_not_enabled, failed_precondition, "etcdserver: authentication is not enabled"},
  // An action that no release knows.
  {errc::unknown_method, unknown, "etcdserver: unknown method"},
  {errc::wrong_downgrade_version_format, invalid_argument,
   "etcdserver: wrong downgrade target version format"},
  {errc::invalid_downgrade_target, invalid_argument,
   "etcdserver: invalid downgrade target version"},
  {errc::downgrade_in_progress, failed_precondition,
   "etcdserver: cluster has a downgrade job in progress"},
  {errc::no_downgrade_in_progress, failed_precondition, "etcdserver: no inflight downgrade job"},
  {errc::permission_denied, permission_denied, "etcdserver: permission denied"},
  // Lock and election: etcd lets the errors of its own client through without a code. The last one
  // stands for those, and always comes with the text of what failed.
  {errc::lock_lost, unknown, "mutex: session is expired"},
  {errc::not_elected, unknown, "election: not leader"},
  {errc::nobody_elected, unknown, "election: no leader"},
  {errc::leadership_missing, unknown, R"("leader" field must be provided)"},
  {errc::observe_closed, unknown, "election: observe closed early"},
  {errc::recipe_failed, unknown, "a request within the call failed"},
  {errc::unimplemented, unimplemented, "unimplemented"},
  {errc::range_stream_sort, unimplemented, "RangeStream does not support custom sort orders"},
  {errc::range_stream_filter, unimplemented, "RangeStream does not support revision filters"},
  {errc::malformed_message, internal,
   "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data"},
  {errc::message_too_large, resource_exhausted, "grpc: received message larger than max"},
  // grpc.health.v1 asked about something that is not here.
  {errc::unknown_service, not_found, "unknown service"},
  {errc::canceled, canceled, "context canceled"},
  {errc::deadline_exceeded, deadline_exceeded, "context deadline exceeded"},
  {errc::internal, internal, "internal error"},
  {errc::timeout, unavailable, "etcdserver: request timed out"},
  {errc::timeout_leader_failure, unavailable,
   "etcdserver: request timed out, possibly due to previous leader failure"},
  {errc::timeout_connection_lost, unavailable,
   "etcdserver: request timed out, possibly due to connection lost"},
  {errc::timeout_waiting_for_apply, unavailable,
   "etcdserver: request timed out, waiting for the applied index took too long"},
  // A failed disk ends the node; these texts are for the moment before it.
  {errc::io_error, unknown, "input or output error"},
  {errc::disk_full, unknown, "no space left on device"},
  {errc::data_damaged, unknown, "data damaged"},
  {errc::data_newer, unknown, "data written by a newer version"},
  {errc::data_locked, unknown, "data directory is locked"},
  {errc::data_foreign, unknown, "data belongs to another member"},
});

constexpr bool in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].error != static_cast<errc>(i))
      return false;
  return true;
}

static_assert(in_order());
static_assert(rows.size() == static_cast<std::size_t>(errc::data_foreign) + 1);

} // namespace

const status_row& status_of(errc error) {
  auto index = static_cast<std::size_t>(error);
  ensure(index < rows.size(), "every error has a row");
  return rows[index];
}

unsigned http_status_of(grpc_code code) {
  switch (code) {
  case grpc_code::ok:
    return 200;
  case grpc_code::invalid_argument:
  case grpc_code::failed_precondition:
  case grpc_code::out_of_range:
    return 400;
  case grpc_code::unauthenticated:
    return 401;
  case grpc_code::permission_denied:
    return 403;
  case grpc_code::not_found:
    return 404;
  case grpc_code::already_exists:
  case grpc_code::aborted:
    return 409;
  case grpc_code::resource_exhausted:
    return 429;
  case grpc_code::canceled:
    return 499;
  case grpc_code::unknown:
  case grpc_code::internal:
  case grpc_code::data_loss:
    return 500;
  case grpc_code::unimplemented:
    return 501;
  case grpc_code::unavailable:
    return 503;
  case grpc_code::deadline_exceeded:
    return 504;
  }
  return 500;
}

} // namespace troupe
