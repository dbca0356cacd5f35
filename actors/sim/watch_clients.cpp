#include "actors/sim/watch_clients.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace troupe::sim {

namespace {

using namespace std::chrono_literals;
using etcdserverpb::WatchRequest;
using etcdserverpb::WatchResponse;

constexpr sim_time way = 100us;

bool same(const mvcc::event& a, const mvcc::event& b) {
  return a.kind == b.kind && a.at == b.at && a.kv.key == b.kv.key && a.kv.value == b.kv.value
         && a.kv.create_revision == b.kv.create_revision && a.kv.version == b.kv.version;
}

} // namespace

watch_clients::watch_clients(cluster& of, unsigned clients, std::uint64_t seed)
    : cluster_(of), random_(seed), streams_(clients) {
  for (unsigned i = 0; i < clients; ++i)
    streams_[i].number = i;
}

void watch_clients::begin() {
  for (auto& on : streams_) {
    on.wanted = {random_request(), random_request()};
    later(on, 50ms);
  }
}

watch_clients::watch_request watch_clients::random_request() {
  watch_request request;
  request.set_key(std::string(1, static_cast<char>('a' + below(3))));
  if (below(2) == 0)
    request.set_range_end("z");
  request.set_prev_kv(below(3) == 0);
  request.set_progress_notify(below(2) == 0);
  return request;
}

void watch_clients::later(stream& on, sim_time pause) {
  cluster_.stage().after(pause, [this, number = on.number] { act(streams_[number]); });
}

void watch_clients::act(stream& on) {
  if (!on.open)
    open(on);
  else if (!calm_ && below(20) == 0)
    close(on, true);
  else if (!calm_ && below(10) == 0) {
    WatchRequest request;
    request.mutable_progress_request();
    say(on, call_event::what::message, request.SerializeAsString());
  }
  later(on, sim_time{static_cast<std::int64_t>(below(100'000'000) + 1)});
}

void watch_clients::open(stream& on) {
  on.node = 1 + static_cast<node_number>(below(cluster_.size()));
  if (!cluster_.node(on.node).is_up())
    return;
  on.open = true;
  ++on.id;
  say(on, call_event::what::open);
  for (auto& request : std::exchange(on.wanted, {})) {
    resumed_ += request.start_revision() != 0 ? 1 : 0;
    judges_[on.node].validator.asked({on.number + 1000ULL * on.id, request});
    WatchRequest message;
    *message.mutable_create_request() = request;
    say(on, call_event::what::message, message.SerializeAsString());
    on.asked.push_back(std::move(request));
  }
}

void watch_clients::close(stream& on, bool by_client) {
  auto& validator = judges_[on.node].validator;
  auto name = on.number + 1000ULL * on.id;
  for (auto& [id, request] : std::exchange(on.watches, {})) {
    if (auto next = validator.next_revision(name, id); next != 0)
      request.set_start_revision(next);
    on.wanted.push_back(std::move(request));
  }
  std::ranges::move(std::exchange(on.asked, {}), std::back_inserter(on.wanted));
  validator.ended(name);
  on.open = false;
  if (by_client)
    say(on, call_event::what::cancel);
}

void watch_clients::say(stream& on, call_event::what kind, std::string body) {
  call_event event{kind,
                   {0, first_connection + on.number, on.id},
                   rpc_method::watch_watch,
                   blob{std::move(body)},
                   std::make_shared<const call_metadata>()};
  // One way for all of a stream: what is said first comes first.
  cluster_.stage().after(
    way, [this, to = on.node, life = cluster_.node(on.node).life(), event = std::move(event)] {
      if (cluster_.node(to).is_up() && cluster_.node(to).life() == life)
        cluster_.call(to, {{event}});
    });
}

void watch_clients::answered(node_number from, const rpc_answers& answers) {
  for (const auto& answer : answers.answers) {
    auto number = answer.call.connection - first_connection;
    if (answer.call.connection < first_connection || number >= streams_.size())
      continue;
    auto& on = streams_[number];
    if (on.open && on.id == answer.call.stream && on.node == from)
      hear(on, answer);
  }
  check(from);
}

void watch_clients::hear(stream& on, const rpc_answer& answer) {
  if (answer.has_message) {
    WatchResponse response;
    if (!response.ParseFromString(std::string{answer.message.view()}
                                  + std::string{answer.tail.view()}))
      return cluster_.report("an answer of a watch is not readable");
    take(on, response);
    say(on, call_event::what::writable);
  }
  if (answer.ends)
    close(on, false);
}

void watch_clients::take(stream& on, const WatchResponse& response) {
  auto& judge = judges_[on.node];
  if (response.created() && !on.asked.empty()) {
    if (response.canceled())
      on.wanted.push_back(random_request());
    else
      on.watches[response.watch_id()] = on.asked.front();
    on.asked.pop_front();
  } else if (response.canceled()) {
    // What it wanted is compacted: it begins with what there is now.
    if (auto found = on.watches.extract(response.watch_id()); !found.empty()) {
      found.mapped().set_start_revision(0);
      on.wanted.push_back(std::move(found.mapped()));
    }
  }
  judge.validator.received(on.number + 1000ULL * on.id, response);
}

void watch_clients::started(node_number node) {
  auto [old, is_new] = judges_.try_emplace(node);
  if (!is_new) {
    events_before_ += old->second.validator.events();
    old->second = {};
  }
  applied(node);
}

void watch_clients::ended(node_number node) {
  for (auto& on : streams_)
    if (on.open && on.node == node)
      close(on, false);
}

void watch_clients::applied(node_number node) {
  auto& judge = judges_[node];
  auto snapshot = cluster_.node(node).data().store->snapshot();
  judge.validator.compacted(snapshot->compacted());
  if (judge.blind || snapshot->revision() <= judge.told)
    return;
  auto first = std::max(judge.told, snapshot->compacted()) + 1;
  std::map<std::int64_t, std::vector<mvcc::event>> shown;
  auto error = errc::none;
  if (first <= snapshot->revision())
    error = snapshot->visit_events(first, snapshot->revision(), [&](mvcc::event&& event) {
      shown[event.at.main].push_back(std::move(event));
      return true;
    });
  for (auto at = judge.told + 1; at <= snapshot->revision(); ++at) {
    auto here = shown.find(at);
    auto there = truth_.find(at);
    if (here != shown.end() && there != truth_.end()
        && !std::ranges::equal(here->second, there->second, same))
      cluster_.report(fmt::format("n{} shows other changes at revision {}", node, at));
    if (here != shown.end() && there == truth_.end())
      there = truth_.emplace(at, here->second).first;
    judge.blind = judge.blind || there == truth_.end();
    judge.validator.wrote(at, there == truth_.end() ? std::vector<mvcc::event>{} : there->second);
  }
  judge.blind = judge.blind || error != errc::none;
  judge.told = snapshot->revision();
}

void watch_clients::check(node_number node) {
  const auto& judge = judges_[node];
  const auto& wrong = judge.validator.violations();
  if (!judge.blind && !wrong.empty())
    cluster_.report(fmt::format("a watch on n{}: {}", node, wrong.front()));
}

void watch_clients::check_settled() {
  for (auto& [node, judge] : judges_) {
    judge.validator.settled();
    check(node);
  }
}

std::uint64_t watch_clients::events() const {
  auto result = events_before_;
  for (const auto& [node, judge] : judges_)
    result += judge.validator.events();
  return result;
}

} // namespace troupe::sim
