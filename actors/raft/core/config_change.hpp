#pragma once

#include "messages/errc.hpp"
#include "messages/membership.hpp"

#include <cstddef>
#include <map>
#include <variant>

namespace troupe::raft {

/// What a leader knows of one member that matters to a change.
struct member_health {
  /// It has run since it was added, as far as the leader can tell.
  bool started = false;
  /// It answered within the last election timeout.
  bool active = false;
  /// The part of the leader's log that it holds.
  log_index match;
};

/// By what a change is judged beside the configuration itself.
struct change_conditions {
  /// Of every member, the leader included.
  std::map<member_id, member_health> health;
  /// The end of the leader's log.
  log_index last;
  std::size_t max_learners = 1;
  /// Refuse what endangers the quorum (etcd's strict-reconfig-check).
  bool strict = true;
};

/// The configuration that follows `now`, which is not joint, by this change: joint if the votes of
/// more than one member change, since then two majorities of the old and the new one need not share
/// a member (thesis 4.3). Or why there is none:
///   member_exists, peer_url_exists    what is added is there already, or its URL
///   member_not_found                  who is meant is no member, or was removed for good
///   member_not_learner                only learners are promoted
///   learner_not_ready                 it holds less than 90 % of the leader's log
///   too_many_learners
///   not_enough_started_members        a majority of the new voters has never run, or none is left
///   unhealthy                         a majority of the new voters is not heard of just now
/// The last two, beside the last voter's removal, are asked by the strict check only. It leaves
/// open what endangers nothing: growing from one voter to two, removing learners and voters that
/// are silent, and adding a voter while as many are silent as the new quorum still bears when the
/// added one has come.
std::variant<configuration, errc> judge_change(const configuration& now,
                                               const configuration_change& change,
                                               const change_conditions& conditions);

/// What follows a joint configuration: its `members` alone.
configuration leave_joint(configuration now);

} // namespace troupe::raft
