#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string_view>

namespace troupe::service {

/// The keys that some deletes cover: single keys and ranges, joined where they touch, so that a
/// question costs the same however many deletes there were. Holds views of the request it was made
/// from and is valid no longer than that.
class key_cover {
public:
  void add(std::string_view key) {
    keys_.insert(key);
  }

  /// Adds the keys k with begin <= k, and k < *end if there is an end. An empty range adds nothing.
  void add_range(std::string_view begin, std::optional<std::string_view> end);

  /// Takes all of `other`, which is left unspecified. The smaller one moves into the larger.
  void merge(key_cover&& other);

  bool contains(std::string_view key) const;

  /// Whether one of `keys` is covered. Costs the smaller of the two sizes, times a logarithm.
  bool meets(const std::set<std::string_view>& keys) const;

  /// Single keys and joined ranges.
  std::size_t size() const {
    return keys_.size() + ranges_.size();
  }

private:
  bool in_range(std::string_view key) const;

  std::set<std::string_view> keys_;
  /// begin -> end; disjoint and not touching. No end: everything from begin on.
  std::map<std::string_view, std::optional<std::string_view>> ranges_;
};

} // namespace troupe::service
