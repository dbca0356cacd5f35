#include "actors/sim/revision_makers.hpp"

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

namespace troupe::sim {

namespace {

using request_type = kv_request::type;

/// The put of `key` in `branch`; no branch has two.
const kv_request* put_of(const std::vector<kv_request>& branch, const std::string& key) {
  for (const auto& request : branch)
    if (request.kind == request_type::put && request.key == key)
      return &request;
  return nullptr;
}

void sort_unique(std::vector<key_index>& keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
}

} // namespace

revision_makers::revision_makers(const std::vector<operation>& history, const key_universe& keys,
                                 const sightings& seen, const revision_order& order)
    : keys_(keys), seen_(seen), order_(order), compared_closely_(keys.size(), false),
      gap_at_(order.writer.size(), none), gaps_of_(keys.size()), puts_of_(keys.size()) {
  find_makers(history);
  note_seen(history);
  name_shapes();
  find_gaps();
  find_shortage();
  settle_only_makers();
  for (std::size_t gap = 0; gap < gaps_.size(); ++gap)
    index_keys(gap);
}

void revision_makers::find_makers(const std::vector<operation>& history) {
  for (const auto& operation : history) {
    if (operation.result)
      continue;
    auto number = numbers_++;
    add_maker(operation, true, number);
    if (!operation.call.compares.empty())
      add_maker(operation, false, number);
  }
  add_lease_ends(history);
}

void revision_makers::add_maker(const operation& by, bool succeeded, std::size_t number) {
  maker who{.number = number, .by = &by, .succeeded = succeeded, .earliest = by.invoked};
  for (const auto& request : who.branch()) {
    if (request.kind == request_type::range)
      continue;
    auto span = keys_.span(request);
    for (auto key = span.first; key < span.last; ++key)
      who.touched.push_back(key);
  }
  if (who.touched.empty())
    return;
  sort_unique(who.touched);
  makers_.push_back(std::move(who));
}

void revision_makers::note_seen(const std::vector<operation>& history) {
  for (const auto& operation : history) {
    note_compares(operation);
    if (!operation.result)
      continue;
    for (const auto& answer : operation.result->answers)
      for (const auto& kv : answer.kvs)
        seen_values_.emplace(kv.key, kv.value);
  }
}

void revision_makers::name_shapes() {
  std::map<std::string, std::size_t> shapes;
  for (auto& who : makers_)
    who.shape = shapes.try_emplace(shape_of(who), shapes.size()).first->second;
  shapes_ = shapes.size();
}

void revision_makers::note_compares(const operation& by) {
  for (const auto& x : by.call.compares) {
    auto key = keys_.find(x.key);
    if (!key)
      continue;
    bool is_value = x.target == kv_compare::field::value;
    if (is_value)
      seen_values_.emplace(x.key, x.value);
    if (x.target == kv_compare::field::mod_revision)
      compared_revisions_.emplace(*key, x.number);
    if (x.is != kv_compare::relation::equal
        && (is_value || x.target == kv_compare::field::mod_revision))
      compared_closely_[*key] = true;
  }
}

/// The line of a history for the call, without what has no effect.
std::string revision_makers::shape_of(const maker& who) const {
  if (!who.by)
    return "lease " + std::to_string(who.lease.value);
  operation bare{.call = who.by->call};
  for (auto* branch : {&bare.call.success, &bare.call.failure})
    for (auto& request : *branch) {
      if (request.kind == request_type::put && !compared_closely_[*keys_.find(request.key)]
          && !seen_values_.contains({request.key, request.value}))
        request.value.clear();
      request.prev_kv = false;
    }
  std::ostringstream shape;
  write_line(shape, bare);
  return shape.str();
}

void revision_makers::add_lease_ends(const std::vector<operation>& history) {
  std::map<std::int64_t, maker> ends;
  for (const auto& operation : history)
    for (const auto* branch : {&operation.call.success, &operation.call.failure})
      for (const auto& request : *branch) {
        if (request.lease.value == 0)
          continue;
        auto [end, is_new] = ends.try_emplace(
          request.lease.value, maker{.lease = request.lease, .earliest = operation.invoked});
        end->second.earliest = std::min(end->second.earliest, operation.invoked);
        end->second.touched.push_back(*keys_.find(request.key));
      }
  for (auto& [id, end] : ends) {
    end.number = numbers_++;
    sort_unique(end.touched);
    makers_.push_back(std::move(end));
  }
}

void revision_makers::find_gaps() {
  for (std::int64_t revision = 2; revision <= order_.last(); ++revision) {
    if (order_.writer[revision])
      continue;
    gap_at_[revision] = gaps_.size();
    gap found{.revision = revision};
    auto written = seen_.written_at(revision);
    auto created = seen_.created_at(revision);
    for (const auto& who : makers_)
      if (can_make(who, revision, written, created))
        found.makers.push_back(&who);
    gaps_.push_back(std::move(found));
  }
}

/// Who alone can have made a gap has made no other.
void revision_makers::settle_only_makers() {
  std::vector<bool> settled(numbers_, false);
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& only : gaps_) {
      if (only.makers.size() != 1 || settled[only.makers.front()->number])
        continue;
      auto number = only.makers.front()->number;
      settled[number] = changed = true;
      for (auto& other : gaps_)
        if (&other != &only)
          std::erase_if(other.makers, [&](const auto* who) { return who->number == number; });
    }
  }
}

