#include "test/actors/sim/history_builder.hpp"

#include "storage/mvcc/key_range.hpp"

#include <algorithm>
#include <tuple>

namespace troupe::sim {

namespace {

using request_type = kv_request::type;

std::int64_t number_of(kv_compare::field target, const mvcc::key_value& kv) {
  switch (target) {
  case kv_compare::field::version:
    return kv.version;
  case kv_compare::field::create_revision:
    return kv.create_revision;
  case kv_compare::field::mod_revision:
    return kv.mod_revision;
  default:
    return kv.lease.value;
  }
}

template <class T>
bool compare(kv_compare::relation is, const T& a, const T& b) {
  return is == kv_compare::relation::equal       ? a == b
         : is == kv_compare::relation::not_equal ? a != b
         : is == kv_compare::relation::greater   ? a > b
                                                 : a < b;
}

auto fields(const mvcc::key_value& kv) {
  return std::tie(kv.key, kv.value, kv.create_revision, kv.mod_revision, kv.version,
                  kv.lease.value);
}

bool equal(const kv_result& a, const kv_result& b) {
  if (a.revision != b.revision || a.succeeded != b.succeeded
      || a.answers.size() != b.answers.size())
    return false;
  return std::equal(
    a.answers.begin(), a.answers.end(), b.answers.begin(), [](const auto& x, const auto& y) {
      return x.count == y.count
             && std::equal(x.kvs.begin(), x.kvs.end(), y.kvs.begin(), y.kvs.end(),
                           [](const auto& p, const auto& q) { return fields(p) == fields(q); });
    });
}

} // namespace

bool plain_store::holds(const kv_compare& x) const {
  auto found = keys_.find(x.key);
  if (x.target == kv_compare::field::value)
    return found != keys_.end() && compare(x.is, found->second.value, x.value);
  auto number = found == keys_.end() ? 0 : number_of(x.target, found->second);
  return compare(x.is, number, x.number);
}

kv_answer plain_store::range(const kv_request& x) const {
  kv_answer result;
  auto range = mvcc::key_range::of(x.key, x.range_end);
  for (const auto& [key, kv] : keys_)
    if (range.contains(key)) {
      if (x.limit == 0 || result.count < x.limit)
        result.kvs.push_back(kv);
      ++result.count;
    }
  return result;
}

kv_answer plain_store::answer(const kv_request& x, std::int64_t next, bool& changed) {
  auto found = range(x);
  if (x.kind == request_type::range)
    return found;
  kv_answer result;
  if (x.prev_kv)
    result.kvs = found.kvs;
  if (x.kind == request_type::delete_range) {
    for (const auto& kv : found.kvs)
      keys_.erase(kv.key);
    result.count = found.count;
    changed |= found.count > 0;
    return result;
  }
  auto& kv = keys_[x.key];
  kv.key = x.key;
  kv.value = x.value;
  kv.create_revision = kv.version == 0 ? next : kv.create_revision;
  kv.mod_revision = next;
  kv.lease = x.lease;
  ++kv.version;
  changed = true;
  return result;
}

kv_result plain_store::execute(const kv_call& call) {
  kv_result result;
  result.succeeded = std::all_of(call.compares.begin(), call.compares.end(),
                                 [&](const auto& x) { return holds(x); });
  bool changed = false;
  for (const auto& x : result.succeeded ? call.success : call.failure)
    result.answers.push_back(answer(x, revision_ + 1, changed));
  revision_ += changed ? 1 : 0;
  result.revision = revision_;
  return result;
}

void plain_store::end_lease(lease_id lease) {
  if (std::erase_if(keys_, [&](const auto& x) { return x.second.lease == lease; }) > 0)
    ++revision_;
}

kv_call put_call(const std::string& key, const std::string& value) {
  return {.success = {{.kind = request_type::put, .key = key, .value = value}}};
}

kv_call delete_call(const std::string& key, const std::string& range_end) {
  return {.success = {{.kind = request_type::delete_range, .key = key, .range_end = range_end}}};
}

kv_call range_call(const std::string& key, const std::string& range_end) {
  return {.success = {{.kind = request_type::range, .key = key, .range_end = range_end}}};
}

kv_call swap_call(const std::string& key, std::int64_t mod, const std::string& value) {
  return {.compares = {{.key = key, .target = kv_compare::field::mod_revision, .number = mod}},
          .success = put_call(key, value).success,
          .failure = range_call(key).success};
}

operation answered(interval at, kv_call call, kv_result result) {
  return {.client = "c" + std::to_string(at.first),
          .invoked = at.first,
          .returned = at.second,
          .call = std::move(call),
          .result = std::move(result)};
}

operation open(history_time invoked, kv_call call) {
  return {.client = "c" + std::to_string(invoked), .invoked = invoked, .call = std::move(call)};
}

operation put(interval at, const std::string& key, const std::string& value,
              std::int64_t revision) {
  return answered(at, put_call(key, value), {.revision = revision, .answers = {{}}});
}

operation get(interval at, const std::string& key, std::int64_t revision,
              std::optional<mvcc::key_value> found) {
  kv_answer answer;
  if (found)
    answer = {.count = 1, .kvs = {*found}};
  return answered(at, range_call(key), {.revision = revision, .answers = {answer}});
}

mvcc::key_value kv(const std::string& key, const std::string& value, std::int64_t create,
                   std::int64_t mod, std::int64_t version) {
  return {
    .key = key, .value = value, .create_revision = create, .mod_revision = mod, .version = version};
}

namespace {

class random_clients {
public:
  random_clients(const workload& of, std::uint64_t seed) : of_(of), random_(seed) {}

