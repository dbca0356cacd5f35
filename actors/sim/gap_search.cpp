#include "actors/sim/gap_search.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <sstream>
#include <utility>

namespace troupe::sim {

namespace {

using request_type = kv_request::type;

constexpr auto none = static_cast<std::size_t>(-1);
constexpr std::size_t shown_gaps = 2;
constexpr std::size_t shown_makers = 4;

/// splitmix64 of both.
std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  auto z = (a ^ (b + 0x9e3779b97f4a7c15U + (a << 6) + (a >> 2))) + 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

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

gap_search::gap_search(const std::vector<operation>& history, const key_universe& keys,
                       const sightings& seen, const revision_order& order,
                       std::uint64_t most_states)
    : keys_(keys), seen_(seen), order_(order), most_states_(most_states), model_(keys),
      compared_closely_(keys.size(), false), gap_at_(order.writer.size(), none),
      gaps_of_(keys.size()), puts_of_(keys.size()) {
  find_makers(history);
  find_gaps();
}

void gap_search::find_makers(const std::vector<operation>& history) {
  std::size_t number = 0;
  for (const auto& operation : history) {
    if (operation.result)
      continue;
    add_maker(operation, true, number);
    if (!operation.call.compares.empty())
      add_maker(operation, false, number);
    ++number;
  }
  add_lease_ends(history, number);
  name_shapes(history);
  fills_.assign(maker_count_, none);
}

void gap_search::add_maker(const operation& by, bool succeeded, std::size_t number) {
  maker who{.number = number, .by = &by, .succeeded = succeeded, .earliest = by.invoked};
  for (const auto& request : who.branch()) {
    if (request.kind == request_type::range)
      continue;
    auto span = keys_.span(request);
    for (auto key = span.first; key < span.last; ++key)
      who.touched.push_back(key);
  }
  maker_count_ = number + 1;
  if (who.touched.empty())
    return;
  sort_unique(who.touched);
  makers_.push_back(std::move(who));
}

void gap_search::name_shapes(const std::vector<operation>& history) {
  for (const auto& operation : history) {
    note_compares(operation);
    if (!operation.result)
      continue;
    for (const auto& answer : operation.result->answers)
      for (const auto& kv : answer.kvs)
        seen_values_.emplace(kv.key, kv.value);
  }
  std::map<std::string, std::size_t> shapes;
  for (auto& who : makers_)
    who.shape = shapes.try_emplace(shape_of(who), shapes.size()).first->second;
  taken_.assign(shapes.size(), 0);
}

void gap_search::note_compares(const operation& by) {
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
std::string gap_search::shape_of(const maker& who) const {
  if (!who.by)
    return "lease " + std::to_string(who.lease.value);
  bool is_close = std::any_of(who.touched.begin(), who.touched.end(),
                              [&](auto key) { return compared_closely_[key]; });
  operation bare{.call = who.by->call};
  for (auto* branch : {&bare.call.success, &bare.call.failure})
    for (auto& request : *branch) {
      if (request.kind == request_type::put && !is_close && !is_seen(request))
        request.value.clear();
      request.prev_kv = false;
    }
  std::ostringstream shape;
  shape << (who.succeeded ? "then " : "else ");
  write_line(shape, bare);
  return shape.str();
}

void gap_search::add_lease_ends(const std::vector<operation>& history, std::size_t number) {
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
    end.number = number++;
    sort_unique(end.touched);
    makers_.push_back(std::move(end));
  }
  maker_count_ = number;
}

void gap_search::find_gaps() {
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
void gap_search::settle_only_makers() {
  std::vector<bool> settled(maker_count_, false);
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

void gap_search::index_keys(std::size_t number) {
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
bool gap_search::can_make(const maker& who, std::int64_t revision, const written_keys& written,
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
bool gap_search::fits(const kv_request& request, std::int64_t revision) const {
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

gap_search::outcome gap_search::run() {
  if (!enough_makers())
    return outcome::impossible;
  settle_only_makers();
  for (std::size_t number = 0; number < gaps_.size(); ++number)
    index_keys(number);
  return go_on(1).end;
}

/// Whether each gap can have a maker of its own (Kuhn's matching): a search would take the product
/// of all choices to find out that it cannot.
bool gap_search::enough_makers() {
  std::vector<std::size_t> taken(maker_count_, none);
  for (std::size_t gap = 0; gap < gaps_.size(); ++gap) {
    std::vector<bool> tried(maker_count_, false);
    if (match(gap, tried, taken))
      continue;
    std::string rivals;
    for (std::size_t other = 0; other < taken.size(); ++other)
      if (tried[other])
        rivals += (rivals.empty() ? "" : ", ") + std::to_string(gaps_[taken[other]].revision);
    explain(rivals.empty() ? "no operation can have made it"
                           : "who can have made it made one of the revisions " + rivals,
            gaps_[gap].revision, nullptr, {gap});
    return false;
  }
  return true;
}

bool gap_search::match(std::size_t gap, std::vector<bool>& tried,
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

gap_search::conflict gap_search::go_on(std::int64_t revision) {
  for (; revision <= order_.last(); ++revision) {
    if (++states_ > most_states_)
      return {outcome::given_up, {}, {}};
    if (gap_at_[revision] != none)
      return choose(gap_at_[revision]);
    if (const auto* by = order_.writer[revision]) {
      auto wrong = model_.replay(by->call, *by->result);
      if (!wrong)
        wrong = compare_sightings(revision);
      if (wrong)
        return blame(*wrong, revision, by);
    }
    if (auto end = compare_shown(revision); end.end != outcome::found)
      return end;
  }
  return {};
}

gap_search::conflict gap_search::choose(std::size_t gap) {
  auto state = hash_state(gap);
  if (auto known = dead_ends_.find(state); known != dead_ends_.end())
    return known->second;
  auto end = try_all(gap);
  if (end.end == outcome::impossible)
    dead_ends_.emplace(state, end);
  return end;
}

gap_search::conflict gap_search::try_all(std::size_t gap) {
  conflict why{outcome::impossible, {}, {}};
  std::set<std::size_t> tried, taken; // shapes
  for (const auto* who : by_urgency(gaps_[gap])) {
    if (tried.contains(who->shape))
      continue;
    if (fills_[who->number] != none) {
      taken.insert(who->shape);
      continue;
    }
    tried.insert(who->shape);
    auto mark = model_.mark();
    auto end = try_maker(gap, *who);
    if (end.end != outcome::impossible)
      return end;
    model_.roll_back(mark);
    bool was_fit = std::exchange(fills_[who->number], none) == gap;
    taken_[who->shape] -= was_fit ? 1 : 0;
    bool matters = end.culprits.erase(gap) > 0 || end.shapes.contains(who->shape);
    if (was_fit && !matters)
      return end; // no other maker of this gap can help
    why.add(std::move(end));
  }
  for (auto shape : taken)
    if (!tried.contains(shape))
      why.shapes.insert(shape);
  explain("no operation fits that can have made it", gaps_[gap].revision, nullptr, {gap});
  return why;
}

/// Equal for states that nothing to come can tell apart: of a key that no answer shows as it is
/// now, it does not matter which revision and value it has, nor which maker of a shape is taken.
std::uint64_t gap_search::hash_state(std::size_t gap) const {
  auto hash = mixed(0, gap);
  for (key_index key = 0; key < keys_.size(); ++key) {
    const auto& now = model_.at(key);
    if (!now.exists())
      continue;
    bool is_shown = seen_.shows(key, now.mod_revision) || compared_closely_[key]
                    || compared_revisions_.contains({key, now.mod_revision})
                    || seen_values_.contains({keys_.name(key), now.value});
    auto one = mixed(mixed(key, static_cast<std::uint64_t>(now.create_revision)),
                     static_cast<std::uint64_t>(now.version));
    one = mixed(one, static_cast<std::uint64_t>(now.lease.value));
    if (is_shown)
      one = mixed(mixed(one, static_cast<std::uint64_t>(now.mod_revision)),
                  std::hash<std::string_view>{}(now.value));
    hash ^= one;
  }
  for (std::size_t shape = 0; shape < taken_.size(); ++shape)
    if (taken_[shape] > 0)
      hash ^= mixed(mixed(~std::uint64_t{0}, shape), taken_[shape]);
  return hash;
}

gap_search::conflict gap_search::try_maker(std::size_t gap, const maker& who) {
  auto revision = gaps_[gap].revision;
  if (++states_ > most_states_)
    return {outcome::given_up, {}, {}};
  if (auto wrong = execute(who, revision))
    return blame(*wrong, revision, nullptr);
  fills_[who.number] = gap;
  ++taken_[who.shape];
  if (auto end = compare_shown(revision); end.end != outcome::found)
    return end;
  return go_on(revision + 1);
}

/// First who writes what a later answer must find, the sooner the answer the sooner; then who was
/// invoked last, since most operations happen soon or not at all.
std::vector<const gap_search::maker*> gap_search::by_urgency(const gap& at) const {
  std::vector<std::pair<std::int64_t, const maker*>> order;
  for (const auto* who : at.makers)
    order.emplace_back(urgency(*who, at.revision), who);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second->earliest > b.second->earliest;
  });
  std::vector<const maker*> result;
  for (const auto& [when, who] : order)
    result.push_back(who);
  return result;
}

/// The next revision at which an answer lacks a put of a key that `who` puts.
std::int64_t gap_search::urgency(const maker& who, std::int64_t revision) const {
  auto soonest = order_.last() + 1;
  if (!who.by)
    return soonest;
  for (const auto& request : who.branch()) {
    if (request.kind != request_type::put)
      continue;
    auto key = *keys_.find(request.key);
    const auto* next = seen_.next(key, revision);
    if (!next)
      continue;
    const auto& now = model_.at(key);
    bool same_life = now.exists() && next->value.create_revision == now.create_revision;
    auto puts = same_life ? now.version + seen_.answered_puts(key, revision, next->first()) : 0;
    if (next->value.version > puts)
      soonest = std::min(soonest, next->first());
  }
  return soonest;
}

std::optional<mismatch> gap_search::execute(const maker& who, std::int64_t revision) {
  if (who.by && model_.holds(who.by->call.compares) != who.succeeded) {
    mismatch wrong{{}, "the other branch runs"};
    for (const auto& x : who.by->call.compares)
      if (auto key = keys_.find(x.key))
        wrong.keys.push_back(*key);
    return wrong;
  }
  auto changed =
    who.by ? model_.execute(who.branch(), revision) : model_.end_lease(who.lease, who.touched);
  if (changed == 0)
    return mismatch{who.touched, "it changes nothing"};
  for (auto key : who.touched) {
    // Where an answer excludes a change, the key was there before.
    bool is_changed = !model_.at(key).exists() || model_.at(key).mod_revision == revision;
    if (is_changed && seen_.excludes(key, revision))
      return mismatch{{}, "an answer saw key " + keys_.name(key) + " unchanged"};
    if (!model_.at(key).exists() && seen_.alive(key, revision))
      return mismatch{{key}, "later answers saw key " + keys_.name(key) + " living on"};
  }
  if (auto wrong = count_puts(revision))
    return wrong;
  return compare_sightings(revision);
}

/// A version that a later answer saw says how often the key was put until then: not more often by
/// now, and the rest must find room in the gaps to come.
std::optional<mismatch> gap_search::count_puts(std::int64_t revision) const {
  for (auto key : gaps_[gap_at_[revision]].puttable) {
    const auto& now = model_.at(key);
    const auto* next = seen_.next(key, revision);
    if (!now.exists() || !next || next->value.create_revision != now.create_revision)
      continue;
    auto lacking =
      next->value.version - now.version - seen_.answered_puts(key, revision, next->first());
    if (lacking < 0)
      return mismatch{{key}, "a later answer saw fewer puts of " + keys_.name(key)};
    if (lacking > count_gaps(puts_of_[key], revision, next->first()))
      return mismatch{{key}, "a later answer saw more puts of " + keys_.name(key)};
  }
  return std::nullopt;
}

/// Of `gaps`, those with revisions in (after, upto].
std::int64_t gap_search::count_gaps(const std::vector<std::size_t>& gaps, std::int64_t after,
                                    std::int64_t upto) const {
  auto below = [&](std::int64_t revision) {
    return std::partition_point(gaps.begin(), gaps.end(),
                                [&](auto gap) { return gaps_[gap].revision <= revision; });
  };
  return below(upto) - below(after);
}

/// What later answers say about the keys that `revision` wrote.
std::optional<mismatch> gap_search::compare_sightings(std::int64_t revision) const {
  for (const auto& [key, seen] : seen_.written_at(revision))
    if (model_.at(key) != seen->value)
      return mismatch{{key},
                      "another answer saw key " + keys_.name(key)
                        + " written otherwise at this revision: " + describe(*seen->by)};
  for (auto key : seen_.created_at(revision))
    if (model_.at(key).create_revision != revision)
      return mismatch{
        {key}, "another answer saw key " + keys_.name(key) + " come into being at this revision"};
  return std::nullopt;
}

gap_search::conflict gap_search::compare_shown(std::int64_t revision) {
  for (const auto* by : order_.shown[revision])
    if (auto wrong = model_.look(by->call, *by->result))
      return blame(*wrong, revision, by);
  return {};
}

/// The gaps whose choice can have led to the state of these keys: after the last revision at which
/// answers alone fix it.
gap_search::conflict gap_search::blame(const mismatch& wrong, std::int64_t revision,
                                       const operation* by) {
  conflict end{outcome::impossible, {}, {}};
  for (auto key : wrong.keys) {
    auto known = seen_.known_below(key, revision);
    const auto& gaps = gaps_of_[key];
    auto after = std::partition_point(gaps.begin(), gaps.end(),
                                      [&](auto gap) { return gaps_[gap].revision <= known; });
    for (; after != gaps.end() && gaps_[*after].revision <= revision; ++after)
      end.culprits.insert(*after);
  }
  if (by)
    explain(wrong.what, revision, by, end.culprits);
  return end;
}

void gap_search::explain(const std::string& what, std::int64_t revision, const operation* by,
                         const gap_set& culprits) {
  if (revision < explained_revision_ || (revision == explained_revision_ && !by))
    return;
  explained_revision_ = revision;
  explanation_ = "at revision " + std::to_string(revision) + " " + what;
  if (by)
    explanation_ += "\n  " + describe(*by);
  std::size_t shown = 0;
  for (auto gap : culprits) {
    if (shown++ == shown_gaps)
      break;
    const auto& makers = gaps_[gap].makers;
    explanation_ += "\n  no answered operation made revision " + std::to_string(gaps_[gap].revision)
                    + "; " + std::to_string(makers.size()) + " without an answer can have made it";
    for (std::size_t i = 0; i < std::min(makers.size(), shown_makers); ++i)
      explanation_ += "\n    " + describe_maker(*makers[i]);
  }
}

std::string gap_search::describe_maker(const maker& who) const {
  return who.by ? describe(*who.by) : "the end of lease " + std::to_string(who.lease.value);
}

} // namespace troupe::sim
