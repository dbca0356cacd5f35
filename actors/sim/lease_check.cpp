#include "actors/sim/lease_check.hpp"

#include "storage/mvcc/key_range.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace troupe::sim {

namespace {

using type = lease_operation::type;

constexpr history_time second = 1'000'000'000;

/// An answer from which something follows about a lease.
struct witness {
  history_time invoked = 0;
  history_time returned = 0;
  const lease_operation* call = nullptr;
  const operation* read = nullptr;

  std::string text() const {
    return "\n  " + (call ? describe(*call) : describe(*read));
  }
};

struct lease_life {
  std::vector<const lease_operation*> renewals; // answered or not
  std::vector<const lease_operation*> remaining;
  std::vector<witness> alive;
  std::vector<witness> ended;
  std::optional<history_time> revoke_invoked; // the first
  std::int64_t ttl_seconds = 0;
  int grants = 0;
};

using lives = std::map<std::int64_t, lease_life>;

witness seen_by(const lease_operation& x) {
  return {x.invoked, x.returned, &x, nullptr};
}

bool renews(const lease_operation& x) {
  return x.kind == type::grant || (x.kind == type::keep_alive && x.ttl_seconds.value_or(1) > 0);
}

void add(const lease_operation& x, lease_life& to) {
  if (x.kind == type::grant)
    ++to.grants;
  if (x.kind == type::revoke)
    to.revoke_invoked = std::min(to.revoke_invoked.value_or(x.invoked), x.invoked);
  if (renews(x))
    to.renewals.push_back(&x);
  if (!x.ttl_seconds)
    return;
  if (renews(x))
    to.ttl_seconds = std::max(to.ttl_seconds, *x.ttl_seconds);
  if (x.kind == type::time_to_live && *x.ttl_seconds >= 0)
    to.remaining.push_back(&x);
  bool is_alive = renews(x) || (x.kind == type::time_to_live && *x.ttl_seconds >= 0);
  (is_alive ? to.alive : to.ended).push_back(seen_by(x));
}

/// Keys that live and die with one lease.
class lease_keys {
public:
  explicit lease_keys(const std::vector<operation>& history) {
    std::vector<mvcc::key_range> deleted;
    std::set<std::string, std::less<>> twice;
    for (const auto& x : history)
      for (const auto* branch : {&x.call.success, &x.call.failure})
        for (const auto& request : *branch)
          if (request.kind == kv_request::type::delete_range)
            deleted.push_back(mvcc::key_range::of(request.key, request.range_end));
          else if (request.kind == kv_request::type::put
                   && !keys_.try_emplace(request.key, put{request.lease.value, revision_of(x)})
                         .second)
            twice.insert(request.key);
    std::erase_if(keys_, [&](const auto& key) {
      return key.second.lease == 0 || key.second.revision == 0 || twice.contains(key.first)
             || std::any_of(deleted.begin(), deleted.end(),
                            [&](const auto& range) { return range.contains(key.first); });
    });
  }

  /// What the answer of `x` shows about leases.
  void judge(const operation& x, lives& to) const {
    if (!x.result || x.call.success.size() != 1 || !x.call.failure.empty())
      return;
    const auto& request = x.call.success.front();
    if (request.kind != kv_request::type::range || request.limit > 0 || request.revision > 0)
      return;
    auto range = mvcc::key_range::of(request.key, request.range_end);
    const auto& kvs = x.result->answers.front().kvs;
    witness seen{x.invoked, x.returned, nullptr, &x};
    for (auto key = keys_.lower_bound(range.begin);
         key != keys_.end() && range.contains(key->first); ++key) {
      if (key->second.revision > x.result->revision)
        continue;
      bool shown =
        std::any_of(kvs.begin(), kvs.end(), [&](const auto& kv) { return kv.key == key->first; });
      auto& life = to[key->second.lease];
      if (!shown)
        life.ended.push_back(seen);
      else if (!x.call.serializable)
        life.alive.push_back(seen);
    }
  }

private:
  struct put {
    std::int64_t lease = 0;
    std::int64_t revision = 0;
  };

