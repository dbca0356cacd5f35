#pragma once

#include "messages/errc.hpp"
#include "storage/mvcc/event.hpp"
#include "storage/mvcc/key_range.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::mvcc {

/// The MVCC store in the simplest way that can be right: the whole key space at every revision.
class store_model {
public:
  using contents = std::map<std::string, key_value>;

  std::int64_t revision() const {
    return static_cast<std::int64_t>(history_.size());
  }

  std::int64_t compacted = -1;

  const contents& at(std::int64_t revision) const {
    return revision == 0 ? history_.front() : history_[static_cast<std::size_t>(revision) - 1];
  }

  std::vector<key_value> visit(const key_range& range, std::int64_t revision) const;

  /// The changes with first <= revision <= last.
  std::vector<event> events(std::int64_t first, std::int64_t last) const;

  // A transaction: begin, then changes; the first one takes the next revision.
  void begin() {
    subs_ = 0;
  }

  void put(const std::string& key, const std::string& value, lease_id lease);
  std::vector<key_value> delete_range(const key_range& range);

private:
  contents& next();

  /// By revision, from 1.
  std::vector<contents> history_{{}};
  std::vector<event> events_;
  std::int64_t subs_ = 0;
};

std::string describe(const key_value& kv);
std::string describe(const event& e);

} // namespace troupe::mvcc
