#include "actors/sim/gap_search.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace troupe::sim {

namespace {

using request_type = kv_request::type;

constexpr auto none = static_cast<std::size_t>(-1);
constexpr std::size_t shown_gaps = 2;
constexpr std::size_t shown_makers = 4;

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
      gap_at_(order.writer.size(), none), gaps_of_(keys.size()) {
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
    for (const auto* who : found.makers)
      for (auto key : who->touched)
        if (gaps_of_[key].empty() || gaps_of_[key].back() != gaps_.size())
          gaps_of_[key].push_back(gaps_.size());
    gaps_.push_back(std::move(found));
  }
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
  return std::none_of(branch.begin(), branch.end(), [&](const auto& request) {
    return request.kind == request_type::put && seen_.excludes(*keys_.find(request.key), revision);
  });
}

gap_search::outcome gap_search::run() {
  if (!enough_makers())
    return outcome::impossible;
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
      return {outcome::given_up, {}};
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
  gap_set culprits;
  for (const auto* who : by_urgency(gaps_[gap])) {
    auto mark = model_.mark();
    auto end = try_maker(gap, *who);
    if (end.end != outcome::impossible)
      return end;
    model_.roll_back(mark);
    bool was_tried = fills_[who->number] == gap;
    if (was_tried)
      fills_[who->number] = none;
    if (was_tried && !end.culprits.contains(gap))
      return end; // no other maker of this gap can help
    end.culprits.erase(gap);
    culprits.merge(end.culprits);
  }
  explain("no operation fits that can have made it", gaps_[gap].revision, nullptr, {gap});
  return {outcome::impossible, std::move(culprits)};
}

gap_search::conflict gap_search::try_maker(std::size_t gap, const maker& who) {
  auto revision = gaps_[gap].revision;
  if (fills_[who.number] != none)
    return {outcome::impossible, {fills_[who.number]}};
  if (++states_ > most_states_)
    return {outcome::given_up, {}};
  if (auto wrong = execute(who, revision)) {
    // Only what was there before can be changed: this gap is what is being chosen.
    auto end = blame(*wrong, revision, nullptr);
    end.culprits.erase(gap);
    return end;
  }
  fills_[who.number] = gap;
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
  }
  if (auto wrong = count_puts(who, revision))
    return wrong;
  return compare_sightings(revision);
}

/// A version that a later answer saw bounds how often the key was put until then.
std::optional<mismatch> gap_search::count_puts(const maker& who, std::int64_t revision) const {
  for (auto key : who.touched) {
    const auto& now = model_.at(key);
    const auto* next = seen_.next(key, revision);
    if (!now.exists() || now.mod_revision != revision || !next
        || next->value.create_revision != now.create_revision)
      continue;
    if (now.version + seen_.answered_puts(key, revision, next->first()) > next->value.version)
      return mismatch{{key}, "a later answer saw fewer puts of " + keys_.name(key)};
  }
  return std::nullopt;
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
  conflict end{outcome::impossible, {}};
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
