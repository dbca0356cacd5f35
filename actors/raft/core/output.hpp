#pragma once

#include "actors/raft/core/replica.hpp"
#include "messages/raft.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

namespace troupe::raft {

using peer_message =
  std::variant<request_vote, request_vote_reply, append, append_reply, timeout_now, forward_propose,
               forward_refused, forward_read, forward_read_reply>;

/// One message for another member. May be lost on its way; Raft repeats.
struct envelope {
  member_id to;
  peer_message message;
};

/// A role has ended; the next one starts from `state`.
struct role_change {
  raft_role role = raft_role::follower;
  replica state;
  /// The message that caused the change was not dealt with: the next role gets it first.
  bool repeat_message = false;
  /// Of a candidate: the leader asked for this campaign.
  bool transfer = false;
};

/// What a step asks of its host, to be done from top to bottom.
struct output {
  /// A leader's appends and heartbeats, and what else promises nothing about our own disk: what is
  /// forwarded and the answers to it, and asking for pre-votes.
  std::vector<envelope> to_send_now;
  /// Present if term, vote or commit hint changed; one batch with `to_append`, one sync.
  std::optional<hard_state> to_persist;
  std::vector<entry> to_append;
  /// Number of this step's write, or of the last one before it if there is nothing to write.
  std::uint64_t batch = 0;
  /// Votes, vote requests, append answers: once `batch` and every earlier one is on disk; dropped
  /// if the term moves on before.
  std::vector<envelope> to_send_durable;
  /// To the applier, never beyond our own durable index; each entry once, in order.
  std::vector<entry> committed;
  /// To the applier: what was refused before it reached the log.
  std::vector<propose_refused> refused;
  /// To the reader.
  std::vector<read_index_reply> reads;
  /// To who asked for a transfer.
  std::vector<transfer_reply> transfers;
  /// To who sends snapshots.
  std::vector<snapshot_wanted> snapshots;
  /// To who keeps the links to the other members: present if another configuration is in force, or
  /// it became committed.
  std::optional<configuration_changed> configured;
  /// Last: handed to member, which starts the next role.
  std::optional<role_change> next_role;

  /// The newest batch known to be on disk, and the term, after this step: by them the host releases
  /// or drops what waits in `to_send_durable` of this and earlier steps.
  std::uint64_t durable_batch = 0;
  term_t term;
};

/// The world as a role's host reaches it. Nothing here answers or blocks.
class effects {
public:
  virtual ~effects() = default;

  virtual void send(member_id to, peer_message message) = 0;
  virtual void write(persist batch) = 0;
  virtual void commit(std::vector<entry> entries) = 0;
  virtual void refuse(propose_refused refused) = 0;
  virtual void answer(read_index_reply reply) = 0;
  virtual void answer(transfer_reply reply) = 0;
  virtual void want_snapshot(snapshot_wanted wanted) = 0;
  virtual void configure(configuration_changed news) = 0;
  virtual void change_role(role_change change) = 0;
};

/// One message to the applier carries at most this much, unless a single entry is larger: after a
/// restart everything since the last flush is committed at once.
inline constexpr std::size_t committed_message_bytes = 4 << 20;

/// Carries out the steps of one role in the order that DESIGN 5 gives, and keeps what must not
/// leave before it is on disk. What still waits when the role ends is dropped with it: those are
/// messages to peers, and Raft repeats them.
class carrier {
public:
  void carry_out(output step, effects& world);

private:
  struct held {
    std::uint64_t batch;
    term_t term;
    envelope letter;
  };

  static void commit(std::vector<entry> entries, effects& world);
  void release(std::uint64_t durable_batch, term_t term, effects& world);

  /// In the order of their batches.
  std::deque<held> held_;
};

} // namespace troupe::raft
