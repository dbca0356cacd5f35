#pragma once

#include "messages/ids.hpp"
#include "storage/mvcc/source.hpp"

#include <cstdint>
#include <iosfwd>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe::sim {

/// Nanoseconds on the one clock of those who recorded the history; never a node's.
using history_time = std::int64_t;

/// When an operation without an answer returned: it may take effect at any time, or never.
inline constexpr history_time open_end = std::numeric_limits<history_time>::max();

/// One read or write, alone or in a branch of a txn. What a kind has no use for is empty.
struct kv_request {
  enum class type : std::uint8_t { range, put, delete_range };

  type kind = type::range;
  std::string key;
  /// By etcd's addressing, see mvcc::key_range::of; always empty for a put.
  std::string range_end;
  std::string value;
  lease_id lease;
  /// Of a range outside a txn: read at this revision; 0 = the latest.
  std::int64_t revision = 0;
  /// Of a range: at most so many keys come back; 0 = all.
  std::int64_t limit = 0;
  /// Of a write: the answer holds what was there before.
  bool prev_kv = false;
};

/// One condition of a txn on one key: `target` stands in `relation` to `number` or `value`.
struct kv_compare {
  enum class field : std::uint8_t { version, create_revision, mod_revision, value, lease };
  enum class relation : std::uint8_t { equal, not_equal, greater, less };

  std::string key;
  field target = field::version;
  relation is = relation::equal;
  /// For every target but `value`.
  std::int64_t number = 0;
  std::string value;
};

/// A client's call. One that is no txn is a `success` of one request, without conditions.
struct kv_call {
  std::vector<kv_compare> compares;
  std::vector<kv_request> success;
  std::vector<kv_request> failure;
  /// Answered by one member from what it has: may be old.
  bool serializable = false;
};

/// What one request got.
struct kv_answer {
  /// Keys in the range (limit or not), or keys deleted; 0 for a put.
  std::int64_t count = 0;
  /// What a range found, ascending; or what a write with `prev_kv` found before.
  std::vector<mvcc::key_value> kvs;
};

struct kv_result {
  /// Of the answer's header.
  std::int64_t revision = 0;
  /// Which branch of the call ran.
  bool succeeded = true;
  /// One for each request of that branch.
  std::vector<kv_answer> answers;
};

/// One call of one client, from the outside.
struct operation {
  std::string client;
  /// Who answered, or should have. A member whose reads may fall back when it restarts gets a new
  /// name with each start.
  std::string member;
  history_time invoked = 0;
  history_time returned = open_end;
  kv_call call;
  /// Absent: nobody knows whether the call was executed. A call that certainly was not is no part
  /// of a history.
  std::optional<kv_result> result;
};

/// One step in the life of a lease, from the outside.
struct lease_operation {
  enum class type : std::uint8_t {
    grant,
    keep_alive,
    time_to_live,
    revoke,
    gone, ///< it was seen at `returned` that a key is gone which only this lease can have deleted
  };

  std::string client;
  history_time invoked = 0;
  history_time returned = open_end;
  type kind = type::grant;
  lease_id lease;
  /// Of the answer, in seconds; absent if there was none. A grant: what was granted. A keep-alive:
  /// the full TTL again, or 0: there is no such lease. Time-to-live: what is left, or -1: there is
  /// no such lease. A revoke and `gone`: 0.
  std::optional<std::int64_t> ttl_seconds;
};

struct history {
  std::vector<operation> operations;
  std::vector<lease_operation> leases;
};

/// A line that is no operation; the text names it by its number.
class history_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Reads one JSON object per line:
///
///     {"client":"c1","member":"m2","invoke":10,"return":25,"put":{"key":"a","value":"1"},
///      "result":{"revision":2}}
///     {"client":"c2","member":"m1","invoke":30,"return":40,"serializable":true,
///      "range":{"key":"a","range_end":"b","limit":5,"revision":2},
///      "result":{"revision":2,"answers":[{"count":1,"kvs":[{"key":"a","value":"1",
///      "create_revision":2,"mod_revision":2,"version":1,"lease":0}]}]}}
///     {"client":"c1","invoke":50,"txn":{
///      "compare":[{"key":"a","target":"mod_revision","is":"=","to":2}],
///      "success":[{"put":{"key":"a","value":"2","lease":7,"prev_kv":true}}],
///      "failure":[{"delete":{"key":"a"}}]}}
///     {"client":"c3","invoke":5,"return":6,"grant":{"lease":7},"ttl":10}
///
/// (each on one line; the third has no answer). What is absent is empty, 0 or false; `answers` may
/// be absent where each of them is empty. Leases: "grant", "keep_alive", "time_to_live", "revoke"
/// and "gone". Keys and values are bytes: one from 80 to FF is written as the character of that
/// number. @throws history_error
history read_history(std::istream& lines);

/// The same form, with the newline.
void write_line(std::ostream& out, const operation& x);
void write_line(std::ostream& out, const lease_operation& x);

/// For people: who, when, what and the answer, on one line; long values are cut.
std::string describe(const operation& x);
std::string describe(const lease_operation& x);

} // namespace troupe::sim