  /// 0: nobody knows whether it was put.
  static std::int64_t revision_of(const operation& x) {
    return x.result && x.call.failure.empty() ? x.result->revision : 0;
  }

  std::map<std::string, put, std::less<>> keys_;
};

history_time nanoseconds(std::int64_t seconds, double part) {
  return static_cast<history_time>(static_cast<double>(seconds) * part
                                   * static_cast<double>(second));
}

class judge {
public:
  judge(std::int64_t lease, const lease_life& life, const lease_bounds& bounds,
        std::vector<std::string>& violations)
      : lease_(lease), life_(life), bounds_(bounds), violations_(violations) {}

  void run() {
    if (life_.grants > 1)
      return;
    never_early();
    no_life_after_the_end();
    remaining_time();
    not_for_ever();
  }

private:
  /// Until when an answered renewal promises life.
  history_time promised(const lease_operation& x) const {
    return x.invoked + nanoseconds(*x.ttl_seconds, 1 - bounds_.early);
  }

  void never_early() {
    const lease_operation* longest = nullptr;
    for (const auto* x : life_.renewals)
      if (x->ttl_seconds && (!longest || promised(*x) > promised(*longest)))
        longest = x;
    for (const auto& end : life_.ended) {
      bool revoked = life_.revoke_invoked && *life_.revoke_invoked <= end.returned;
      if (longest && !revoked && end.returned < promised(*longest))
        return violated("ended before its TTL was over", "\n  " + describe(*longest) + end.text());
    }
  }

  void no_life_after_the_end() {
    if (life_.ended.empty())
      return;
    const auto& end =
      *std::min_element(life_.ended.begin(), life_.ended.end(),
                        [](const auto& a, const auto& b) { return a.returned < b.returned; });
    for (const auto& alive : life_.alive)
      if (alive.invoked > end.returned)
        return violated("lived on after its end was seen", end.text() + alive.text());
  }

  void remaining_time() {
    for (const auto* question : life_.remaining) {
      if (life_.ttl_seconds > 0 && *question->ttl_seconds > life_.ttl_seconds)
        return violated("has more time left than it was granted", "\n  " + describe(*question));
      for (const auto* x : life_.renewals) {
        if (!x->ttl_seconds || x->returned > question->invoked)
          continue;
        auto left = promised(*x) - question->returned;
        if ((*question->ttl_seconds + 1) * second <= left)
          return violated("has less time left than was promised",
                          "\n  " + describe(*x) + "\n  " + describe(*question));
      }
    }
  }

  void not_for_ever() {
    if (!bounds_.late || life_.ttl_seconds == 0)
      return;
    for (const auto& alive : life_.alive) {
      history_time last = 0;
      bool is_renewed = false;
      for (const auto* x : life_.renewals) {
        if (x == alive.call || x->invoked > alive.returned)
          continue;
        is_renewed = true;
        last = std::max(last, x->ttl_seconds ? x->returned : x->invoked + bounds_.open_renewal);
      }
      auto end = last + nanoseconds(life_.ttl_seconds, 1 + bounds_.early) + *bounds_.late;
      if (is_renewed && alive.invoked > end)
        return violated("lives long after its TTL was over", alive.text());
    }
  }

  void violated(const std::string& what, const std::string& who) {
    violations_.push_back("lease " + std::to_string(lease_) + " " + what + who);
  }

  std::int64_t lease_;
  const lease_life& life_;
  const lease_bounds& bounds_;
  std::vector<std::string>& violations_;
};

} // namespace

std::vector<std::string> check_leases(const history& history, const lease_bounds& bounds) {
  lives all;
  for (const auto& x : history.leases)
    add(x, all[x.lease.value]);
  lease_keys keys{history.operations};
  for (const auto& x : history.operations)
    keys.judge(x, all);
  std::vector<std::string> violations;
  for (const auto& [lease, life] : all)
    judge{lease, life, bounds, violations}.run();
  return violations;
}

} // namespace troupe::sim
