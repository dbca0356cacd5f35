#pragma once

#include "storage/mvcc/record.hpp"

#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/member.hpp>
#include <boost/multi_index/sequenced_index.hpp>
#include <boost/multi_index_container.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::mvcc {

/// What the store knows by heart of the keys used last: their heads, or that they do not exist. The
/// writer's own; it holds what the open batch has made of a key.
class head_cache {
public:
  /// Keys longer than an eighth of the budget are not kept.
  explicit head_cache(std::size_t budget_bytes);

  enum class answer { unknown, absent, present };

  answer find(std::string_view key, key_head& head);

  /// No head: the key does not exist.
  void store(std::string_view key, const std::optional<key_head>& head);

  std::size_t bytes() const {
    return bytes_;
  }

private:
  struct entry {
    std::string key;
    /// Part of no index.
    mutable std::optional<key_head> head;
  };

  struct hash {
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
  };

  struct equal {
    bool operator()(std::string_view a, std::string_view b) const {
      return a == b;
    }
  };

  using container = boost::multi_index_container<
    entry, boost::multi_index::indexed_by<
             boost::multi_index::hashed_unique<
               boost::multi_index::member<entry, std::string, &entry::key>, hash, equal>,
             boost::multi_index::sequenced<>>>;

  static std::size_t cost(const entry& e);

  const std::size_t budget_;
  std::size_t bytes_ = 0;
  /// The sequence begins with the key used last.
  container entries_;
};

} // namespace troupe::mvcc
