#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// What a node and the programs that watch it as remote actors say to each other. Every type here
/// crosses processes: one that has to change gets a successor beside it for one release (DESIGN 5).
namespace troupe {

/// As mvccpb.KeyValue.
struct key_value_v1 {
  std::string key;
  std::string value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  /// 0: none.
  std::int64_t lease = 0;

  friend bool operator==(const key_value_v1&, const key_value_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, key_value_v1& x) {
  return f(x.key, x.value, x.create_revision, x.mod_revision, x.version, x.lease);
}

/// One change of one key.
struct event_v1 {
  bool deleted = false;
  /// Of a deletion only key and mod_revision.
  key_value_v1 kv;
  /// The key as it was before, if that was asked for, there was something, and compaction has left
  /// it.
  bool has_previous = false;
  key_value_v1 previous;

  friend bool operator==(const event_v1&, const event_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, event_v1& x) {
  return f(x.deleted, x.kv, x.has_previous, x.previous);
}

/// To the node: its sender wants to hear of these changes. One sender has one subscription; a
/// second one while the first lasts ends that one as malformed.
struct subscribe_v1 {
  /// By etcd's addressing: `range_end` empty: just `key`; one zero byte: every key from `key` on;
  /// else [key, range_end). At most 64 KiB together.
  std::string key;
  std::string range_end;
  bool puts = true;
  bool deletions = true;
  /// Events come with the key as it was before.
  bool previous = false;
  /// In the past or in the future; 0: from now on.
  std::int64_t start_revision = 0;

  friend bool operator==(const subscribe_v1&, const subscribe_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, subscribe_v1& x) {
  return f(x.key, x.range_end, x.puts, x.deletions, x.previous, x.start_revision);
}

/// From the node, before any changes: everything above `revision` comes as it happens.
struct started_v1 {
  /// The revision of the store.
  std::int64_t revision = 0;

  friend bool operator==(const started_v1&, const started_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, started_v1& x) {
  return f(x.revision);
}

/// From the node: events, each once and in order. Whole transactions, except one that is too large
/// for a message: it comes in several, and only the last of them has an `upto` that reaches it.
struct changes_v1 {
  /// 1, 2, 3...; to be acknowledged.
  std::uint64_t number = 0;
  /// This and what came before are all events up to here. Who loses the node goes on from upto + 1
  /// elsewhere or later, without a gap; of a transaction cut in two it gets the beginning again.
  std::int64_t upto = 0;
  /// At least one.
  std::vector<event_v1> events;

  friend bool operator==(const changes_v1&, const changes_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, changes_v1& x) {
  return f(x.number, x.upto, x.events);
}

/// Numbers on the wire: never renumbered.
enum class loss : std::uint8_t {
  /// Changes were compacted before they could be sent.
  compacted = 1,
  /// The node has as many subscriptions as it takes.
  too_many = 2,
  /// The subscription could not be understood.
  malformed = 3,
  /// The node could not go on with it.
  failed = 4,
  /// The node has ended or cannot be reached.
  disconnected = 5,
};

/// From the node: the subscription is over, or never began.
struct lost_v1 {
  loss reason = loss::failed;
  /// For compacted: the lowest revision that can be subscribed to.
  std::int64_t floor = 0;

  friend bool operator==(const lost_v1&, const lost_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lost_v1& x) {
  return f(x.reason, x.floor);
}

/// To the node: its sender has dealt with the changes up to this number, and has room for as much
/// again.
struct credit_v1 {
  std::uint64_t number = 0;

  friend bool operator==(const credit_v1&, const credit_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, credit_v1& x) {
  return f(x.number);
}

/// To the node: its sender wants to hear no more. What is under way still comes.
struct unsubscribe_v1 {
  friend bool operator==(const unsubscribe_v1&, const unsubscribe_v1&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, unsubscribe_v1&) {
  return f();
}

} // namespace troupe
