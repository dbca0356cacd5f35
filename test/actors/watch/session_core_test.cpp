#include "actors/watch/session_core.hpp"

#include <gtest/gtest.h>
#include <optional>

namespace troupe::watch {
namespace {

using etcdserverpb::WatchRequest;
using etcdserverpb::WatchResponse;

constexpr call_id stream{3, 4, 5};

class session : public ::testing::Test {
protected:
  explicit session(session_limits limits = {})
      : core(stream, {cluster_id{11}, member_id{22}}, limits, metrics::meter{nullptr, counters}) {}

  void send(const WatchRequest& request) {
    send_all({request});
  }

  void send_all(const std::vector<WatchRequest>& requests) {
    std::vector<call_event> events;
    for (const auto& request : requests)
      events.push_back({call_event::what::message, stream, rpc_method::watch_watch,
                        blob{request.SerializeAsString()}});
    core.on(events, out);
  }

  void event(call_event::what kind) {
    core.on({{kind, stream, rpc_method::watch_watch}}, out);
  }

  static WatchRequest create(std::int64_t start = 0, std::int64_t id = 0) {
    WatchRequest request;
    auto& x = *request.mutable_create_request();
    x.set_key("k");
    x.set_start_revision(start);
    x.set_watch_id(id);
    return request;
  }

  static WatchRequest cancel(std::int64_t id) {
    WatchRequest request;
    request.mutable_cancel_request()->set_watch_id(id);
    return request;
  }

  static WatchRequest progress() {
    WatchRequest request;
    request.mutable_progress_request();
    return request;
  }

  void registered(std::int64_t published = 100, std::int64_t floor = -1) {
    core.on_registered(published, floor, term_t{7}, out);
  }

  /// Creates a watch that is registered and answered. @returns what the host learnt of it.
  enroll_watches::entry open(const WatchRequest& request) {
    send(request);
    auto step = take<enroll_watches>();
    registered();
    out.answers.clear();
    return step ? step->watches.at(0) : enroll_watches::entry{};
  }

  /// Takes the next step, if it is of this kind.
  template <class Step>
  std::optional<Step> take() {
    if (out.steps.empty() || !std::holds_alternative<Step>(out.steps.front()))
      return std::nullopt;
    auto step = std::get<Step>(std::move(out.steps.front()));
    out.steps.erase(out.steps.begin());
    return step;
  }

  std::optional<WatchResponse> answer() {
    if (out.answers.empty())
      return std::nullopt;
    auto x = std::move(out.answers.front());
    out.answers.erase(out.answers.begin());
    EXPECT_EQ(x.call, stream);
    EXPECT_TRUE(x.has_message);
    EXPECT_FALSE(x.ends);
    WatchResponse response;
    EXPECT_TRUE(
      response.ParseFromString(std::string{x.message.view()} + std::string{x.tail.view()}));
    return response;
  }

  void deliver(const enroll_watches::entry& x, std::int64_t revision, std::size_t bytes,
               std::optional<std::uint64_t> epoch = {}) {
    auto response = response_of({}, {x.watch, revision, {}});
    response.add_events()->mutable_kv()->set_value(std::string(bytes, 'v'));
    core.on_delivery(
      {x.watch, epoch.value_or(x.epoch), revision, 1, {{blob{response.SerializeAsString()}, {}}}},
      out);
  }

  /// Takes the answer that only says that all messages were taken.
  bool confirmed() {
    if (out.answers.empty() || out.answers.front().has_message || out.answers.front().ends)
      return false;
    EXPECT_EQ(out.answers.front().call, stream);
    out.answers.erase(out.answers.begin());
    return true;
  }

  void nothing_more() {
    EXPECT_TRUE(out.steps.empty());
    EXPECT_TRUE(out.answers.empty());
  }

