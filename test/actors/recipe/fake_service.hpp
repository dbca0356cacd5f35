#pragma once

#include "actors/apply/kv_apply.hpp"
#include "actors/read/range_query.hpp"
#include "actors/recipe/recipe_call.hpp"
#include "actors/service/kv_checks.hpp"
#include "test/support/model_store.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::test {

/// A service to be a client of: the rules of KV on the model of the store, leases by name only, and
/// watches that compare states. Answers when a test lets it.
class fake_service : apply::state_view {
public:
  bool lease_exists(lease_id lease) const override {
    return leases.contains(lease.value);
  }

  void take(std::vector<call_event>&& events) {
    for (auto& event : events)
      waiting.push_back(std::move(event));
  }

  /// Serves the first event of some call; `choice` says which. @returns what it answers.
  std::vector<rpc_answer> serve(std::uint64_t choice = 0) {
    auto of = waiting[choice % waiting.size()].call.connection;
    auto first = std::find_if(waiting.begin(), waiting.end(),
                              [=](const auto& event) { return event.call.connection == of; });
    auto event = std::move(*first);
    waiting.erase(first);
    ++served[event.method];
    std::vector<rpc_answer> answers;
    if (event.method == rpc_method::watch_watch)
      on_watch(event);
    else if (event.kind == call_event::what::request)
      answers.push_back(answer(event));
    return answers;
  }

  /// What the watches have not been told yet.
  std::vector<rpc_answer> tell() {
    std::vector<rpc_answer> answers;
    for (auto& [call, watch] : watches)
      while (auto response = next_of(watch))
        answers.push_back(part(call, *response));
    return answers;
  }

  /// Nobody waits for the answers.
  void catch_up() {
    for (const auto& event : std::exchange(late, {}))
      carry_out(event);
  }

  /// Ends all watches, as a failure would.
  std::vector<rpc_answer> lose_watches(errc error) {
    std::vector<rpc_answer> answers;
    for (auto& [call, watch] : watches)
      answers.push_back(refuse_with(call, error));
    watches.clear();
    return answers;
  }

  void put(const std::string& key, const std::string& value, std::int64_t lease = 0) {
    model_txn{state}.put(key, value, lease_id{lease}, false);
  }

  void erase(const std::string& key) {
    model_txn{state}.delete_range(mvcc::key_range::of(key, {}), nullptr);
  }

  /// Ends a lease and deletes its keys in one revision.
  void expire(std::int64_t lease) {
    leases.erase(lease);
    auto keys = state->at(state->revision());
    model_txn txn{state};
    for (const auto& [key, kv] : keys)
      if (kv.lease == lease_id{lease})
        txn.delete_range(mvcc::key_range::of(key, {}), nullptr);
  }

  void compact() {
    state->compacted = state->revision();
  }

  /// "key=value" of all keys, by key.
  std::string contents() const {
    std::string text;
    for (const auto& [key, kv] : state->at(state->revision()))
      text += (text.empty() ? "" : " ") + key + "=" + kv.value;
    return text;
  }

  std::set<std::int64_t> leases;
  std::shared_ptr<model_state> state = std::make_shared<model_state>();
  std::deque<call_event> waiting;
  /// Events served, by method.
  std::map<rpc_method, int> served;
  /// The next requests fail with these instead of being looked at; with timeout_waiting_for_apply
  /// they are executed by `catch_up`.
  std::deque<errc> failures;
  std::deque<call_event> late;

  struct watch {
    etcdserverpb::WatchCreateRequest request;
    bool created = false;
    bool canceled = false;
    std::int64_t next = 0;
  };

  std::map<call_id, watch> watches;

private:
  /// In two parts, because answers come so.
  static rpc_answer part(call_id call, const google::protobuf::MessageLite& message) {
    blob bytes{message.SerializeAsString()};
    return {.call = call,
            .has_message = true,
            .message = bytes.slice(0, bytes.size() / 2),
            .tail = bytes.slice(bytes.size() / 2)};
  }

  template <class Response>
  rpc_answer complete(call_id call, errc error, Response& response) const {
    if (error != errc::none)
      return refuse_with(call, error);
    identify(*response.mutable_header());
    auto result = part(call, response);
    result.ends = true;
    return result;
  }

