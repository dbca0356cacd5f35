#include "apps/troupectl/key_tree.hpp"

#include <algorithm>

namespace troupe::ctl {

namespace {

/// The first part of `rest` with its slash; all of it if there is none or `last`.
std::string_view first_part(std::string_view rest) {
  auto slash = rest.find('/');
  return slash == rest.npos ? rest : rest.substr(0, slash + 1);
}

void add_to(key_sums& sums, std::uint64_t bytes) {
  ++sums.keys;
  sums.bytes += bytes;
}

std::size_t entries_of(const key_node& one) {
  std::size_t result = 1;
  for (const auto& each : one.below)
    result += entries_of(each);
  return result;
}

} // namespace

key_tree::key_tree(std::string_view prefix, tree_shape shape,
                   std::function<void(const key_node&)> done)
    : base_(prefix.rfind('/') == prefix.npos ? 0 : prefix.rfind('/') + 1), shape_(shape),
      done_(std::move(done)) {}

void key_tree::add(std::string_view key, std::uint64_t value_bytes) {
  auto bytes = key.size() + value_bytes;
  add_to(total_, bytes);
  auto rest = key.substr(base_);
  // What is left of the key behind the open entries that it is in.
  std::size_t level = 0;
  while (level < path_.size() && path_[level].name.ends_with('/')
         && rest.starts_with(path_[level].name))
    rest.remove_prefix(path_[level++].name.size());
  close(level);
  // A key that is itself the path, "a/", is an entry of its own within a/, without a name.
  while (path_.size() < shape_.depth) {
    auto part = first_part(rest);
    open(part);
    rest.remove_prefix(part.size());
    if (!part.ends_with('/'))
      break;
  }
  for (auto& one : path_)
    add_to(one.sums, bytes);
}

void key_tree::open(std::string_view name) {
  path_.push_back({std::string{name}, {}, {}, 0});
}

/// Ends the open entries from `levels` on, innermost first.
void key_tree::close(std::size_t levels) {
  while (path_.size() > levels) {
    auto done = std::move(path_.back());
    path_.pop_back();
    if (path_.empty()) {
      done_(done);
      kept_ = 0;
      continue;
    }
    auto& above = path_.back();
    bool full = (shape_.width != 0 && above.below.size() >= shape_.width) || kept_ >= shape_.nodes;
    if (full) {
      ++above.left_out;
      kept_ -= entries_of(done) - 1;
    } else {
      above.below.push_back(std::move(done));
      ++kept_;
    }
  }
}

void key_tree::finish() {
  close(0);
}

} // namespace troupe::ctl