  std::shared_ptr<metrics::node_counters> counters = std::make_shared<metrics::node_counters>();
  session_core core;
  session_output out;
};

TEST_F(session, a_watch_is_created_at_the_revision_it_was_registered_at) {
  send(create());
  auto step = take<enroll_watches>();
  ASSERT_TRUE(step);
  ASSERT_EQ(step->watches.size(), 1u);
  EXPECT_EQ(step->watches[0].watch, 0);
  EXPECT_EQ(step->watches[0].interest, (watch_interest{mvcc::key_range::of("k", "")}));
  EXPECT_TRUE(step->watches[0].registered);
  nothing_more();
  registered(100);
  auto x = answer();
  ASSERT_TRUE(x);
  EXPECT_EQ(x->header().cluster_id(), 11u);
  EXPECT_EQ(x->header().member_id(), 22u);
  EXPECT_EQ(x->header().revision(), 100);
  EXPECT_EQ(x->header().raft_term(), 7u);
  EXPECT_EQ(x->watch_id(), 0);
  EXPECT_TRUE(x->created());
  EXPECT_FALSE(x->canceled());
  nothing_more();
  EXPECT_EQ(counters->watches.watches.value(), 1);
}

TEST_F(session, what_comes_together_is_registered_together_and_answered_in_order) {
  auto empty_range = create();
  empty_range.mutable_create_request()->set_range_end("a");
  send_all({create(), empty_range, create(0, 77), create(-1), create()});
  auto step = take<enroll_watches>();
  ASSERT_TRUE(step);
  EXPECT_EQ(step->watches.size(), 3u);
  nothing_more();
  registered();
  std::vector<std::int64_t> ids;
  while (auto x = answer())
    ids.push_back(x->watch_id());
  EXPECT_EQ(ids, (std::vector<std::int64_t>{0, -1, 77, -1, 1}));
}

TEST_F(session, every_refusal_has_its_text) {
  open(create(0, 5));
  auto reversed = create();
  reversed.mutable_create_request()->set_range_end("a");
  auto refused = [&](const WatchRequest& request) {
    send(request);
    EXPECT_TRUE(take<enroll_watches>()->watches.empty()) << "asks for the revision alone";
    registered(101);
    auto x = answer();
    EXPECT_TRUE(x->created());
    EXPECT_TRUE(x->canceled());
    EXPECT_EQ(x->watch_id(), -1);
    EXPECT_EQ(x->header().revision(), 101);
    EXPECT_EQ(x->compact_revision(), 0);
    return x->cancel_reason();
  };
  EXPECT_EQ(refused(reversed), "mvcc: watcher range is empty");
  EXPECT_EQ(refused(create(0, 5)), "mvcc: duplicate watch ID provided on the WatchStream");
  EXPECT_EQ(refused(create(-1)), "etcdserver: mvcc: required revision has been compacted");
  EXPECT_EQ(core.watches(), 1u);
}

TEST_F(session, numbers_count_up_skip_what_is_in_use_and_never_come_back) {
  EXPECT_EQ(open(create(0, 1)).watch, 1);
  EXPECT_EQ(open(create()).watch, 0);
  EXPECT_EQ(open(create()).watch, 2) << "1 is in use";
  send(cancel(0));
  core.on_dropped(100, {}, out);
  out = {};
  EXPECT_EQ(open(create()).watch, 3);
  EXPECT_EQ(open(create(0, -9)).watch, -9) << "any number that is not 0";
}

TEST_F(session, the_interest_is_what_was_asked_for) {
  auto request = create();
  auto& x = *request.mutable_create_request();
  x.set_key("");
  x.set_range_end(std::string(1, '\0'));
  x.set_prev_kv(true);
  x.set_fragment(true);
  x.add_filters(etcdserverpb::WatchCreateRequest::NOPUT);
  auto opened = open(request);
  EXPECT_EQ(opened.interest.keys.begin, std::string(1, '\0'));
  EXPECT_FALSE(opened.interest.keys.end);
  EXPECT_FALSE(opened.interest.puts);
  EXPECT_TRUE(opened.interest.deletions);
  EXPECT_TRUE(opened.interest.previous);
  EXPECT_TRUE(opened.fragment);
}

TEST_F(session, a_cancelled_watch_is_dropped_and_then_answered) {
  auto x = open(create(0, 9));
  send(cancel(9));
  auto step = take<end_watches>();
  ASSERT_TRUE(step);
  EXPECT_TRUE(step->confirm);
  EXPECT_EQ(step->watches, (std::vector<end_watches::entry>{{x.slot, false}}));
  nothing_more();
  deliver(x, 105, 1);
  nothing_more();
  core.on_dropped(110, term_t{8}, out);
  auto message = answer();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->watch_id(), 9);
  EXPECT_TRUE(message->canceled());
  EXPECT_FALSE(message->created());
  EXPECT_EQ(message->header().revision(), 110);
  EXPECT_EQ(message->cancel_reason(), "");
  EXPECT_EQ(counters->watches.watches.value(), 0);
}

TEST_F(session, who_cancels_an_unknown_watch_hears_nothing) {
  open(create());
  send(cancel(5));
  EXPECT_TRUE(confirmed()) << "else its bytes would count for ever";
  send_all({WatchRequest{}, cancel(5)});
  EXPECT_TRUE(confirmed());
  event(call_event::what::half_close);
  nothing_more();
  EXPECT_FALSE(out.over);
}

TEST_F(session, what_has_no_answer_is_confirmed_by_the_next_one_if_that_is_to_come) {
  send_all({WatchRequest{}, create()});
  take<enroll_watches>();
  nothing_more();
  registered();
  EXPECT_TRUE(answer()->created());
  send(progress());
  core.on_progress_point(take<begin_round>()->round, 120, {}, out);
  auto marks = take<mark_watchers>();
  send_all({cancel(5), cancel(0)});
  take<end_watches>();
  nothing_more();
  core.on_dropped(120, {}, out);
  EXPECT_TRUE(answer()->canceled());
  nothing_more();
}

TEST_F(session, progress_requests_that_are_too_many_are_confirmed) {
  open(create());
  send_all(std::vector(2'002, progress()));
  EXPECT_TRUE(take<begin_round>());
  EXPECT_TRUE(confirmed());
  nothing_more();
}

TEST_F(session, a_number_is_free_again_once_cancelled_also_before_the_hub_has_answered) {
  send_all({create(50, 6), cancel(6), create(60, 6)});
  auto first = take<enroll_watches>()->watches.at(0);
  EXPECT_EQ(take<end_watches>()->watches, (std::vector<end_watches::entry>{{first.slot, false}}));
  auto second = take<enroll_watches>()->watches.at(0);
  registered();
  EXPECT_TRUE(answer()->created());
  nothing_more();
  core.on_dropped(100, {}, out);
  EXPECT_TRUE(answer()->canceled());
  nothing_more();
  registered();
  EXPECT_TRUE(answer()->created());
  EXPECT_EQ(take<order_watcher>()->order.from, 60);
  EXPECT_NE(first.epoch, second.epoch);
}

TEST_F(session, a_watch_of_the_past_starts_after_its_answer) {
  send(create(40));
  EXPECT_FALSE(take<enroll_watches>()->watches.at(0).registered);
  nothing_more();
  registered(100, 40);
  EXPECT_TRUE(answer()->created());
  auto step = take<order_watcher>();
  ASSERT_TRUE(step);
  EXPECT_EQ(step->order.kind, watch_order::what::resume);
  EXPECT_EQ(step->order.from, 40);
  EXPECT_EQ(counters->watches.slow_watches.value(), 1);
  core.on_notice({watch_notice::what::caught_up, 0, step->order.epoch}, out);
  EXPECT_EQ(counters->watches.slow_watches.value(), 0);
}

TEST_F(session, below_the_compacted_revision_a_watch_is_created_and_cancelled) {
  send(create(39));
  take<enroll_watches>();
  registered(100, 40);
  EXPECT_TRUE(answer()->created());
  auto x = answer();
  ASSERT_TRUE(x);
  EXPECT_TRUE(x->canceled());
  EXPECT_EQ(x->compact_revision(), 40);
  EXPECT_EQ(x->header().revision(), 0);
  EXPECT_EQ(x->watch_id(), 0);
  EXPECT_EQ(x->cancel_reason(), "");
  EXPECT_TRUE(take<end_watches>());
  EXPECT_EQ(core.watches(), 0u);
}

TEST_F(session, compaction_behind_a_watcher_that_reads_is_told_once) {
  auto x = open(create(50));
  auto epoch = take<order_watcher>()->order.epoch;
  core.on_notice({watch_notice::what::ended, x.watch, epoch, 80, errc::compacted}, out);
  EXPECT_EQ(answer()->compact_revision(), 80);
  EXPECT_FALSE(take<end_watches>()->confirm);
  core.on_notice({watch_notice::what::ended, x.watch, epoch, 80, errc::compacted}, out);
  nothing_more();
  EXPECT_EQ(counters->watches.slow_watches.value(), 0);
}

TEST_F(session, events_go_to_the_client) {
  auto x = open(create());
  deliver(x, 101, 10);
  EXPECT_EQ(answer()->events(0).kv().value().size(), 10u);
  EXPECT_EQ(counters->watches.events.value(), 1u);
}

TEST_F(session, what_is_no_request_ends_the_stream) {
  open(create());
  core.on({{call_event::what::message, stream, rpc_method::watch_watch, blob{std::string{"\x0a"}}}},
          out);
  ASSERT_EQ(out.answers.size(), 1u);
  EXPECT_TRUE(out.answers[0].ends);
  EXPECT_EQ(out.answers[0].error, errc::malformed_message);
  EXPECT_EQ(out.answers[0].detail,
            "grpc: failed to unmarshal the received message: unexpected EOF");
  EXPECT_TRUE(out.over);
  EXPECT_TRUE(take<end_watches>());
}

TEST_F(session, a_cancelled_stream_ends_its_watchers) {
  open(create());
  open(create(50));
  take<order_watcher>();
  send(create());
  take<enroll_watches>();
  event(call_event::what::cancel);
  EXPECT_TRUE(out.over);
  EXPECT_EQ(take<end_watches>()->watches.size(), 3u);
  registered();
  nothing_more();
  EXPECT_EQ(counters->watches.watches.value(), 0);
  EXPECT_EQ(counters->watches.slow_watches.value(), 0);
}

// Checklist 74: progress at R only behind the events up to R.
TEST_F(session, progress_is_told_once_every_watcher_has_passed_the_marker) {
  auto a = open(create());
  auto b = open(create());
  send(progress());
  auto round = take<begin_round>();
  ASSERT_TRUE(round);
  core.on_progress_point(round->round, 120, term_t{7}, out);
  auto marks = take<mark_watchers>();
  ASSERT_TRUE(marks);
  EXPECT_EQ(marks->slots.size(), 2u);
  EXPECT_EQ(marks->marker.published, 120);
  core.on_marker({a.watch, a.epoch, round->round, true}, out);
  deliver(b, 119, 1);
  EXPECT_EQ(answer()->events_size(), 1);
  nothing_more();
  core.on_marker({b.watch, b.epoch, round->round, true}, out);
  auto x = answer();
  ASSERT_TRUE(x);
  EXPECT_EQ(x->watch_id(), -1);
  EXPECT_EQ(x->header().revision(), 120);
  EXPECT_EQ(x->events_size(), 0);
  EXPECT_FALSE(x->created() || x->canceled());
  nothing_more();
}

TEST_F(session, one_watcher_behind_keeps_the_whole_stream_silent) {
  auto a = open(create());
  send(progress());
  auto round = take<begin_round>()->round;
  core.on_progress_point(round, 120, {}, out);
  take<mark_watchers>();
  core.on_marker({a.watch, a.epoch, round, false}, out);
  EXPECT_TRUE(confirmed());
  nothing_more();
  open(create(50));
  take<order_watcher>();
  send(progress());
  core.on_progress_point(take<begin_round>()->round, 120, {}, out);
  EXPECT_TRUE(confirmed());
  nothing_more();
}

TEST_F(session, without_watches_a_progress_request_has_no_answer) {
  send(progress());
  core.on_progress_point(take<begin_round>()->round, 120, {}, out);
  EXPECT_TRUE(confirmed());
  nothing_more();
}

TEST_F(session, a_watch_that_goes_during_a_round_does_not_hold_it_up) {
  auto a = open(create());
  auto b = open(create());
  send(progress());
  auto round = take<begin_round>()->round;
  core.on_progress_point(round, 120, {}, out);
  take<mark_watchers>();
  core.on_marker({a.watch, a.epoch, round, true}, out);
  send(cancel(b.watch));
  EXPECT_EQ(answer()->watch_id(), -1);
  core.on_marker({b.watch, b.epoch, round, true}, out);
  EXPECT_TRUE(out.answers.empty());
}

TEST_F(session, each_progress_request_has_an_answer_and_rounds_do_not_overlap) {
  auto a = open(create());
  send_all({progress(), progress(), progress()});
  auto first = take<begin_round>()->round;
  nothing_more();
  core.on_progress_point(first, 120, {}, out);
  take<mark_watchers>();
  core.on_marker({a.watch, a.epoch, first, true}, out);
  EXPECT_TRUE(answer());
  EXPECT_FALSE(answer());
  auto second = take<begin_round>()->round;
  core.on_progress_point(second, 121, {}, out);
  take<mark_watchers>();
  core.on_marker({a.watch, a.epoch, second, true}, out);
  EXPECT_TRUE(answer());
  EXPECT_TRUE(answer());
  nothing_more();
}

TEST_F(session, from_time_to_time_quiet_watches_that_want_it_are_told_of_progress) {
  auto wants = create();
  wants.mutable_create_request()->set_progress_notify(true);
  auto quiet = open(wants);
  auto busy = open(wants);
  open(create());
  deliver(busy, 110, 1);
  answer();
  core.on_progress_due(out);
  auto round = take<begin_round>()->round;
  core.on_progress_point(round, 120, {}, out);
  EXPECT_EQ(take<mark_watchers>()->slots, std::vector<watcher_slot>{quiet.slot});
  core.on_marker({quiet.watch, quiet.epoch, round, true}, out);
  auto x = answer();
  ASSERT_TRUE(x);
  EXPECT_EQ(x->watch_id(), quiet.watch);
  EXPECT_EQ(x->header().revision(), 120);
  nothing_more();
  core.on_progress_due(out);
  core.on_progress_point(take<begin_round>()->round, 130, {}, out);
  EXPECT_EQ(take<mark_watchers>()->slots.size(), 2u) << "the other was quiet since";
}

class narrow_session : public session {
protected:
  narrow_session()
      : session({.max_unconfirmed_bytes = 1'000,
                 .max_held_bytes = 2'000,
                 .max_catching_up = 1,
                 .max_watches = 4}) {}
};

TEST_F(narrow_session, what_the_client_has_not_read_waits_and_keeps_its_order) {
  auto a = open(create());
  deliver(a, 101, 2'000);
  EXPECT_TRUE(answer()) << "one more than fits";
  deliver(a, 102, 10);
  send(cancel(a.watch));
  take<end_watches>();
  core.on_dropped(102, {}, out);
  nothing_more();
  EXPECT_GT(counters->watches.held_bytes.value(), 0);
  event(call_event::what::writable);
  EXPECT_EQ(answer()->events_size(), 1);
  EXPECT_TRUE(answer()->canceled());
  EXPECT_EQ(counters->watches.held_bytes.value(), 0);
}

// Checklist 78: bounded memory, nothing is lost.
TEST_F(narrow_session, events_for_a_client_that_does_not_read_are_dropped_and_read_again) {
  auto a = open(create());
  auto b = open(create());
  deliver(a, 101, 2'000);
  EXPECT_TRUE(answer());
  deliver(a, 102, 2'000);
  nothing_more();
  deliver(a, 103, 10);
  auto paused = take<order_watcher>();
  ASSERT_TRUE(paused);
  EXPECT_EQ(paused->slot, a.slot);
  EXPECT_EQ(paused->order.kind, watch_order::what::pause);
  deliver(a, 104, 10);
  nothing_more();
  deliver(b, 104, 10);
  EXPECT_EQ(take<order_watcher>()->slot, b.slot);
  EXPECT_EQ(counters->watches.slow_watches.value(), 2);

  event(call_event::what::writable);
  EXPECT_EQ(answer()->header().revision(), 102);
  auto resumed = take<order_watcher>();
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->slot, a.slot);
  EXPECT_EQ(resumed->order.kind, watch_order::what::resume);
  EXPECT_EQ(resumed->order.from, 103);
  EXPECT_EQ(resumed->order.epoch, paused->order.epoch);
  nothing_more(); // one at a time
  deliver(a, 103, 10, resumed->order.epoch);
  event(call_event::what::writable);
  EXPECT_TRUE(answer());
  core.on_notice({watch_notice::what::caught_up, a.watch, resumed->order.epoch}, out);
  EXPECT_EQ(take<order_watcher>()->order.from, 104);
}

TEST_F(narrow_session, a_client_that_does_not_read_holds_nothing_once_its_stream_is_gone) {
  auto a = open(create());
  deliver(a, 101, 2'000);
  deliver(a, 102, 1'000);
  EXPECT_GT(counters->watches.held_bytes.value(), 1'000);
  event(call_event::what::cancel);
  EXPECT_EQ(counters->watches.held_bytes.value(), 0);
}

TEST_F(narrow_session, a_node_that_holds_too_much_lets_no_stream_hold_more) {
  auto a = open(create());
  deliver(a, 101, 2'000);
  deliver(a, 102, 10);
  EXPECT_FALSE(take<order_watcher>());
  counters->watches.held_bytes.add(std::int64_t{256} << 20);
  deliver(a, 103, 10);
  EXPECT_TRUE(take<order_watcher>());
}

TEST_F(narrow_session, where_the_node_is_full_a_stream_may_owe_one_answer) {
  auto a = open(create());
  event(call_event::what::writable);
  counters->watches.unconfirmed_bytes.add(std::int64_t{513} << 20);
  deliver(a, 101, 10);
  EXPECT_TRUE(answer());
  EXPECT_FALSE(take<order_watcher>());
  deliver(a, 102, 10);
  EXPECT_FALSE(answer());
  EXPECT_TRUE(take<order_watcher>());
}

TEST_F(narrow_session, while_it_is_slow_nobody_is_told_of_progress) {
  auto a = open(create());
  deliver(a, 101, 2'000);
  deliver(a, 101, 2'000);
  out = {};
  send(progress());
  auto round = take<begin_round>()->round;
  core.on_progress_point(round, 120, {}, out);
  take<mark_watchers>();
  core.on_marker({a.watch, a.epoch, round, true}, out);
  event(call_event::what::writable);
  EXPECT_EQ(answer()->events_size(), 1);
  nothing_more();
}

TEST_F(narrow_session, a_watcher_that_fell_behind_is_resumed_where_it_was) {
  auto a = open(create());
  core.on_notice({watch_notice::what::fell_behind, a.watch, a.epoch, 110}, out);
  auto step = take<order_watcher>();
  ASSERT_TRUE(step);
  EXPECT_EQ(step->order.kind, watch_order::what::resume);
  EXPECT_EQ(step->order.from, 110);
}

TEST_F(narrow_session, a_cancelled_reader_makes_room_for_the_next) {
  auto a = open(create(50));
  EXPECT_TRUE(take<order_watcher>());
  open(create(60));
  EXPECT_FALSE(take<order_watcher>());
  send(cancel(a.watch));
  EXPECT_TRUE(take<end_watches>());
  EXPECT_EQ(take<order_watcher>()->order.from, 60);
}

TEST_F(narrow_session, there_is_a_bound_on_the_watches_of_a_node) {
  for (int i = 0; i < 4; ++i)
    open(create());
  send(create());
  take<enroll_watches>();
  registered();
  auto x = answer();
  EXPECT_EQ(x->watch_id(), -1);
  EXPECT_EQ(x->cancel_reason(), "etcdserver: too many watches on this member");
}

/// Entries of one WatchResponse, all in one buffer.
watch_events encoded_events(const std::vector<std::size_t>& sizes, bool one_buffer = true) {
  std::string bytes;
  std::vector<std::size_t> ends;
  for (auto size : sizes) {
    WatchResponse response;
    response.add_events()->mutable_kv()->set_value(std::string(size, 'v'));
    bytes += response.SerializeAsString();
    ends.push_back(bytes.size());
  }
  blob buffer{bytes};
  auto batch = std::make_shared<event_batch>();
  std::size_t begin = 0;
  for (auto end : ends) {
    batch_event event;
    event.encoded = one_buffer ? buffer.slice(begin, end - begin)
                               : blob{std::string{buffer.view().substr(begin, end - begin)}};
    batch->events.push_back(std::move(event));
    begin = end;
  }
  return {.batch = std::move(batch)};
}

WatchResponse parsed(const watch_piece& piece) {
  WatchResponse response;
  EXPECT_TRUE(
    response.ParseFromString(std::string{piece.head.view()} + std::string{piece.tail.view()}));
  return response;
}

TEST(encode_events, shares_what_was_encoded_before) {
  auto events = encoded_events({5, 6, 7});
  auto pieces = encode_events(events, {}, {cluster_id{1}, member_id{2}}, {3, 4, term_t{5}}, 0);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].tail.view().data(), events[0].encoded.view().data());
  auto response = parsed(pieces[0]);
  EXPECT_EQ(response.events_size(), 3);
  EXPECT_EQ(response.watch_id(), 3);
  EXPECT_EQ(response.header().revision(), 4);
  EXPECT_EQ(response.header().raft_term(), 5u);
}

TEST(encode_events, copies_what_lies_apart) {
  auto pieces = encode_events(encoded_events({5, 6}, false), {}, {}, {}, 0);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(parsed(pieces[0]).events(1).kv().value().size(), 6u);
}

TEST(encode_events, leaves_out_the_kinds_that_nobody_wants) {
  auto events = encoded_events({5});
  EXPECT_TRUE(
    encode_events(events, packed_interest{watch_interest{.puts = false}}, {}, {}, 0).empty());
  EXPECT_EQ(
    encode_events(events, packed_interest{watch_interest{.deletions = false}}, {}, {}, 0).size(),
    1u);
}

TEST(encode_events, a_large_response_is_cut_and_all_but_the_last_piece_say_so) {
  auto pieces = encode_events(encoded_events({400, 400, 400, 3'000, 10}), {}, {}, {8}, 1'000);
  ASSERT_EQ(pieces.size(), 4u);
  std::vector<int> sizes;
  std::vector<bool> fragments;
  for (const auto& piece : pieces) {
    auto response = parsed(piece);
    EXPECT_EQ(response.watch_id(), 8);
    sizes.push_back(response.events_size());
    fragments.push_back(response.fragment());
  }
  EXPECT_EQ(sizes, (std::vector<int>{2, 1, 1, 1}));
  EXPECT_EQ(fragments, (std::vector<bool>{true, true, true, false}));
}

TEST(encode_events, one_event_is_never_cut) {
  auto pieces = encode_events(encoded_events({3'000}), {}, {}, {}, 1'000);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_FALSE(parsed(pieces[0]).fragment());
}

} // namespace
} // namespace troupe::watch