  void identify(etcdserverpb::ResponseHeader& header) const {
    header.set_member_id(7);
    if (header.revision() == 0)
      header.set_revision(state->revision());
  }

  rpc_answer answer(const call_event& event) {
    if (!failures.empty()) {
      auto error = failures.front();
      failures.pop_front();
      if (error == errc::timeout_waiting_for_apply)
        late.push_back(event);
      return refuse_with(event.call, error);
    }
    return carry_out(event);
  }

  rpc_answer carry_out(const call_event& event) {
    switch (event.method) {
    case rpc_method::lease_grant: {
      granted_ttl = recipe::read<etcdserverpb::LeaseGrantRequest>(event.body).ttl();
      etcdserverpb::LeaseGrantResponse response;
      response.set_id(*leases.insert(leases.empty() ? 1000 : *leases.rbegin() + 1000).first);
      return complete(event.call, errc::none, response);
    }
    case rpc_method::kv_range: {
      auto request = recipe::read<etcdserverpb::RangeRequest>(event.body);
      etcdserverpb::RangeResponse response;
      return complete(event.call, read::evaluate(model_snapshot{state}, request, response),
                      response);
    }
    case rpc_method::kv_delete_range: {
      auto request = recipe::read<etcdserverpb::DeleteRangeRequest>(event.body);
      etcdserverpb::DeleteRangeResponse response;
      auto error = service::check(request);
      model_txn txn{state};
      if (error == errc::none)
        error = apply::apply(txn, request, response);
      return complete(event.call, error, response);
    }
    default: {
      auto request = recipe::read<etcdserverpb::TxnRequest>(event.body);
      etcdserverpb::TxnResponse response;
      auto error = service::check(request, {128});
      model_txn txn{state};
      if (error == errc::none)
        error = apply::apply(txn, request, response, *this);
      return complete(event.call, error, response);
    }
    }
  }

  void on_watch(const call_event& event) {
    if (event.kind == call_event::what::cancel)
      watches.erase(event.call);
    if (event.kind != call_event::what::message)
      return;
    auto& watch = watches[event.call];
    watch.request = recipe::read<etcdserverpb::WatchRequest>(event.body).create_request();
    watch.next = watch.request.start_revision();
  }

  std::optional<etcdserverpb::WatchResponse> next_of(watch& watch) const {
    etcdserverpb::WatchResponse response;
    identify(*response.mutable_header());
    if (!watch.created) {
      watch.created = true;
      response.set_created(true);
      return response;
    }
    if (watch.canceled)
      return std::nullopt;
    if (watch.next < state->compacted) {
      watch.canceled = true;
      response.set_canceled(true);
      response.set_compact_revision(state->compacted);
      return response;
    }
    while (watch.next <= state->revision() && response.events_size() == 0)
      add_events(watch.request, watch.next++, response);
    return response.events_size() != 0 ? std::optional{response} : std::nullopt;
  }

  void add_events(const etcdserverpb::WatchCreateRequest& request, std::int64_t revision,
                  etcdserverpb::WatchResponse& response) const {
    auto range = mvcc::key_range::of(request.key(), request.range_end());
    auto drops = [&](auto filter) {
      return std::ranges::find(request.filters(), filter) != request.filters().end();
    };
    const auto& now = state->at(revision);
    if (!drops(etcdserverpb::WatchCreateRequest::NOPUT))
      for (const auto& [key, kv] : now)
        if (range.contains(key) && kv.mod_revision == revision) {
          auto& event = *response.add_events()->mutable_kv();
          event.set_key(key);
          event.set_value(kv.value);
          event.set_mod_revision(kv.mod_revision);
          event.set_create_revision(kv.create_revision);
        }
    if (!drops(etcdserverpb::WatchCreateRequest::NODELETE))
      for (const auto& [key, kv] : state->at(revision - 1))
        if (range.contains(key) && !now.contains(key)) {
          auto& event = *response.add_events();
          event.set_type(mvccpb::Event::DELETE);
          event.mutable_kv()->set_key(key);
          event.mutable_kv()->set_mod_revision(revision);
        }
  }

public:
  /// Of the newest grant.
  std::int64_t granted_ttl = 0;
};

} // namespace troupe::test
