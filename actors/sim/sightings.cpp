#include "actors/sim/sightings.hpp"

#include <algorithm>
#include <set>

namespace troupe::sim {

sightings::sightings(const key_universe& keys, const std::vector<operation>& history)
    : keys_(keys), seen_(keys.size()), compared_(keys.size()), absent_(keys.size()),
      puts_(keys.size()) {
  for (const auto& operation : history)
    if (operation.result)
      read(operation);
  sort();
}

void sightings::read(const operation& by) {
  const auto& result = *by.result;
  const auto& branch = result.succeeded ? by.call.success : by.call.failure;
  bool wrote = has_written(by.call, result);
  // What a call that wrote found was there one revision earlier, unless it wrote it itself.
  auto at = wrote ? result.revision - 1 : result.revision;
  if (by.call.success.size() == 1 && by.call.success.front().revision > 0)
    at = by.call.success.front().revision;
  if (result.succeeded)
    read_compares(by, at);
  for (std::size_t i = 0; i < branch.size(); ++i) {
    read_answer(by, result.answers[i], at);
    if (!wrote)
      read_absence(branch[i], result.answers[i], at);
    else if (branch[i].kind == kv_request::type::delete_range && branch.size() == 1)
      read_absence(branch[i], {}, result.revision);
    if (branch[i].kind == kv_request::type::put)
      puts_[*keys_.find(branch[i].key)].push_back(result.revision);
  }
}

void sightings::read_answer(const operation& by, const kv_answer& answer, std::int64_t at) {
  for (const auto& kv : answer.kvs)
    if (kv.mod_revision <= at)
      see(by, at, kv);
}

/// Keys that are not among the found ones are not there. Only what the order of revisions makes
/// sure to be checked at `at` may stand here: `known_below` rests on it.
void sightings::read_absence(const kv_request& request, const kv_answer& answer, std::int64_t at) {
  bool complete = request.kind == kv_request::type::range ? request.limit == 0 : answer.kvs.empty();
  if (!complete)
    return;
  auto found = answer.kvs.begin();
  auto span = keys_.span(request);
  for (auto key = span.first; key < span.last; ++key)
    if (found != answer.kvs.end() && found->key == keys_.name(key))
      ++found;
    else
      see_nothing(key, at);
}

void sightings::read_compares(const operation& by, std::int64_t at) {
  for (const auto& x : by.call.compares) {
    auto key = keys_.find(x.key);
    bool says_when = x.target == kv_compare::field::mod_revision
                     && x.is == kv_compare::relation::equal && x.number > 0;
    if (key && says_when) {
      auto& upto = compared_[*key][x.number];
      upto = std::max(upto, at);
    }
  }
}

void sightings::see(const operation& by, std::int64_t at, const mvcc::key_value& kv) {
  auto key = *keys_.find(kv.key);
  sighting now{.value = held(kv), .last = at, .by = &by};
  auto [known, is_new] = seen_[key].try_emplace(kv.mod_revision, now);
  if (is_new)
    return;
  if (known->second.value != now.value)
    contradict(known->second, now, key);
  if (known->second.last < at)
    known->second = now;
}

void sightings::see_nothing(key_index key, std::int64_t at) {
  if (absent_[key].empty() || absent_[key].back() != at)
    absent_[key].push_back(at);
}

void sightings::sort() {
  for (key_index key = 0; key < seen_.size(); ++key) {
    std::sort(absent_[key].begin(), absent_[key].end());
    std::sort(puts_[key].begin(), puts_[key].end());
    std::set<std::int64_t> created;
    const sighting* before = nullptr;
    for (const auto& [first, seen] : seen_[key]) {
      written_.emplace(first, key);
      if (created.insert(seen.value.create_revision).second)
        created_.emplace(seen.value.create_revision, key);
      if (before && before->last >= first)
        contradict(*before, seen, key);
      if (!before || before->last < seen.last)
        before = &seen;
    }
  }
}

void sightings::contradict(const sighting& a, const sighting& b, key_index key) {
  if (!contradiction_)
    contradiction_ = "two answers differ about key " + keys_.name(key) + ": one saw mod revision "
                     + std::to_string(a.first()) + " at revision " + std::to_string(a.last)
                     + ", the other mod revision " + std::to_string(b.first()) + " at revision "
                     + std::to_string(b.last) + "\n  " + describe(*a.by) + "\n  " + describe(*b.by);
}

std::vector<std::pair<key_index, const sighting*>>
sightings::written_at(std::int64_t revision) const {
  std::vector<std::pair<key_index, const sighting*>> result;
  auto [first, last] = written_.equal_range(revision);
  for (; first != last; ++first)
    result.emplace_back(first->second, &seen_[first->second].at(revision));
  return result;
}

std::vector<key_index> sightings::created_at(std::int64_t revision) const {
  std::vector<key_index> result;
  auto [first, last] = created_.equal_range(revision);
  for (; first != last; ++first)
    result.push_back(first->second);
  return result;
}

bool sightings::excludes(key_index key, std::int64_t revision) const {
  auto after = seen_[key].lower_bound(revision);
  if (after != seen_[key].begin() && std::prev(after)->second.last >= revision)
    return true;
  auto compared = compared_[key].lower_bound(revision);
  return compared != compared_[key].begin() && std::prev(compared)->second >= revision;
}

bool sightings::alive(key_index key, std::int64_t revision) const {
  // The last of a life says most; lives do not overlap.
  const auto& seen = seen_[key];
  auto after = seen.lower_bound(revision);
  if (after != seen.end() && after->second.value.create_revision < revision)
    return true;
  return excludes(key, revision);
}

bool sightings::all_puts_known(key_index key, std::int64_t revision) const {
  const auto& seen = seen_[key];
  auto after = seen.lower_bound(revision);
  if (after == seen.end() || after->second.value.create_revision > revision)
    return false;
  const auto& [upto, last] = *after;
  std::int64_t from = last.value.create_revision - 1;
  std::int64_t versions = last.value.version;
  if (after != seen.begin()) {
    const auto& [first, before] = *std::prev(after);
    if (before.value.create_revision == last.value.create_revision) {
      from = first;
      versions -= before.value.version;
    }
  }
  return versions == answered_puts(key, from, upto);
}

const sighting* sightings::next(key_index key, std::int64_t revision) const {
  auto after = seen_[key].upper_bound(revision);
  return after == seen_[key].end() ? nullptr : &after->second;
}

std::int64_t sightings::known_below(key_index key, std::int64_t revision) const {
  std::int64_t known = 1;
  if (auto at = seen_[key].lower_bound(revision); at != seen_[key].begin())
    known = std::max(known, std::prev(at)->first);
  const auto& absent = absent_[key];
  if (auto at = std::lower_bound(absent.begin(), absent.end(), revision); at != absent.begin())
    known = std::max(known, *std::prev(at));
  return known;
}

std::int64_t sightings::answered_puts(key_index key, std::int64_t after, std::int64_t upto) const {
  const auto& puts = puts_[key];
  return std::upper_bound(puts.begin(), puts.end(), upto)
         - std::upper_bound(puts.begin(), puts.end(), after);
}

} // namespace troupe::sim
