#pragma once

#include <cstdint>
#include <string>

namespace troupe {

/// Every way in which a request can fail. `actors/edge/status_table` maps each to its gRPC code,
/// etcd's text and the HTTP status. "Not executed" and "unknown" are told apart: only the codes of
/// the second group leave the fate of a write open.
enum class errc : std::uint8_t {
  none = 0,

  // The request itself is wrong; nothing was executed.
  empty_key,
  key_not_found,
  value_provided,
  lease_provided,
  too_many_ops,
  duplicate_key,
  invalid_sort_option,
  invalid_client_api_version,
  compacted,
  future_revision,
  no_space,
  lease_not_found,
  lease_exists,
  lease_ttl_too_large,
  request_too_large,
  too_many_requests,
  member_not_found,
  member_exists,
  peer_url_exists,
  member_bad_urls,
  member_not_learner,
  learner_not_ready,
  too_many_learners,
  not_enough_started_members,
  bad_leader_transferee,
  not_supported_for_learner,
  corrupt,
  no_leader,
  not_leader,
  leader_changed,
  stopped,
  unhealthy,
  auth_not_enabled,
  unknown_method,
  wrong_downgrade_version_format,
  invalid_downgrade_target,
  downgrade_in_progress,
  no_downgrade_in_progress,
  permission_denied,
  lock_lost,
  not_elected,
  nobody_elected,
  leadership_missing,
  observe_closed,
  recipe_failed,
  unimplemented,
  range_stream_sort,
  range_stream_filter,
  malformed_message,
  message_too_large,
  unknown_service,
  canceled,
  deadline_exceeded,
  internal,

  // The fate of a proposal is unknown: it may be executed, now or later.
  timeout,
  timeout_leader_failure,
  timeout_connection_lost,
  timeout_waiting_for_apply,

  // Storage.
  io_error,
  disk_full,
  data_damaged,
  data_newer,
  data_locked,
  data_foreign,
};

/// The name of the code in lower case with blanks, for logs.
std::string to_string(errc code);

} // namespace troupe
