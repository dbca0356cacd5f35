#pragma once

#include "storage/mvcc/record.hpp"

#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/member.hpp>
#include <boost/multi_index/sequenced_index.hpp>
#include <boost/multi_index_container.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::mvcc {

/// What the store knows by heart of the keys used last: their heads, or that they do not exist. The
/// writer's own; it holds what the open batch has made of a key.
class head_cache {
public:
  enum class known : std::uint8_t { no, absent, present };

  struct slot {
    known is = known::no;
    /// If present; and hash_of what the key is.
    key_head head;
    std::uint64_t hash = 0;
  };

  /// Keys longer than an eighth of the budget are not kept.
  explicit head_cache(std::size_t budget_bytes);

  /// The key's slot, to read and to write until the next call; new if nothing is known.
  slot& at(std::string_view key);

  std::size_t bytes() const {
    return bytes_;
  }

private:
  struct entry {
    std::string key;
    /// Part of no index.
    mutable slot what;
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
  /// For keys that are not kept.
  slot not_kept_;
};

} // namespace troupe::mvcc
