#pragma once

#include "actors/raft/core/output.hpp"
#include "actors/raft/core/replica.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::raft {

// Short words for what the tests of the rules are about.

inline constexpr member_id us{1};
inline constexpr member_id second{2};
inline constexpr member_id third{3};

inline entry_id at(std::uint64_t term, std::uint64_t index) {
  return {{term}, {index}};
}

inline entry entry_at(std::uint64_t term, std::uint64_t index, std::string payload = {}) {
  return {.id = at(term, index), .payload = blob{std::move(payload)}};
}

/// A log whose entry i has the i-th of `terms`.
inline std::vector<entry> log_of(std::vector<std::uint64_t> terms) {
  std::vector<entry> result;
  for (auto term : terms)
    result.push_back(entry_at(term, result.size() + 1));
  return result;
}

/// The configuration of these voters and learners.
inline configuration members_of(const std::set<member_id>& voters,
                                const std::set<member_id>& learners = {}) {
  configuration result;
  result.cluster = {1};
  for (auto id : voters)
    result.members[id] = {.is_learner = false, .peer_urls = {}, .name = "m"};
  for (auto id : learners)
    result.members[id] = {.is_learner = true, .peer_urls = {}, .name = "l"};
  return result;
}

inline configuration joint_of(const std::set<member_id>& incoming,
                              const std::set<member_id>& outgoing) {
  auto result = members_of(incoming);
  result.outgoing = members_of(outgoing).members;
  return result;
}

inline entry configuration_at(std::uint64_t term, std::uint64_t index, const configuration& what) {
  return {.id = at(term, index),
          .kind = entry_kind::configuration,
          .origin = {},
          .payload = encode(what)};
}

/// How a member of three (or of `voters`) stands at the beginning of a test.
struct standing {
  std::uint64_t term = 0;
  std::vector<std::uint64_t> log;
  member_id voted_for;
  std::uint64_t commit_hint = 0;
  std::uint64_t applied = 0;
  std::set<member_id> voters = {us, second, third};
  core_config limits = {};
  member_id id = us;
  std::set<member_id> learners = {};
};

inline replica make_replica(standing from) {
  auto config = from.limits;
  config.id = from.id;
  recovered_state found{.hard = {.term = {from.term},
                                 .voted_for = from.voted_for,
                                 .boot = {1},
                                 .commit = {from.commit_hint}},
                        .before_first = {},
                        .entries = log_of(from.log),
                        .applied = {},
                        .membership = members_of(from.voters, from.learners)};
  if (from.applied > 0)
    found.applied = found.entries.at(from.applied - 1).id;
  return replica{config, found, 42};
}

/// The messages of one type that a step sends to `to`, in order; `durable`: only those that wait
/// for the disk, else only those that do not.
template <class Message>
std::vector<Message> sent(const output& step, member_id to, bool durable) {
  std::vector<Message> result;
  for (const auto& letter : durable ? step.to_send_durable : step.to_send_now)
    if (letter.to == to)
      if (auto* message = std::get_if<Message>(&letter.message))
        result.push_back(*message);
  return result;
}

/// The only vote answer or append answer of a step; it always waits for the disk.
template <class Message>
std::optional<Message> answer(const output& step, member_id to = second) {
  auto all = sent<Message>(step, to, true);
  return all.size() == 1 ? std::optional{all[0]} : std::nullopt;
}

/// What storage answers when the write of `step` is on disk.
inline persisted written(const output& step, const replica& state) {
  return {step.batch, step.to_append.empty() ? state.log().last() : step.to_append.back().id};
}

inline std::vector<entry_id> ids(const std::vector<entry>& entries) {
  std::vector<entry_id> result;
  for (const auto& each : entries)
    result.push_back(each.id);
  return result;
}

} // namespace troupe::raft
