#pragma once

#include "storage/mvcc/event.hpp"
#include "storage/mvcc/key_range.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

namespace troupe::mvcc {

/// The events of the open batch, and what each key they touch looks like because of them.
class overlay {
public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// A key with at least one event in the batch.
  struct touched {
    std::size_t first;
    mutable std::size_t latest;
    /// Before the batch.
    bool existed;
  };

  /// Orders by key; a touched key is named by its first event.
  struct by_key {
    using is_transparent = void;

    const overlay* owner;

    std::string_view key(const touched& t) const {
      return owner->events_[t.first].kv.key;
    }

    bool operator()(const touched& a, const touched& b) const {
      return key(a) < key(b);
    }

    bool operator()(const touched& a, std::string_view b) const {
      return key(a) < b;
    }

    bool operator()(std::string_view a, const touched& b) const {
      return a < key(b);
    }
  };

  using keys = std::set<touched, by_key>;

  overlay() : keys_(by_key{this}) {}

  overlay(const overlay&) = delete;
  overlay& operator=(const overlay&) = delete;

  /// @pre e.at comes after every event before. `existed`: whether the key was there before the
  /// batch; counts if this is its first event.
  /// @returns the key's event before this one, or `none`.
  std::size_t add(event e, bool existed);

  const event& at(std::size_t index) const {
    return events_[index];
  }

  bool empty() const {
    return events_.empty();
  }

  const touched* find(std::string_view key) const;

  /// The key's last event up to the revision; null if all of them are later.
  const event* as_of(const touched& t, std::int64_t revision) const;

  std::string_view key(const touched& t) const {
    return events_[t.first].kv.key;
  }

  /// The touched keys of a range, ascending.
  keys::const_iterator begin(const key_range& range) const;
  keys::const_iterator end(const key_range& range) const;

  /// Ends the batch.
  std::vector<event> take();

private:
  std::vector<event> events_;
  /// For each event the one before of the same key, or `none`.
  std::vector<std::size_t> previous_;
  keys keys_;
};

} // namespace troupe::mvcc
