#include "actors/read/hash_queue.hpp"

#include "actors/log/log.hpp"
#include "actors/service/request_parser.hpp"
#include "messages/ensure.hpp"

#include <algorithm>
#include <utility>

namespace troupe::read {

namespace {

std::int64_t revision_asked_for(const read_call& call) {
  if (call.method == rpc_method::maintenance_hash)
    return 0;
  etcdserverpb::HashKVRequest request;
  ensure(service::parse_accepted(request, call.body.view()),
         "the service lets only well-formed requests pass");
  return request.revision();
}

} // namespace

bool hash_queue::add(const read_call& call) {
  if (calls_.size() >= max_calls)
    return false;
  calls_.push_back(call);
  return true;
}

void hash_queue::forget(call_id call) {
  const auto found = std::ranges::find(calls_, call, &read_call::call);
  if (found == calls_.end())
    return;
  if (found == calls_.begin())
    running_.reset();
  calls_.erase(found);
}

std::vector<rpc_answer> hash_queue::step(time_point now, const header_filler& fill) {
  const auto& call = calls_.front();
  auto end_with = [&](rpc_answer&& answer) {
    running_.reset();
    calls_.pop_front();
    return std::vector<rpc_answer>{std::move(answer)};
  };
  if (call.deadline <= now)
    return end_with(refuse_with(call.call, errc::deadline_exceeded));
  if (!running_)
    if (auto error = begin(); error != errc::none)
      return end_with(refuse_with(call.call, error));
  running_->walk.step(slice_records);
  if (!running_->walk.done())
    return {};
  return end_with(finish(fill));
}

errc hash_queue::begin() {
  const auto& call = calls_.front();
  auto state = store_.pin();
  const auto& now = state->state();
  auto revision = revision_asked_for(call);
  if (revision > now.revision)
    return errc::future_revision;
  if (revision > 0 && revision < now.compacted)
    return errc::compacted;
  if (revision <= 0)
    revision = now.revision;
  using scope = mvcc::digest_walk::scope;
  const auto what = call.method == rpc_method::maintenance_hash ? scope::everything : scope::keys;
  mvcc::digest_walk walk{state->view(), revision, what};
  running_.emplace(std::move(state), revision, std::move(walk), meter_.now());
  return errc::none;
}

rpc_answer hash_queue::finish(const header_filler& fill) {
  const auto& call = calls_.front();
  const auto& state = running_->state->state();
  const auto read = running_->walk.result();
  const auto hash = mvcc::short_hash(read);
  auto& counters = meter_->maintenance;
  if (call.method == rpc_method::maintenance_hash) {
    counters.hash_duration.observe(meter_.since(running_->begun));
    etcdserverpb::HashResponse response;
    response.set_hash(hash);
    response.mutable_header()->set_revision(state.revision);
    fill(*response.mutable_header());
    return reply_with(call.call, blob{response.SerializeAsString()});
  }
  check(read);
  counters.hash_kv_duration.observe(meter_.since(running_->begun));
  etcdserverpb::HashKVResponse response;
  response.set_hash(hash);
  response.set_compact_revision(state.compacted);
  response.set_hash_revision(running_->revision);
  response.mutable_header()->set_revision(state.revision);
  fill(*response.mutable_header());
  return reply_with(call.call, blob{response.SerializeAsString()});
}

void hash_queue::check(std::uint64_t read) const {
  const auto& state = running_->state->state();
  if (running_->revision != state.revision || !state.digest || read == state.digest->keys)
    return;
  meter_->maintenance.damage_found.add();
  log::error("the keys on disk are not those that were written",
             {{"revision", state.revision},
              {"hash-of-keys", std::uint64_t{read}},
              {"hash-as-written", state.digest->keys}});
}

} // namespace troupe::read
