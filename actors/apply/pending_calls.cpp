#include "actors/apply/pending_calls.hpp"

#include "messages/ensure.hpp"

namespace troupe::apply {

void pending_calls::add(const awaited_call& call) {
  ensure(deadlines_.empty() || deadlines_.back().deadline <= call.deadline,
         "deadlines of waiting calls do not fall");
  ensure(calls_.emplace(call.counter, call.call).second, "a counter waits once");
  deadlines_.push_back({call.deadline, call.counter});
}

std::optional<call_id> pending_calls::take(std::uint64_t counter) {
  auto found = calls_.find(counter);
  if (found == calls_.end())
    return std::nullopt;
  auto call = found->second;
  calls_.erase(found);
  return call;
}

std::vector<call_id> pending_calls::expire(time_point now) {
  std::vector<call_id> expired;
  for (; !deadlines_.empty() && deadlines_.front().deadline <= now; deadlines_.pop_front())
    if (auto call = take(deadlines_.front().counter))
      expired.push_back(*call);
  return expired;
}

} // namespace troupe::apply
