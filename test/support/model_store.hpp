#pragma once

#include "storage/mvcc/store.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test {

/// What the store promises, in the simplest form: every state there ever was, whole.
struct model_state {
  using keys = std::map<std::string, mvcc::key_value, std::less<>>;

  /// Revision -> all keys as of then; the newest is last.
  std::map<std::int64_t, keys> history{{1, {}}};
  std::int64_t compacted = -1;

  std::int64_t revision() const {
    return history.rbegin()->first;
  }

  /// @pre the revision can be read.
  const keys& at(std::int64_t revision) const {
    return std::prev(history.upper_bound(std::max<std::int64_t>(revision, 1)))->second;
  }
};

/// `source` over a state, for a base that may go on to write it.
template <class Base>
class model_reader : public Base {
public:
  explicit model_reader(std::shared_ptr<model_state> state) : state_(std::move(state)) {}

  std::int64_t revision() const override {
    return state_->revision();
  }

  std::int64_t compacted() const override {
    return state_->compacted;
  }

  errc get(std::string_view key, std::int64_t at,
           std::optional<mvcc::key_value>& found) const override {
    found.reset();
    if (auto error = this->check(at); error != errc::none)
      return error;
    const auto& keys = state_->at(at);
    if (auto it = keys.find(key); it != keys.end())
      found = it->second;
    return errc::none;
  }

  errc visit(const mvcc::key_range& range, std::int64_t at,
             const std::function<bool(const mvcc::key_value_view&)>& show) const override {
    if (auto error = this->check(at); error != errc::none)
      return error;
    for (const auto& [key, kv] : state_->at(at)) {
      if (!range.contains(key))
        continue;
      ++visited_;
      if (!show(kv.view()))
        break;
    }
    return errc::none;
  }

  errc count(const mvcc::key_range& range, std::int64_t at, std::int64_t& keys) const override {
    ++counted_;
    if (auto error = this->check(at); error != errc::none)
      return error;
    keys = 0;
    for (const auto& [key, kv] : state_->at(at))
      keys += range.contains(key) ? 1 : 0;
    return errc::none;
  }

  /// Keys shown and counts made so far.
  int visited() const {
    return visited_;
  }

  int counted() const {
    return counted_;
  }

protected:
  std::shared_ptr<model_state> state_;

private:
  mutable int visited_ = 0;
  mutable int counted_ = 0;
};

using model_snapshot = model_reader<mvcc::source>;

class model_txn : public model_reader<mvcc::write_txn> {
public:
  explicit model_txn(std::shared_ptr<model_state> state)
      : model_reader(std::move(state)), main_(revision() + 1) {}

  std::optional<mvcc::key_value> put(std::string_view key, std::string_view value, lease_id lease,
                                     bool want_previous) override {
    auto& kv = latest()[std::string{key}];
    std::optional<mvcc::key_value> previous;
    if (kv.version > 0 && want_previous)
      previous = kv;
    kv.key = key;
    kv.value = value;
    kv.create_revision = kv.version > 0 ? kv.create_revision : main_;
    kv.mod_revision = main_;
    ++kv.version;
    kv.lease = lease;
    return previous;
  }

  std::int64_t delete_range(const mvcc::key_range& range,
                            std::vector<mvcc::key_value>* previous) override {
    std::vector<mvcc::key_value> hit;
    for (const auto& [key, kv] : state_->at(revision())) {
      if (range.contains(key))
        hit.push_back(kv);
    }
    for (const auto& kv : hit)
      latest().erase(kv.key);
    auto deleted = static_cast<std::int64_t>(hit.size());
    if (previous)
      *previous = std::move(hit);
    return deleted;
  }

  bool changed() const override {
    return revision() == main_;
  }

private:
  model_state::keys& latest() {
    if (!changed())
      state_->history.emplace(main_, state_->history.rbegin()->second);
    return state_->history.rbegin()->second;
  }

  const std::int64_t main_;
};

} // namespace troupe::test
