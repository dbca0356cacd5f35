#include "actors/sim/linearizability.hpp"

#include "actors/sim/gap_search.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace troupe::sim {

namespace {

using violation = std::optional<std::string>;

std::string with(const std::string& what, const operation& a) {
  return what + "\n  " + describe(a);
}

std::string with(const std::string& what, const operation& a, const operation& b) {
  return with(what, a) + "\n  " + describe(b);
}

bool has_revision(const operation& x) {
  return x.call.success.size() == 1 && x.call.success.front().revision > 0;
}

violation check_kvs(const operation& by, const kv_answer& answer, const key_universe& keys) {
  const std::string* before = nullptr;
  for (const auto& kv : answer.kvs) {
    if (kv.mod_revision > by.result->revision)
      return with("it shows key " + kv.key + " with a mod revision above its header's", by);
    if (kv.version < 1 || kv.create_revision < 2 || kv.create_revision > kv.mod_revision)
      return with("it shows key " + kv.key + " with revisions that no key can have", by);
    if (!keys.find(kv.key))
      return with("it shows key " + kv.key + ", which nobody wrote", by);
    if (before && *before >= kv.key)
      return with("its keys are not in order", by);
    before = &kv.key;
  }
  return std::nullopt;
}

/// What each answer must fulfil by itself.
violation check_answers(const std::vector<operation>& history, const key_universe& keys) {
  for (const auto& x : history) {
    if (!x.result)
      continue;
    bool wrote = has_written(x.call, *x.result);
    if (x.result->revision < (wrote ? 2 : 1))
      return with("its revision cannot be", x);
    if (has_revision(x) && x.call.success.front().revision > x.result->revision)
      return with("it answers a read of the future", x);
    for (const auto& answer : x.result->answers)
      if (auto wrong = check_kvs(x, answer, keys))
        return wrong;
  }
  return std::nullopt;
}

/// Sorts answers by revision; @returns the first that cannot be placed.
class ordering {
public:
  explicit ordering(const std::vector<operation>& history) : history_(history) {}

  violation run() {
    std::map<std::int64_t, const operation*> writers;
    for (const auto& x : history_) {
      if (!x.result)
        continue;
      last_ = std::max(last_, x.result->revision);
      if (!has_written(x.call, *x.result))
        continue;
      if (x.call.serializable)
        return with("a write cannot be serializable", x);
      auto [other, is_new] = writers.emplace(x.result->revision, &x);
      if (!is_new)
        return with("two writes were given the same revision", *other->second, x);
    }
    if (auto wrong = enough_writers(static_cast<std::int64_t>(writers.size())))
      return wrong;
    place(writers);
    return check_real_time();
  }

  const revision_order& order() const {
    return order_;
  }

private:
  /// Before memory is taken for each revision: a wild one must not cost more than a sentence.
  violation enough_writers(std::int64_t answered) const {
    std::int64_t open = 0;
    for (const auto& x : history_) {
      open += x.result ? 0 : 1;
      for (const auto* branch : {&x.call.success, &x.call.failure})
        for (const auto& request : *branch)
          open += request.lease.value != 0 ? 1 : 0; // the end of the lease
    }
    if (last_ - 1 <= answered + open)
      return std::nullopt;
    return "revision " + std::to_string(last_) + " was shown, but " + std::to_string(answered)
           + " answered writes and at most " + std::to_string(open)
           + " others cannot have made so many";
  }

  void place(const std::map<std::int64_t, const operation*>& writers) {
    auto size = static_cast<std::size_t>(last_) + 1;
    order_.writer.assign(size, nullptr);
    order_.shown.resize(size);
    order_.latest.assign(size, open_end);
    at_.resize(size);
    for (const auto& [revision, writer] : writers)
      order_.writer[revision] = writer;
    for (const auto& x : history_) {
      if (!x.result)
        continue;
      auto& latest = order_.latest[x.result->revision];
      latest = std::min(latest, x.returned);
      if (order_.writer[x.result->revision] == &x)
        continue;
      at_[x.result->revision].push_back(&x);
      auto shown = has_revision(x) ? x.call.success.front().revision : x.result->revision;
      order_.shown[shown].push_back(&x);
    }
    for (auto revision = last_; revision > 1; --revision)
      order_.latest[revision - 1] = std::min(order_.latest[revision - 1], order_.latest[revision]);
  }

