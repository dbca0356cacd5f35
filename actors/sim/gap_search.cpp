#include "actors/sim/gap_search.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace troupe::sim {

namespace {

using request_type = kv_request::type;

constexpr auto none = revision_makers::none;
constexpr std::size_t shown_gaps = 2;
constexpr std::size_t shown_makers = 4;

/// splitmix64 of both.
std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  auto z = (a ^ (b + 0x9e3779b97f4a7c15U + (a << 6) + (a >> 2))) + 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

} // namespace

gap_search::gap_search(const std::vector<operation>& history, const key_universe& keys,
                       const sightings& seen, const revision_order& order,
                       std::uint64_t most_states)
    : keys_(keys), seen_(seen), order_(order), most_states_(most_states), model_(keys),
      makers_(history, keys, seen, order), fills_(makers_.numbers(), none),
      taken_(makers_.shapes(), 0) {}

gap_search::outcome gap_search::run() {
  if (const auto& shortage = makers_.shortage()) {
    explain(shortage->second, makers_.gaps()[shortage->first].revision, nullptr, {shortage->first});
    return outcome::impossible;
  }
  return go_on(1).end;
}

gap_search::conflict gap_search::go_on(std::int64_t revision) {
  for (; revision <= order_.last(); ++revision) {
    if (++states_ > most_states_)
      return {outcome::given_up, {}, {}};
    if (makers_.gap_at(revision) != none)
      return choose(makers_.gap_at(revision));
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
  std::set<std::pair<std::size_t, bool>> tried, taken; // shapes, and the branches of them
  for (const auto* who : by_urgency(makers_.gaps()[gap])) {
    std::pair kind{who->shape, who->succeeded};
    if (tried.contains(kind))
      continue;
    if (fills_[who->number] != none) {
      taken.insert(kind);
      continue;
    }
    tried.insert(kind);
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
  for (const auto& kind : taken)
    if (!tried.contains(kind))
      why.shapes.insert(kind.first);
  explain("no operation fits that can have made it", makers_.gaps()[gap].revision, nullptr, {gap});
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
    auto one = mixed(mixed(key, static_cast<std::uint64_t>(now.create_revision)),
                     static_cast<std::uint64_t>(now.version));
    one = mixed(one, static_cast<std::uint64_t>(now.lease.value));
    if (makers_.is_told_apart(key, now))
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
  auto revision = makers_.gaps()[gap].revision;
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
    // Where an answer excludes a change, the key was there before; or this way is wrong already.
    bool is_changed = !model_.at(key).exists() || model_.at(key).mod_revision == revision;
    if (is_changed && seen_.excludes(key, revision))
      return mismatch{{key}, "an answer saw key " + keys_.name(key) + " unchanged"};
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
  for (auto key : makers_.gaps()[makers_.gap_at(revision)].puttable) {
    const auto& now = model_.at(key);
    const auto* next = seen_.next(key, revision);
    if (!now.exists() || !next || next->value.create_revision != now.create_revision)
      continue;
    auto lacking =
      next->value.version - now.version - seen_.answered_puts(key, revision, next->first());
    if (lacking < 0)
      return mismatch{{key}, "a later answer saw fewer puts of " + keys_.name(key)};
    if (lacking > count_gaps(makers_.puts_of(key), revision, next->first()))
      return mismatch{{key}, "a later answer saw more puts of " + keys_.name(key)};
  }
  return std::nullopt;
}

/// Of `gaps`, those with revisions in (after, upto].
std::int64_t gap_search::count_gaps(const std::vector<std::size_t>& gaps, std::int64_t after,
                                    std::int64_t upto) const {
  auto below = [&](std::int64_t revision) {
    return std::partition_point(gaps.begin(), gaps.end(),
                                [&](auto gap) { return makers_.gaps()[gap].revision <= revision; });
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
    const auto& gaps = makers_.gaps_of(key);
    auto after = std::partition_point(
      gaps.begin(), gaps.end(), [&](auto gap) { return makers_.gaps()[gap].revision <= known; });
    for (; after != gaps.end() && makers_.gaps()[*after].revision <= revision; ++after)
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
    const auto& makers = makers_.gaps()[gap].makers;
    explanation_ += "\n  no answered operation made revision "
                    + std::to_string(makers_.gaps()[gap].revision) + "; "
                    + std::to_string(makers.size()) + " without an answer can have made it";
    for (std::size_t i = 0; i < std::min(makers.size(), shown_makers); ++i)
      explanation_ += "\n    " + describe_maker(*makers[i]);
  }
}

std::string gap_search::describe_maker(const maker& who) const {
  return who.by ? describe(*who.by) : "the end of lease " + std::to_string(who.lease.value);
}

} // namespace troupe::sim
