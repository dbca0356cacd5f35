#include "actors/sim/kv_model.hpp"

#include "storage/mvcc/key_range.hpp"

#include <algorithm>

namespace troupe::sim {

namespace {

using request_type = kv_request::type;

const std::vector<kv_request>& branch_of(const kv_call& call, bool succeeded) {
  return succeeded ? call.success : call.failure;
}

template <class T>
bool stands(kv_compare::relation is, const T& stored, const T& given) {
  switch (is) {
  case kv_compare::relation::equal:
    return stored == given;
  case kv_compare::relation::not_equal:
    return stored != given;
  case kv_compare::relation::greater:
    return stored > given;
  case kv_compare::relation::less:
    return stored < given;
  }
  return false;
}

bool holds_for(const kv_compare& x, const held_value& held) {
  switch (x.target) {
  case kv_compare::field::version:
    return stands(x.is, held.version, x.number);
  case kv_compare::field::create_revision:
    return stands(x.is, held.create_revision, x.number);
  case kv_compare::field::mod_revision:
    return stands(x.is, held.mod_revision, x.number);
  case kv_compare::field::lease:
    return stands(x.is, held.lease.value, x.number);
  case kv_compare::field::value: // of a missing key: false, whatever the relation
    return held.exists() && stands(x.is, held.value, std::string_view{x.value});
  }
  return false;
}

std::string shown(const std::string& key, const held_value& x) {
  if (!x.exists())
    return "no key " + key;
  return key + "=\"" + std::string{x.value} + "\" (mod " + std::to_string(x.mod_revision)
         + ", create " + std::to_string(x.create_revision) + ", version "
         + std::to_string(x.version)
         + (x.lease.value != 0 ? ", lease " + std::to_string(x.lease.value) : std::string{}) + ")";
}

} // namespace

key_universe::key_universe(const std::vector<operation>& history) {
  for (const auto& operation : history)
    for (const auto* branch : {&operation.call.success, &operation.call.failure})
      for (const auto& request : *branch)
        if (request.kind == request_type::put)
          keys_.push_back(request.key);
  std::sort(keys_.begin(), keys_.end());
  keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
}

key_index key_universe::lower_bound(std::string_view key) const {
  return static_cast<key_index>(std::lower_bound(keys_.begin(), keys_.end(), key) - keys_.begin());
}

std::optional<key_index> key_universe::find(std::string_view key) const {
  auto at = lower_bound(key);
  if (at == keys_.size() || keys_[at] != key)
    return std::nullopt;
  return at;
}

key_span key_universe::span(const kv_request& request) const {
  auto range = mvcc::key_range::of(request.key, request.range_end);
  auto first = lower_bound(range.begin);
  auto last = range.end ? lower_bound(*range.end) : static_cast<key_index>(keys_.size());
  return {first, std::max(first, last)};
}

held_value held(const mvcc::key_value& kv) {
  return {kv.create_revision, kv.mod_revision, kv.version, kv.lease, kv.value};
}

kv_model::kv_model(const key_universe& keys) : keys_(keys), state_(keys.size()) {}

bool kv_model::holds(const std::vector<kv_compare>& compares) const {
  return std::all_of(compares.begin(), compares.end(), [&](const auto& x) {
    auto key = keys_.find(x.key);
    return holds_for(x, key ? state_[*key] : held_value{});
  });
}

std::size_t kv_model::execute(const std::vector<kv_request>& branch, std::int64_t revision) {
  std::size_t changed = 0;
  for (const auto& request : branch) {
    if (request.kind == request_type::put) {
      put(request, revision);
      ++changed;
    } else if (request.kind == request_type::delete_range) {
      changed += erase(keys_.span(request));
    }
  }
  return changed;
}

std::optional<mismatch> kv_model::replay(const kv_call& call, const kv_result& result) {
  if (auto wrong = check_branch(call, result.succeeded))
    return wrong;
  const auto& branch = branch_of(call, result.succeeded);
  for (std::size_t i = 0; i < branch.size(); ++i) {
    if (auto wrong = check_answer(branch[i], result.answers[i]))
      return wrong;
    if (branch[i].kind == request_type::put)
      put(branch[i], result.revision);
    else if (branch[i].kind == request_type::delete_range)
      erase(keys_.span(branch[i]));
  }
  return std::nullopt;
}

std::optional<mismatch> kv_model::look(const kv_call& call, const kv_result& result) const {
  if (auto wrong = check_branch(call, result.succeeded))
    return wrong;
  const auto& branch = branch_of(call, result.succeeded);
  for (std::size_t i = 0; i < branch.size(); ++i)
    if (auto wrong = check_answer(branch[i], result.answers[i]))
      return wrong;
  return std::nullopt;
}

std::size_t kv_model::end_lease(lease_id lease, const std::vector<key_index>& attachable) {
  std::size_t ended = 0;
  for (auto key : attachable)
    if (state_[key].exists() && state_[key].lease == lease) {
      set(key, {});
      ++ended;
    }
  return ended;
}

void kv_model::roll_back(std::size_t mark) {
  for (; undo_.size() > mark; undo_.pop_back())
    state_[undo_.back().key] = undo_.back().before;
}

void kv_model::set(key_index key, const held_value& value) {
  undo_.push_back({key, state_[key]});
  state_[key] = value;
}

void kv_model::put(const kv_request& request, std::int64_t revision) {
  auto key = *keys_.find(request.key);
  const auto& old = state_[key];
  set(key, {.create_revision = old.exists() ? old.create_revision : revision,
            .mod_revision = revision,
            .version = old.version + 1,
            .lease = request.lease,
            .value = request.value});
}

std::size_t kv_model::erase(key_span span) {
  std::size_t erased = 0;
  for (auto key = span.first; key < span.last; ++key)
    if (state_[key].exists()) {
      set(key, {});
      ++erased;
    }
  return erased;
}

std::optional<mismatch> kv_model::check_branch(const kv_call& call, bool succeeded) const {
  if (holds(call.compares) == succeeded)
    return std::nullopt;
  mismatch wrong{{}, succeeded ? "its conditions do not hold:" : "its conditions hold:"};
  for (const auto& x : call.compares) {
    auto key = keys_.find(x.key);
    wrong.what += " there is " + (key ? shown(*key) : "no key " + x.key);
    if (key)
      wrong.keys.push_back(*key);
  }
  return wrong;
}

std::optional<mismatch> kv_model::check_answer(const kv_request& request,
                                               const kv_answer& answer) const {
  return request.kind == request_type::range ? check_range(request, answer)
                                             : check_previous(request, answer);
}

std::optional<mismatch> kv_model::check_range(const kv_request& request,
                                              const kv_answer& answer) const {
  auto span = keys_.span(request);
  auto limit = request.limit > 0 ? static_cast<std::size_t>(request.limit) : span.last;
  std::size_t shown_keys = 0;
  std::int64_t count = 0;
  for (auto key = span.first; key < span.last; ++key) {
    if (!state_[key].exists())
      continue;
    ++count;
    if (shown_keys == limit)
      continue;
    if (shown_keys == answer.kvs.size() || answer.kvs[shown_keys].key > keys_.name(key))
      return missing(key);
    if (auto wrong = check_kv(key, answer.kvs[shown_keys]))
      return wrong;
    ++shown_keys;
  }
  if (shown_keys < answer.kvs.size()) {
    auto key = keys_.find(answer.kvs[shown_keys].key); // known: answers are judged one by one first
    return mismatch{{*key},
                    "it shows " + answer.kvs[shown_keys].key + ", but there is " + shown(*key)};
  }
  if (count != answer.count) {
    mismatch wrong{{},
                   "it counts " + std::to_string(answer.count) + " keys, but there are "
                     + std::to_string(count)};
    for (auto key = span.first; key < span.last; ++key)
      wrong.keys.push_back(key);
    return wrong;
  }
  return std::nullopt;
}

std::optional<mismatch> kv_model::check_previous(const kv_request& request,
                                                 const kv_answer& answer) const {
  auto span = keys_.span(request);
  std::int64_t count = 0;
  for (auto key = span.first; key < span.last; ++key)
    count += state_[key].exists() ? 1 : 0;
  bool deletes = request.kind == request_type::delete_range;
  if (deletes && count != answer.count) {
    mismatch wrong{{},
                   "it deleted " + std::to_string(answer.count) + " keys, but there were "
                     + std::to_string(count)};
    for (auto key = span.first; key < span.last; ++key)
      wrong.keys.push_back(key);
    return wrong;
  }
  if (!request.prev_kv)
    return std::nullopt;
  kv_request whole{.key = request.key, .range_end = request.range_end};
  return check_range(whole, {.count = count, .kvs = answer.kvs});
}

std::optional<mismatch> kv_model::check_kv(key_index key, const mvcc::key_value& seen) const {
  if (seen.key == keys_.name(key) && held(seen) == state_[key])
    return std::nullopt;
  mismatch wrong{{key},
                 "it shows " + sim::shown(seen.key, held(seen)) + ", but there is " + shown(key)};
  if (auto other = keys_.find(seen.key); other && *other != key)
    wrong.keys.push_back(*other);
  return wrong;
}

mismatch kv_model::missing(key_index key) const {
  return {{key}, "it lacks " + shown(key)};
}

std::string kv_model::shown(key_index key) const {
  return sim::shown(keys_.name(key), state_[key]);
}

bool has_written(const kv_call& call, const kv_result& result) {
  const auto& branch = branch_of(call, result.succeeded);
  for (std::size_t i = 0; i < branch.size(); ++i)
    if (branch[i].kind == request_type::put
        || (branch[i].kind == request_type::delete_range && result.answers[i].count > 0))
      return true;
  return false;
}

} // namespace troupe::sim
