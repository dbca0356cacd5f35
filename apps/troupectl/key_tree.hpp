#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Keys by their parts between slashes, with counts and sizes per level.
namespace troupe::ctl {

struct key_sums {
  std::int64_t keys = 0;
  std::uint64_t bytes = 0; // of keys and values
};

/// A key, or all keys that start with one path; then its name ends in '/'.
struct key_node {
  std::string name; // relative to the level above
  key_sums sums;
  std::vector<key_node> below; // in the order of the keys
  std::int64_t left_out = 0;   // entries below that are only in `sums`
};

struct tree_shape {
  std::size_t depth = 1;       // levels; at least 1
  std::size_t width = 0;       // entries per level below the first that are kept; 0: all
  std::size_t nodes = 100'000; // entries kept below one entry of the first level, at least 1
};

/// Takes the keys of a prefix in their order and gives each entry of the first level when it is
/// complete: memory holds one of them at a time.
///
/// With the prefix "/a/" and two levels the keys /a/b/c/d, /a/b/e and /a/f become
///   b/ 2 keys (c/ 1 key, e), f
/// and with the prefix "/a" the same below a/: names start behind the last slash of the prefix.
class key_tree {
public:
  key_tree(std::string_view prefix, tree_shape shape, std::function<void(const key_node&)> done);

  /// `key` starts with the prefix and comes behind all before it.
  void add(std::string_view key, std::uint64_t value_bytes);

  /// Behind the last key. Gives the last entry.
  void finish();

  const key_sums& total() const {
    return total_;
  }

private:
  void close(std::size_t levels);
  void open(std::string_view name);

  std::size_t base_; // where names start
  tree_shape shape_;
  std::function<void(const key_node&)> done_;
  std::vector<key_node> path_; // open entries, from the first level on
  std::size_t kept_ = 0;       // entries below path_[0]
  key_sums total_;
};

} // namespace troupe::ctl