  /// Nothing may have returned before something was invoked that the order of revisions puts before
  /// it.
  violation check_real_time() const {
    const operation* newest = nullptr; // invoked last, of all with a smaller place
    auto late = [&](const operation& x) { return newest && newest->invoked > x.returned; };
    auto pass = [&](const operation& x) {
      if (!x.call.serializable && (!newest || x.invoked > newest->invoked))
        newest = &x;
    };
    for (std::int64_t revision = 1; revision <= last_; ++revision) {
      if (const auto* writer = order_.writer[revision]) {
        if (late(*writer))
          return with("the second was over before the first began, yet has a newer revision",
                      *newest, *writer);
        pass(*writer);
      }
      for (const auto* x : at_[revision])
        if (late(*x))
          return with("the second was over before the first began, yet stands after it by revision",
                      *newest, *x);
      for (const auto* x : at_[revision])
        pass(*x);
    }
    return std::nullopt;
  }

  const std::vector<operation>& history_;
  std::int64_t last_ = 1;
  revision_order order_;
  /// By the revision of the header.
  std::vector<std::vector<const operation*>> at_;
};

/// A member's serializable reads show no older store than it showed before.
violation check_sessions(const std::vector<operation>& history) {
  std::map<std::string, std::vector<const operation*>> members;
  for (const auto& x : history)
    if (x.result && !x.member.empty())
      members[x.member].push_back(&x);
  for (auto& [name, by_return] : members) {
    auto by_invocation = by_return;
    std::stable_sort(by_return.begin(), by_return.end(),
                     [](auto* a, auto* b) { return a->returned < b->returned; });
    std::stable_sort(by_invocation.begin(), by_invocation.end(),
                     [](auto* a, auto* b) { return a->invoked < b->invoked; });
    const operation* newest = nullptr;
    auto over = by_return.begin();
    for (const auto* x : by_invocation) {
      for (; over != by_return.end() && (*over)->returned < x->invoked; ++over)
        if (!newest || (*over)->result->revision > newest->result->revision)
          newest = *over;
      if (x->call.serializable && newest && newest->result->revision > x->result->revision)
        return with("member " + name + " went back in time", *newest, *x);
    }
  }
  return std::nullopt;
}

linearizability_verdict violated(std::string explanation) {
  return {.found = linearizability_verdict::outcome::violated,
          .explanation = std::move(explanation)};
}

linearizability_verdict::outcome outcome_of(gap_search::outcome end) {
  switch (end) {
  case gap_search::outcome::found:
    return linearizability_verdict::outcome::holds;
  case gap_search::outcome::impossible:
    return linearizability_verdict::outcome::violated;
  case gap_search::outcome::given_up:
    break;
  }
  return linearizability_verdict::outcome::undecided;
}

} // namespace

linearizability_verdict check_linearizability(const std::vector<operation>& history,
                                              std::uint64_t most_states) {
  key_universe keys{history};
  if (auto wrong = check_answers(history, keys))
    return violated(*wrong);
  ordering ordered{history};
  if (auto wrong = ordered.run())
    return violated(*wrong);
  if (auto wrong = check_sessions(history))
    return violated(*wrong);
  sightings seen{keys, history};
  if (seen.contradiction())
    return violated(*seen.contradiction());
  gap_search search{history, keys, seen, ordered.order(), most_states};
  auto end = outcome_of(search.run());
  linearizability_verdict verdict{
    .found = end, .states = search.states(), .choices = search.gaps()};
  if (!verdict.holds())
    verdict.explanation = search.explanation();
  return verdict;
}

} // namespace troupe::sim
