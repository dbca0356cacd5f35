#pragma once

#include "messages/blob.hpp"
#include "messages/ids.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe {

/// A member as a configuration names it.
struct configured_member {
  /// Receives the log but has no vote.
  bool is_learner = false;
  /// At least one; where the other members reach it.
  std::vector<std::string> peer_urls;
  /// As it was founded or added; empty for most that were added. What it publishes of itself later
  /// is not in here.
  std::string name;

  friend bool operator==(const configured_member&, const configured_member&) = default;
};

/// Who belongs to the cluster and who decides. In force from the moment its entry is appended,
/// committed or not, until that entry is cut or another one follows (thesis 4.1).
///
/// Joint (paper 6) while `outgoing` is not empty: every decision needs a majority of the voters
/// among `members` and another one of `outgoing`. For example {1 2 3} on its way to {1 4 5}:
///   members 1 4 5, outgoing 1 2 3: nothing is decided without two of 1 4 5 and two of 1 2 3.
struct configuration {
  /// 0 in no configuration of a real cluster.
  cluster_id cluster;
  std::map<member_id, configured_member> members;
  /// The voters of the configuration before, those that leave with it included.
  std::map<member_id, configured_member> outgoing;
  /// Once members; these ids are never used again.
  std::set<member_id> removed;

  /// Of `members`.
  std::set<member_id> voters() const;
  std::set<member_id> learners() const;

  /// Whether `id` belongs to the cluster, also if only until the joint configuration is left.
  bool contains(member_id id) const {
    return members.contains(id) || outgoing.contains(id);
  }

  /// Whether `id` has a vote, in whichever half.
  bool is_voter(member_id id) const;

  bool is_joint() const {
    return !outgoing.empty();
  }

  /// Everyone it contains: whoever has to be reached.
  std::map<member_id, configured_member> everyone() const;

  friend bool operator==(const configuration&, const configuration&) = default;
};

/// The payload of an entry of kind `configuration` (protobuf troupe.record.InitialMembership).
blob encode(const configuration& what);

/// The inverse; empty if the bytes are none, name no voter, or name a member twice or as id 0.
std::optional<configuration> decode_configuration(const blob& payload);

/// One step of a change.
struct configuration_step {
  /// Numbers as in troupe.record.ConfigurationStep.
  enum class what : std::uint8_t {
    add_voter = 1,
    add_learner = 2,
    promote = 3,
    remove = 4,
    update_urls = 5,
  };

  what kind = what::add_voter;
  member_id id;
  /// Of what is added or updated.
  std::vector<std::string> peer_urls;
  /// Of what is added, if it is known.
  std::string name;

  friend bool operator==(const configuration_step&, const configuration_step&) = default;
};

/// All of it happens, by one configuration (over a joint one where more than one vote changes), or
/// nothing.
struct configuration_change {
  std::vector<configuration_step> steps;

  friend bool operator==(const configuration_change&, const configuration_change&) = default;
};

/// The payload of a proposal of kind `configuration` (protobuf troupe.record.ConfigurationChange).
blob encode(const configuration_change& what);

/// The inverse; empty if the bytes are none, have no step, or one of an unknown kind or with id 0.
std::optional<configuration_change> decode_configuration_change(const blob& payload);

/// From the present role, by way of member's handles: the configuration in force is this one. Sent
/// at the start if there is one, and whenever it changes: another one is appended, is cut again
/// (then the one before is in force again), or becomes committed.
struct configuration_changed {
  configuration now;
  /// Of its entry; 0 if it came with the state and its entry is not known.
  log_index at;
  bool committed = false;

  friend bool operator==(const configuration_changed&, const configuration_changed&) = default;
};

} // namespace troupe
