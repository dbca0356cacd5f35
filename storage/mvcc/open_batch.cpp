#include "storage/mvcc/open_batch.hpp"

#include "messages/ensure.hpp"
#include "storage/mvcc/lease_key.hpp"

#include <algorithm>
#include <utility>

namespace troupe::mvcc {

namespace {

using storage::family;

key_head head_of(const key_value& kv) {
  return {kv.create_revision, kv.mod_revision, kv.version, kv.lease};
}

/// What a record of `events` says about a change.
event_record::type record_type(const event& e) {
  if (e.kind == event::type::deletion)
    return event_record::type::deletion;
  return e.kv.create_revision == e.kv.mod_revision && e.kv.version == 1
           ? event_record::type::create
           : event_record::type::update;
}

std::size_t index(family where) {
  return static_cast<std::size_t>(where);
}

} // namespace

open_batch::open_batch(storage::engine& engine, const committed& below, store_state opened,
                       std::size_t head_cache_bytes)
    : engine_(engine), below_(below), state_(opened), committed_revision_(opened.revision),
      heads_(head_cache_bytes), batch_(engine.make_batch()) {}

errc open_batch::get(std::string_view key, std::int64_t at, std::optional<key_value>& found) const {
  found.reset();
  if (const auto* touched = overlay_.find(key)) {
    if (const auto* e = overlay_.as_of(*touched, at)) {
      if (e->kind == event::type::put)
        found = e->kv;
      return errc::none;
    }
  }
  return below_.get(key, std::min(at, committed_revision_), found);
}

errc open_batch::visit(const key_range& range, std::int64_t at,
                       const std::function<bool(const key_value_view&)>& show) const {
  auto touched = overlay_.begin(range);
  const auto end = overlay_.end(range);
  if (touched == end || at <= committed_revision_)
    return below_.visit(range, std::min(at, committed_revision_), show);
  bool more = true;
  const auto show_event = [&](const event* e) {
    if (e && e->kind == event::type::put)
      more = show(e->kv.view());
  };
  const auto result = below_.visit(range, committed_revision_, [&](const key_value_view& kv) {
    for (; more && touched != end && overlay_.key(*touched) < kv.key; ++touched)
      show_event(overlay_.as_of(*touched, at));
    if (!more)
      return false;
    const event* over = nullptr;
    if (touched != end && overlay_.key(*touched) == kv.key)
      over = overlay_.as_of(*touched++, at);
    if (over)
      show_event(over);
    else
      more = show(kv);
    return more;
  });
  for (; result == errc::none && more && touched != end; ++touched)
    show_event(overlay_.as_of(*touched, at));
  return result;
}

errc open_batch::count(const key_range& range, std::int64_t at, std::int64_t& keys) const {
  const auto result = below_.count(range, std::min(at, committed_revision_), keys);
  if (result != errc::none || at <= committed_revision_)
    return result;
  const auto end = overlay_.end(range);
  for (auto touched = overlay_.begin(range); touched != end; ++touched)
    if (const auto* e = overlay_.as_of(*touched, at))
      keys += (e->kind == event::type::put ? 1 : 0) - (touched->existed ? 1 : 0);
  return errc::none;
}

std::int64_t open_batch::next_revision() {
  return ++state_.revision;
}

void open_batch::put(std::string_view key, std::string_view value, lease_id lease,
                     std::int64_t sub) {
  ensure(!key.empty(), "a key is not empty");
  auto& head = this->head(key);
  const bool existed = head.is == head_cache::known::present;
  const auto main = state_.revision;
  move_attachment(key, existed ? head.head.lease : lease_id{}, lease);
  head.is = head_cache::known::present;
  head.head = {existed ? head.head.create_revision : main, main,
               existed ? head.head.version + 1 : 1, lease};
  encode_version(head.head, value, record_);
  batch_->put_version(key, main, record_);
  const auto replaced = existed ? head.hash : 0;
  head.hash = hash_of({key, value, head.head.create_revision, main, head.head.version, lease});
  state_.digest->replace(replaced, head.hash);
  event e{event::type::put,
          {main, sub},
          {std::string{key}, std::string{value}, head.head.create_revision, main, head.head.version,
           lease}};
  if (!existed)
    changes_.push_back({main, 1, e.kv.key});
  add(std::move(e), existed);
}

void open_batch::erase(std::string_view key, std::int64_t sub) {
  const auto main = state_.revision;
  event e{event::type::deletion, {main, sub}, {.key = std::string{key}, .mod_revision = main}};
  batch_->erase_version(key, main);
  auto& head = this->head(key);
  move_attachment(key, head.head.lease, {});
  state_.digest->replace(head.hash, 0);
  head = {head_cache::known::absent, {}, 0};
  changes_.push_back({main, -1, e.kv.key});
  add(std::move(e), true);
}

/// A key has one lease at most; 0: none.
void open_batch::move_attachment(std::string_view key, lease_id from, lease_id to) {
  if (from == to)
    return;
  if (from != lease_id{})
    erase(family::lease, attachment_key(from, key));
  if (to != lease_id{})
    put(family::lease, attachment_key(to, key), {});
}

/// What the key is now.
head_cache::slot& open_batch::head(std::string_view key) {
  auto& slot = heads_.at(key);
  if (slot.is == head_cache::known::no) {
    std::optional<key_value> found;
    ensure(get(key, state_.revision, found) == errc::none, "the newest revision is readable");
    slot.is = found ? head_cache::known::present : head_cache::known::absent;
    if (found) {
      slot.head = head_of(*found);
      slot.hash = hash_of(found->view());
    }
  }
  return slot;
}

/// Records the change in `events` and lays it over the engine.
void open_batch::add(event e, bool existed) {
  const auto at = e.at;
  encode_event({record_type(e), e.kv.key, {}}, record_);
  batch_->put(family::events, event_key{at}.view(), record_);
  const auto earlier = overlay_.add(std::move(e), existed);
  if (earlier != overlay::none && overlay_.at(earlier).at.main == at.main
      && overlay_.at(earlier).kind == event::type::put)
    keep_replaced(overlay_.at(earlier));
}

/// `data` keeps one version per key and revision: what the same revision replaces goes into the
/// record of its event.
void open_batch::keep_replaced(const event& earlier) {
  std::string version;
  encode_version(head_of(earlier.kv), earlier.kv.value, version);
  encode_event({record_type(earlier), earlier.kv.key, version}, record_);
  batch_->put(family::events, event_key{earlier.at}.view(), record_);
}

void open_batch::compact(std::int64_t at) {
  ensure(at > state_.compacted, "the floor rises");
  ensure(at <= state_.revision, "the floor is a revision that was there");
  state_.compacted = at;
  state_.digest->compact(at);
  if (at > 0)
    batch_->erase_range(family::events, event_key{{0, 0}}.view(), event_key{{at, 0}}.view());
}

void open_batch::put(family where, std::string_view key, std::string_view value) {
  batch_->put(where, key, value);
  state_.digest->put(where, key, value);
  plain_[index(where)].insert_or_assign(std::string{key}, std::string{value});
}

void open_batch::erase(family where, std::string_view key) {
  batch_->erase(where, key);
  state_.digest->erase(where, key);
  plain_[index(where)].insert_or_assign(std::string{key}, std::nullopt);
}

bool open_batch::get(family where, std::string_view key, std::string& value) const {
  const auto& over = plain_[index(where)];
  const auto found = over.find(key);
  if (found == over.end())
    return engine_.latest().get(where, key, value);
  if (found->second)
    value = *found->second;
  return found->second.has_value();
}

template <class VisitBelow>
void open_batch::visit_over(const plain_overlay& changes, std::string_view begin,
                            std::optional<std::string_view> end,
                            const storage::read_view::shower& show, const VisitBelow& visit_below) {
  auto over = changes.lower_bound(begin);
  bool more = true;
  const auto in_range = [&] { return over != changes.end() && (!end || over->first < *end); };
  const auto show_over = [&] {
    if (over->second)
      more = show(over->first, *over->second);
    ++over;
  };
  visit_below([&](std::string_view key, std::string_view value) {
    while (more && in_range() && over->first < key)
      show_over();
    if (more && in_range() && over->first == key)
      show_over();
    else if (more)
      more = show(key, value);
    return more;
  });
  while (more && in_range())
    show_over();
}

void open_batch::visit(family where, std::string_view begin, std::optional<std::string_view> end,
                       const storage::read_view::shower& show) const {
  visit_over(plain_[index(where)], begin, end, show, [&](const auto& show_below) {
    engine_.latest().visit(where, begin, end, show_below);
  });
}

class open_batch::walker final : public storage::read_view::walker {
public:
  walker(const plain_overlay& changes, std::unique_ptr<storage::read_view::walker> below)
      : changes_(changes), below_(std::move(below)) {}

  void visit(std::string_view begin, std::string_view end,
             const storage::read_view::shower& show) override {
    visit_over(changes_, begin, end, show,
               [&](const auto& show_below) { below_->visit(begin, end, show_below); });
  }

private:
  const plain_overlay& changes_;
  const std::unique_ptr<storage::read_view::walker> below_;
};

std::unique_ptr<storage::read_view::walker> open_batch::walk(family where) const {
  return std::make_unique<walker>(plain_[index(where)], engine_.latest().walk(where));
}

open_batch::written open_batch::commit(entry_id applied) {
  ensure(applied.index >= state_.applied.index, "the applied index does not go back");
  state_.applied = applied;
  batch_->put(family::meta, state_key, encode_state(state_));
  engine_.write(*batch_);
  batch_->clear();
  committed_revision_ = state_.revision;
  for (auto& over : plain_)
    over.clear();
  return {overlay_.take(), std::exchange(changes_, {})};
}

} // namespace troupe::mvcc
