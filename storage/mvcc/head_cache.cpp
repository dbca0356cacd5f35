#include "storage/mvcc/head_cache.hpp"

namespace troupe::mvcc {

head_cache::head_cache(std::size_t budget_bytes) : budget_(budget_bytes) {}

head_cache::answer head_cache::find(std::string_view key, key_head& head) {
  const auto found = entries_.get<0>().find(key);
  if (found == entries_.get<0>().end())
    return answer::unknown;
  auto& order = entries_.get<1>();
  order.relocate(order.begin(), entries_.project<1>(found));
  if (!found->head)
    return answer::absent;
  head = *found->head;
  return answer::present;
}

void head_cache::store(std::string_view key, const std::optional<key_head>& head) {
  auto& order = entries_.get<1>();
  if (const auto found = entries_.get<0>().find(key); found != entries_.get<0>().end()) {
    found->head = head;
    order.relocate(order.begin(), entries_.project<1>(found));
    return;
  }
  if (key.size() > budget_ / 8)
    return;
  order.push_front(entry{std::string{key}, head});
  bytes_ += cost(order.front());
  while (bytes_ > budget_) {
    bytes_ -= cost(order.back());
    order.pop_back();
  }
}

/// With the node's links and its share of the hash table.
std::size_t head_cache::cost(const entry& e) {
  return sizeof e + 6 * sizeof(void*) + (e.key.capacity() > 15 ? e.key.capacity() + 1 : 0);
}

} // namespace troupe::mvcc
