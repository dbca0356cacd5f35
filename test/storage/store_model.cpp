#include "test/storage/store_model.hpp"

namespace troupe::mvcc {

std::vector<key_value> store_model::visit(const key_range& range, std::int64_t revision) const {
  std::vector<key_value> found;
  for (const auto& [key, kv] : at(revision))
    if (range.contains(key))
      found.push_back(kv);
  return found;
}

std::vector<event> store_model::events(std::int64_t first, std::int64_t last) const {
  std::vector<event> found;
  for (const auto& e : events_)
    if (e.at.main >= first && e.at.main <= last)
      found.push_back(e);
  return found;
}

void store_model::put(const std::string& key, const std::string& value, lease_id lease) {
  auto& now = next();
  auto& kv = now[key];
  const auto main = revision();
  kv = {key, value, kv.version == 0 ? main : kv.create_revision, main, kv.version + 1, lease};
  events_.push_back({event::type::put, {main, subs_++}, kv});
}

std::vector<key_value> store_model::delete_range(const key_range& range) {
  const auto gone = visit(range, revision());
  for (const auto& kv : gone) {
    next().erase(kv.key);
    events_.push_back(
      {event::type::deletion, {revision(), subs_++}, {.key = kv.key, .mod_revision = revision()}});
  }
  return gone;
}

store_model::contents& store_model::next() {
  if (subs_ == 0)
    history_.push_back(history_.back());
  return history_.back();
}

std::string describe(const key_value& kv) {
  return kv.key + "=" + kv.value + " c" + std::to_string(kv.create_revision) + " m"
         + std::to_string(kv.mod_revision) + " v" + std::to_string(kv.version) + " l"
         + std::to_string(kv.lease.value);
}

std::string describe(const event& e) {
  return std::to_string(e.at.main) + "." + std::to_string(e.at.sub)
         + (e.kind == event::type::put ? " put " : " delete ") + describe(e.kv);
}

} // namespace troupe::mvcc
