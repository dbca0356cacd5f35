#pragma once

#include "actors/sim/history.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace troupe::sim {

/// The store as etcd's documents tell it, as plain as can be: the second opinion beside the
/// checker's own model.
class plain_store {
public:
  using contents = std::map<std::string, mvcc::key_value>;

  kv_result execute(const kv_call& call);
  /// Deletes the keys of `lease`.
  void end_lease(lease_id lease);

  std::int64_t revision() const {
    return revision_;
  }

  const contents& keys() const {
    return keys_;
  }

private:
  bool holds(const kv_compare& x) const;
  kv_answer range(const kv_request& x) const;
  kv_answer answer(const kv_request& x, std::int64_t next, bool& changed);

  contents keys_;
  std::int64_t revision_ = 1;
};

// One operation, from the clients' point of view; `at` are the times of invocation and return.
using interval = std::pair<history_time, history_time>;

kv_call put_call(const std::string& key, const std::string& value);
kv_call delete_call(const std::string& key, const std::string& range_end = "");
kv_call range_call(const std::string& key, const std::string& range_end = "");
/// Puts `value` if the mod revision of `key` is `mod`, else reads it.
kv_call swap_call(const std::string& key, std::int64_t mod, const std::string& value);

operation answered(interval at, kv_call call, kv_result result);
operation open(history_time invoked, kv_call call);
operation put(interval at, const std::string& key, const std::string& value, std::int64_t revision);
/// `found` may be nothing.
operation get(interval at, const std::string& key, std::int64_t revision,
              std::optional<mvcc::key_value> found);
mvcc::key_value kv(const std::string& key, const std::string& value, std::int64_t create,
                   std::int64_t mod, std::int64_t version);

struct workload {
  std::size_t operations = 100;
  std::size_t keys = 5;
  /// How many different ones are put.
  std::int64_t values = 1'000'000;
  /// Of a thousand calls, so many get no answer; of these half are never executed.
  unsigned open_permille = 5;
  /// Of a thousand steps, so many end a lease.
  unsigned lease_ends_permille = 0;
  /// Each call takes effect this long after the one before; its ends lie up to `width` away.
  history_time step = 10;
  history_time width = 60;
};

/// A history that is right: calls of many clients against a `plain_store`. Calls without an answer
/// take effect at their time, much later, or never.
std::vector<operation> random_history(const workload& of, std::uint64_t seed);

/// Whether some order of the operations explains the answers, by trying every one. For a handful of
/// operations, none serializable.
bool is_linearizable_by_force(const std::vector<operation>& history);

} // namespace troupe::sim
