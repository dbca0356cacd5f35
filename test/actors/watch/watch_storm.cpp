#include "test/actors/watch/watch_storm.hpp"

#include "actors/apply/store_keeper.hpp"
#include "messages/command.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <utility>

namespace troupe::watch {

namespace {

using etcdserverpb::WatchCreateRequest;
using etcdserverpb::WatchRequest;
using etcdserverpb::WatchResponse;
using namespace std::chrono_literals;

/// As the edge's `connection_limits::low_water_bytes`, but small.
constexpr std::size_t low_water = 200;

using edge_actor = caf::typed_actor<caf::reacts_to<rpc_answers>>;

edge_actor::behavior_type edge_behavior(edge_actor::pointer,
                                        const std::function<void(const rpc_answers&)>& deliver) {
  return {[deliver](const rpc_answers& answers) { deliver(answers); }};
}

session_limits tight_limits() {
  session_limits limits;
  limits.max_unconfirmed_bytes = 600;
  limits.max_held_bytes = 1200;
  limits.max_catching_up = 2;
  return limits;
}

} // namespace

watch_storm::watch_storm(std::uint64_t seed, const storm_seams& seams) : random_(seed) {
  auto keep = [this](auto actor) {
    own(actor);
    return actor;
  };
  history_actor history = keep(system.spawn(
    history_behavior,
    std::make_shared<history_core>(
      store_, history_limits{.cache_bytes = 4096, .block_bytes = 512, .loads_per_request = 2})));
  hub_ = keep(system.spawn(
    hub_behavior, std::make_shared<hub_host>(store_.revision(), history, metrics::meter{},
                                             hub_limits{.slice = 3, .waiting_bytes = 1500})));
  auto keeper = keep(system.spawn(
    apply::store_keeper_behavior,
    std::make_shared<apply::store_keeper_host>(store_, engine_, time_, apply::flush_policy{})));
  apply::apply_core core{
    store_, {cluster_id{1}, member_id{2}, boot_count{1}}, apply::auto_compaction{{}, time_->now()}};
  applier_ =
    keep(system.spawn(apply::applier_behavior,
                      std::make_shared<apply::applier_host>(std::move(core), keeper, time_)));
  auto published_to = seams.publishing ? keep(seams.publishing(system, hub_)) : hub_;
  send(applier_, apply::watched_by{published_to});
  if (seams.committing)
    commits_ = keep(seams.committing(system, applier_, hub_, store_));
  else
    commits_ = applier_;

  auto host = std::make_shared<watch_service_host>();
  host->config.identity = {cluster_id{1}, member_id{2}};
  host->config.limits = tight_limits();
  host->config.fragment_bytes = 150;
  host->config.progress_interval = 1s;
  host->config.seed = seed;
  host->hub = seams.asking ? keep(seams.asking(system, hub_)) : hub_;
  host->history = seams.reading ? keep(seams.reading(system, history)) : history;
  host->time = time_;
  service_ = keep(system.spawn(watch_service_behavior, std::move(host)));
  std::function<void(const rpc_answers&)> to_clients = [this](const rpc_answers& x) { deliver(x); };
  send(service_, service::edge_joined{7, keep(system.spawn(edge_behavior, to_clients))});
  run();
}

watch_storm::~watch_storm() {
  for (auto& [number, on] : streams_)
    if (on.open)
      say(on, call_event::what::cancel);
  run();
}

void watch_storm::run_storm(std::size_t steps) {
  for (std::size_t i = 0; i < 3; ++i)
    open_stream();
  for (std::size_t i = 0; i < steps; ++i) {
    act();
    step_actors(pick(12));
  }
  settle();
}

void watch_storm::step_actors(std::size_t steps) {
  for (; steps > 0 && step_any(random_()); --steps)
    note_written();
}

void watch_storm::note_written() {
  auto snapshot = store_.snapshot();
  if (told_ < snapshot->revision()) {
    std::map<std::int64_t, std::vector<mvcc::event>> changes;
    auto error = snapshot->visit_events(told_ + 1, snapshot->revision(), [&](mvcc::event&& event) {
      changes[event.at.main].push_back(std::move(event));
      return true;
    });
    ASSERT_EQ(error, errc::none);
    for (auto& [revision, events] : changes)
      judge_.wrote(revision, std::move(events));
    told_ = snapshot->revision();
  }
  judge_.compacted(snapshot->compacted());
}

void watch_storm::act() {
  auto* on = any_open();
  switch (pick(20)) {
  case 0:
  case 1:
  case 2:
  case 3:
  case 4:
  case 5:
    return write();
  case 6:
    return chance(4) ? compact() : write();
  case 7:
    if (std::ranges::count_if(streams_, [](const auto& x) { return x.second.open; }) < 5)
      open_stream();
    return;
  case 8:
  case 9:
    if (on)
      create(*on, 0, std::nullopt);
    return;
  case 10:
    if (on)
      create(*on, std::max<std::int64_t>(told_ + 3 - static_cast<std::int64_t>(pick(40)), 1),
             std::nullopt);
    return;
  case 11:
    if (on && chance(40))
      cancel(*on);
    return;
  case 12:
    if (on)
      ask_progress_of(*on);
    return;
  case 13:
    if (on && chance(25))
      break_and_resume(*on);
    return;
  case 14:
    time_->at += std::chrono::milliseconds{pick(600)};
    return send(service_, tick{});
  default:
    if (on && (!on->lazy || chance(10)))
      read_some(*on, 1 + pick(6));
  }
}

watch_storm::stream* watch_storm::any_open() {
  std::vector<stream*> open;
  for (auto& [number, on] : streams_)
    if (on.open)
      open.push_back(&on);
  return open.empty() ? nullptr : open[pick(open.size())];
}

std::string watch_storm::key() {
  return std::string(1, static_cast<char>('a' + pick(8)));
}

entry watch_storm::make_entry(command_kind kind, const std::string& body) {
  return {.id = {term_t{1}, log_index{++last_index_}},
          .kind = entry_kind::command,
          .origin = {},
          .payload = encode_command(kind, body)};
}

void watch_storm::commit(std::vector<entry> entries) {
  send(commits_, committed{std::move(entries)});
}

etcdserverpb::TxnRequest watch_storm::transaction() {
  etcdserverpb::TxnRequest txn;
  std::vector<std::string> used;
  for (auto ops = 1 + pick(5); ops > 0; --ops) {
    auto name = key();
    if (std::ranges::find(used, name) != used.end())
      continue; // etcd refuses to put a key twice
    used.push_back(name);
    auto& op = *txn.add_success();
    if (chance(30)) {
      op.mutable_request_delete_range()->set_key(name);
    } else {
      op.mutable_request_put()->set_key(name);
      op.mutable_request_put()->set_value(std::string(pick(60), 'x'));
    }
  }
  return txn;
}

void watch_storm::write() {
  std::vector<entry> entries;
  for (auto count = 1 + pick(3); count > 0; --count) {
    if (chance(40)) {
      entries.push_back(make_entry(command_kind::txn, transaction().SerializeAsString()));
    } else if (chance(25)) {
      etcdserverpb::DeleteRangeRequest request;
      request.set_key(key());
      if (chance(30))
        request.set_range_end("h");
      entries.push_back(make_entry(command_kind::delete_range, request.SerializeAsString()));
    } else {
      etcdserverpb::PutRequest request;
      request.set_key(key());
      request.set_value(std::string(pick(30), 'v'));
      entries.push_back(make_entry(command_kind::put, request.SerializeAsString()));
    }
  }
  commit(std::move(entries));
}

// Alone in its batch: the validator reads each change before it can be compacted.
void watch_storm::compact() {
  etcdserverpb::CompactionRequest request;
  request.set_revision(std::max<std::int64_t>(told_ - 10 - static_cast<std::int64_t>(pick(60)), 1));
  commit({make_entry(command_kind::compact, request.SerializeAsString())});
}

void watch_storm::say(const stream& on, call_event::what kind, std::string body) {
  send(service_,
       call_batch{{call_event{kind, on.call, rpc_method::watch_watch, blob{std::move(body)}}}});
}

void watch_storm::say(const stream& on, const WatchRequest& request) {
  say(on, call_event::what::message, request.SerializeAsString());
}

void watch_storm::open_stream() {
  auto number = ++last_stream_;
  auto& on = streams_[number];
  on.call = {7, 1, number};
  on.lazy = chance(30);
  say(on, call_event::what::open);
  for (auto watches = 1 + pick(3); watches > 0; --watches)
    create(on, 0, std::nullopt);
}

void watch_storm::create(stream& on, std::int64_t start, std::optional<WatchCreateRequest> as) {
  if (on.watches.size() + on.asked.size() >= 6)
    return;
  WatchCreateRequest request = as.value_or(WatchCreateRequest{});
  request.set_start_revision(start);
  if (!as) {
    request.set_key(key());
    if (chance(50))
      request.set_range_end(std::string(1, static_cast<char>(request.key()[0] + 1 + pick(8))));
    request.set_prev_kv(chance(30));
    request.set_fragment(chance(30));
    request.set_progress_notify(chance(40));
    if (chance(15))
      request.add_filters(chance(50) ? WatchCreateRequest::NOPUT : WatchCreateRequest::NODELETE);
  }
  on.asked.push_back(request);
  judge_.asked({static_cast<std::uint64_t>(on.call.stream), request});
  WatchRequest message;
  *message.mutable_create_request() = std::move(request);
  say(on, message);
}

void watch_storm::cancel(stream& on) {
  if (on.watches.empty())
    return;
  auto id =
    std::next(on.watches.begin(), static_cast<std::ptrdiff_t>(pick(on.watches.size())))->first;
  judge_.asked_to_cancel(static_cast<std::uint64_t>(on.call.stream), id);
  WatchRequest message;
  message.mutable_cancel_request()->set_watch_id(id);
  say(on, message);
}

void watch_storm::ask_progress_of(stream& on) {
  WatchRequest message;
  message.mutable_progress_request();
  say(on, message);
}

void watch_storm::break_and_resume(stream& on) {
  auto number = static_cast<std::uint64_t>(on.call.stream);
  on.open = false;
  on.unread.clear();
  judge_.ended(number);
  say(on, call_event::what::cancel);
  auto taken_up = on.watches;
  auto& next = streams_[++last_stream_];
  next.call = {7, 1, last_stream_};
  say(next, call_event::what::open);
  for (const auto& [id, request] : taken_up) {
    create(next, judge_.next_revision(number, id), request);
    ++seen_.resumed;
  }
}

void watch_storm::deliver(const rpc_answers& answers) {
  for (const auto& answer : answers.answers) {
    auto& on = streams_.at(answer.call.stream);
    if (!on.open)
      continue;
    EXPECT_FALSE(answer.ends) << "no stream of the storm deserves its end";
    if (!answer.has_message)
      continue;
    on.unread.push_back(answer);
    on.unread_bytes += answer.message.size() + answer.tail.size();
    on.owes_writable = true;
  }
}

void watch_storm::read_some(stream& on, std::size_t most) {
  for (; most > 0 && !on.unread.empty(); --most) {
    auto answer = std::move(on.unread.front());
    on.unread.pop_front();
    on.unread_bytes -= answer.message.size() + answer.tail.size();
    WatchResponse response;
    ASSERT_TRUE(response.ParseFromString(std::string{answer.message.view()}
                                         + std::string{answer.tail.view()}));
    hear(on, response);
  }
  if (on.owes_writable && on.unread_bytes <= low_water) {
    on.owes_writable = false;
    say(on, call_event::what::writable);
  }
}

void watch_storm::hear(stream& on, const WatchResponse& answer) {
  if (answer.created()) {
    ASSERT_FALSE(on.asked.empty());
    if (!answer.canceled())
      on.watches[answer.watch_id()] = on.asked.front();
    on.asked.pop_front();
    ++seen_.created;
  } else if (answer.canceled()) {
    on.watches.erase(answer.watch_id());
    ++(answer.compact_revision() != 0 ? seen_.compacted : seen_.canceled);
  } else if (answer.events().empty()) {
    ++seen_.progress;
  }
  seen_.fragments += answer.fragment() ? 1 : 0;
  judge_.received(static_cast<std::uint64_t>(on.call.stream), answer);
}

void watch_storm::settle() {
  bool moved = true;
  while (moved) {
    step_actors(1'000'000);
    moved = false;
    for (auto& [number, on] : streams_)
      if (on.open && !on.unread.empty()) {
        read_some(on, on.unread.size());
        moved = true;
      }
  }
  judge_.settled();
}

} // namespace troupe::watch