  std::vector<operation> run() {
    for (std::size_t i = 0; i < of_.operations; ++i) {
      now_ += of_.step;
      if (chance(of_.lease_ends_permille))
        store_.end_lease({++ended_leases_});
      if (!later_.empty() && chance(100))
        happen_late();
      step();
    }
    return std::move(history_);
  }

private:
  std::int64_t draw(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }

  bool chance(unsigned permille) {
    return draw(1000) < permille;
  }

  void happen_late() {
    store_.execute(later_.back());
    later_.pop_back();
  }

  void step() {
    operation x{.client = "c" + std::to_string(draw(10)), .call = call()};
    x.invoked = now_ - draw(of_.width);
    if (chance(of_.open_permille)) {
      auto fate = draw(4);
      if (fate == 0)
        later_.push_back(x.call);
      else if (fate == 1)
        store_.execute(x.call);
    } else {
      x.result = store_.execute(x.call);
      x.returned = now_ + draw(of_.width);
    }
    history_.push_back(std::move(x));
  }

  std::string key() {
    auto number = std::to_string(draw(static_cast<std::int64_t>(of_.keys)));
    return "k" + std::string(4 - std::min<std::size_t>(4, number.size()), '0') + number;
  }

  kv_request put_request() {
    kv_request x{
      .kind = request_type::put, .key = key(), .value = std::to_string(draw(of_.values))};
    x.prev_kv = chance(300);
    if (of_.lease_ends_permille > 0 && chance(100))
      x.lease.value = ended_leases_ + 1 + draw(3);
    return x;
  }

  kv_call call() {
    auto kind = draw(20);
    if (kind < 8)
      return {.success = {put_request()}};
    if (kind < 10) {
      auto x = delete_call(key());
      x.success.front().prev_kv = chance(500);
      return x;
    }
    if (kind < 11)
      return delete_call(key(), key());
    if (kind < 15)
      return range_call(key());
    if (kind < 16) {
      auto x = range_call("k0000", "k9");
      x.success.front().limit = draw(3);
      return x;
    }
    if (kind < 18)
      return two_puts();
    return swap();
  }

  kv_call swap() {
    auto wanted = key();
    auto found = store_.keys().find(wanted);
    auto x = swap_call(wanted, found == store_.keys().end() ? 0 : found->second.mod_revision,
                       std::to_string(draw(of_.values)));
    if (chance(300))
      x.failure = {put_request()};
    if (chance(200))
      x.compares.push_back({.key = key(),
                            .target = kv_compare::field::value,
                            .is = kv_compare::relation::not_equal,
                            .value = std::to_string(draw(of_.values))});
    return x;
  }

  kv_call two_puts() {
    kv_call x{.success = {put_request(), put_request()}};
    if (x.success[0].key == x.success[1].key)
      x.success.pop_back();
    x.success.push_back(range_call("k0000", "k9").success.front());
    return x;
  }

  const workload& of_;
  std::mt19937_64 random_;
  plain_store store_;
  history_time now_ = 0;
  std::int64_t ended_leases_ = 0;
  std::vector<kv_call> later_;
  std::vector<operation> history_;
};

class every_order {
public:
  explicit every_order(const std::vector<operation>& history)
      : history_(history), placed_(history.size(), false) {}

  bool exists(const plain_store& store) {
    bool over = true;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      if (placed_[i])
        continue;
      over &= !history_[i].result;
      if (is_next(i) && goes_on_with(i, store))
        return true;
    }
    return over;
  }

private:
  /// No other one is over before this one began.
  bool is_next(std::size_t i) const {
    for (std::size_t other = 0; other < history_.size(); ++other)
      if (!placed_[other] && history_[other].returned < history_[i].invoked)
        return false;
    return true;
  }

  bool goes_on_with(std::size_t i, plain_store store) {
    auto result = store.execute(history_[i].call);
    if (history_[i].result && !equal(result, *history_[i].result))
      return false;
    placed_[i] = true;
    bool found = exists(store);
    placed_[i] = false;
    return found;
  }

  const std::vector<operation>& history_;
  std::vector<bool> placed_;
};

} // namespace

std::vector<operation> random_history(const workload& of, std::uint64_t seed) {
  return random_clients{of, seed}.run();
}

bool is_linearizable_by_force(const std::vector<operation>& history) {
  return every_order{history}.exists({});
}

} // namespace troupe::sim