void revision_makers::index_keys(std::size_t number) {
  auto& at = gaps_[number];
  auto add = [&](std::vector<std::size_t>& gaps) {
    if (gaps.empty() || gaps.back() != number)
      gaps.push_back(number);
  };
  for (const auto* who : at.makers) {
    for (auto key : who->touched)
      add(gaps_of_[key]);
    if (!who->by)
      continue;
    for (const auto& request : who->branch())
      if (request.kind == request_type::put) {
        at.puttable.push_back(*keys_.find(request.key));
        add(puts_of_[at.puttable.back()]);
      }
  }
  sort_unique(at.puttable);
}

/// Whether `who` may have made `revision`, whatever else happened.
bool revision_makers::can_make(const maker& who, std::int64_t revision, const written_keys& written,
                               const std::vector<key_index>& created) const {
  if (who.earliest > order_.latest[revision])
    return false;
  if (!who.by)
    return created.empty() && written.empty();
  const auto& branch = who.branch();
  for (auto key : created)
    if (!put_of(branch, keys_.name(key)))
      return false;
  for (const auto& [key, seen] : written) {
    const auto* put = put_of(branch, keys_.name(key));
    if (!put || put->value != seen->value.value || put->lease != seen->value.lease)
      return false;
  }
  return std::all_of(branch.begin(), branch.end(),
                     [&](const auto& request) { return fits(request, revision); });
}

/// Whether answers leave room for `request` at `revision`.
bool revision_makers::fits(const kv_request& request, std::int64_t revision) const {
  if (request.kind == request_type::put) {
    auto key = *keys_.find(request.key);
    return !seen_.excludes(key, revision) && !seen_.all_puts_known(key, revision);
  }
  if (request.kind == request_type::range)
    return true;
  auto span = keys_.span(request);
  for (auto key = span.first; key < span.last; ++key)
    if (seen_.alive(key, revision))
      return false;
  return true;
}

/// Looks for a gap that cannot have a maker of its own (Kuhn's matching): a search would take the
/// product of all choices to find out.
void revision_makers::find_shortage() {
  std::vector<std::size_t> taken(numbers_, none);
  for (std::size_t gap = 0; gap < gaps_.size(); ++gap) {
    std::vector<bool> tried(numbers_, false);
    if (match(gap, tried, taken))
      continue;
    std::string rivals;
    for (std::size_t other = 0; other < taken.size(); ++other)
      if (tried[other])
        rivals += (rivals.empty() ? "" : ", ") + std::to_string(gaps_[taken[other]].revision);
    shortage_.emplace(gap, rivals.empty()
                             ? "no operation can have made it"
                             : "who can have made it made one of the revisions " + rivals);
    return;
  }
}

bool revision_makers::match(std::size_t gap, std::vector<bool>& tried,
                            std::vector<std::size_t>& taken) const {
  for (const auto* who : gaps_[gap].makers) {
    if (tried[who->number])
      continue;
    tried[who->number] = true;
    if (taken[who->number] == none || match(taken[who->number], tried, taken)) {
      taken[who->number] = gap;
      return true;
    }
  }
  return false;
}

bool revision_makers::is_told_apart(key_index key, const held_value& now) const {
  return seen_.shows(key, now.mod_revision) || compared_closely_[key]
         || compared_revisions_.contains({key, now.mod_revision})
         || seen_values_.contains({keys_.name(key), now.value});
}

} // namespace troupe::sim
