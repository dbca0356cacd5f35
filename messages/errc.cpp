#include "messages/errc.hpp"

namespace troupe {

std::string to_string(errc code) {
  switch (code) {
  case errc::none:
    return "none";
  case errc::empty_key:
    return "empty key";
  case errc::key_not_found:
    return "key not found";
  case errc::value_provided:
    return "value provided";
  case errc::lease_provided:
    return "lease provided";
  case errc::too_many_ops:
    return "too many ops";
  case errc::duplicate_key:
    return "duplicate key";
  case errc::invalid_sort_option:
    return "invalid sort option";
  case errc::invalid_client_api_version:
    return "invalid client api version";
  case errc::compacted:
    return "compacted";
  case errc::future_revision:
    return "future revision";
  case errc::no_space:
    return "no space";
  case errc::lease_not_found:
    return "lease not found";
  case errc::lease_exists:
    return "lease exists";
  case errc::lease_ttl_too_large:
    return "lease ttl too large";
  case errc::request_too_large:
    return "request too large";
  case errc::too_many_requests:
    return "too many requests";
  case errc::member_not_found:
    return "member not found";
  case errc::member_exists:
    return "member exists";
  case errc::peer_url_exists:
    return "peer url exists";
  case errc::member_bad_urls:
    return "member bad urls";
  case errc::member_not_learner:
    return "member not learner";
  case errc::learner_not_ready:
    return "learner not ready";
  case errc::too_many_learners:
    return "too many learners";
  case errc::not_enough_started_members:
    return "not enough started members";
  case errc::bad_leader_transferee:
    return "bad leader transferee";
  case errc::not_supported_for_learner:
    return "not supported for learner";
  case errc::corrupt:
    return "corrupt";
  case errc::no_leader:
    return "no leader";
  case errc::not_leader:
    return "not leader";
  case errc::leader_changed:
    return "leader changed";
  case errc::stopped:
    return "stopped";
  case errc::unhealthy:
    return "unhealthy";
  case errc::auth_not_enabled:
    return "auth not enabled";
  case errc::unknown_method:
    return "unknown method";
  case errc::wrong_downgrade_version_format:
    return "wrong downgrade version format";
  case errc::invalid_downgrade_target:
    return "invalid downgrade target";
  case errc::downgrade_in_progress:
    return "downgrade in progress";
  case errc::no_downgrade_in_progress:
    return "no downgrade in progress";
  case errc::permission_denied:
    return "permission denied";
  case errc::lock_lost:
    return "lock lost";
  case errc::not_elected:
    return "not elected";
  case errc::nobody_elected:
    return "nobody elected";
  case errc::leadership_missing:
    return "leadership missing";
  case errc::observe_closed:
    return "observe closed";
  case errc::recipe_failed:
    return "recipe failed";
  case errc::unimplemented:
    return "unimplemented";
  case errc::range_stream_sort:
    return "range stream sort";
  case errc::range_stream_filter:
    return "range stream filter";
  case errc::malformed_message:
    return "malformed message";
  case errc::message_too_large:
    return "message too large";
  case errc::unknown_service:
    return "unknown service";
  case errc::canceled:
    return "canceled";
  case errc::deadline_exceeded:
    return "deadline exceeded";
  case errc::internal:
    return "internal";
  case errc::timeout:
    return "timeout";
  case errc::timeout_leader_failure:
    return "timeout leader failure";
  case errc::timeout_connection_lost:
    return "timeout connection lost";
  case errc::timeout_waiting_for_apply:
    return "timeout waiting for apply";
  case errc::io_error:
    return "io error";
  case errc::disk_full:
    return "disk full";
  case errc::data_damaged:
    return "data damaged";
  case errc::data_newer:
    return "data newer";
  case errc::data_locked:
    return "data locked";
  case errc::data_foreign:
    return "data foreign";
  }
  return "error " + std::to_string(static_cast<unsigned>(code));
}

} // namespace troupe
