#include "storage/mvcc/head_cache.hpp"

namespace troupe::mvcc {

head_cache::head_cache(std::size_t budget_bytes) : budget_(budget_bytes) {}

head_cache::slot& head_cache::at(std::string_view key) {
  auto& order = entries_.get<1>();
  if (const auto found = entries_.get<0>().find(key); found != entries_.get<0>().end()) {
    order.relocate(order.begin(), entries_.project<1>(found));
    return found->what;
  }
  if (key.size() > budget_ / 8)
    return not_kept_ = {};
  order.push_front(entry{std::string{key}, {}});
  bytes_ += cost(order.front());
  while (bytes_ > budget_ && order.size() > 1) {
    bytes_ -= cost(order.back());
    order.pop_back();
  }
  return order.front().what;
}

/// With the node's links and its share of the hash table.
std::size_t head_cache::cost(const entry& e) {
  return sizeof e + 6 * sizeof(void*) + (e.key.capacity() > 15 ? e.key.capacity() + 1 : 0);
}

} // namespace troupe::mvcc
