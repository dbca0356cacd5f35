#pragma once

#include "actors/sim/history.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::sim {

/// Place of a key in the sorted list of all keys that a history writes.
using key_index = std::uint32_t;

/// The keys with places in [first, last).
struct key_span {
  key_index first = 0;
  key_index last = 0;

  bool contains(key_index key) const {
    return first <= key && key < last;
  }
};

/// All keys that some put of a history names, in the order of unsigned bytes. Any other key can
/// never exist.
class key_universe {
public:
  explicit key_universe(const std::vector<operation>& history);

  std::size_t size() const {
    return keys_.size();
  }

  const std::string& name(key_index key) const {
    return keys_[key];
  }

  std::optional<key_index> find(std::string_view key) const;
  /// The existing keys that `request` is about.
  key_span span(const kv_request& request) const;

private:
  key_index lower_bound(std::string_view key) const;

  std::vector<std::string> keys_;
};

/// What the store holds under a key; version 0: nothing. `value` lives in the history.
struct held_value {
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  lease_id lease;
  std::string_view value;

  bool exists() const {
    return version > 0;
  }

  friend bool operator==(const held_value&, const held_value&) = default;
};

held_value held(const mvcc::key_value& kv);

/// Where an answer and the model part ways.
struct mismatch {
  /// Whose state would have to be another for the answer to be right.
  std::vector<key_index> keys;
  std::string what;
};

/// etcd's keys at one revision: carried on write by write, and taken back.
class kv_model {
public:
  /// `keys` lives longer.
  explicit kv_model(const key_universe& keys);

  const held_value& at(key_index key) const {
    return state_[key];
  }

  /// Whether the conditions hold now.
  bool holds(const std::vector<kv_compare>& compares) const;

  /// Executes `branch` as of `revision`, the one that its writes make. @returns how many keys it
  /// changed.
  std::size_t execute(const std::vector<kv_request>& branch, std::int64_t revision);

  /// Executes the branch that `result` names, and compares condition and answers.
  /// @returns nothing if all are as they must be.
  std::optional<mismatch> replay(const kv_call& call, const kv_result& result);

  /// Compares what a call that wrote nothing got.
  std::optional<mismatch> look(const kv_call& call, const kv_result& result) const;

  /// Deletes the keys of `lease`. @returns how many there were.
  std::size_t end_lease(lease_id lease, const std::vector<key_index>& attachable);

  /// For `roll_back`: names the state of now until a roll back to an earlier one.
  std::size_t mark() const {
    return undo_.size();
  }

  void roll_back(std::size_t mark);

private:
  struct change {
    key_index key;
    held_value before;
  };

  void set(key_index key, const held_value& value);
  void put(const kv_request& request, std::int64_t revision);
  std::size_t erase(key_span span);
  std::optional<mismatch> check_branch(const kv_call& call, bool succeeded) const;
  std::optional<mismatch> check_answer(const kv_request& request, const kv_answer& answer) const;
  std::optional<mismatch> check_range(const kv_request& request, const kv_answer& answer) const;
  std::optional<mismatch> check_previous(const kv_request& request, const kv_answer& answer) const;
  std::optional<mismatch> check_kv(key_index key, const mvcc::key_value& seen) const;
  mismatch missing(key_index key) const;
  std::string shown(key_index key) const;

  const key_universe& keys_;
  std::vector<held_value> state_;
  std::vector<change> undo_;
};

/// Whether `result` shows that the call changed something and so made the revision it names.
bool has_written(const kv_call& call, const kv_result& result);

} // namespace troupe::sim
