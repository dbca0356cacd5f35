// What clients may use up and how long they may take: bounds in both directions, time.

#include "test/actors/edge/conversation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace std::chrono_literals;
using namespace troupe;
using namespace troupe::test;

namespace {

constexpr auto put = "/etcdserverpb.KV/Put";
constexpr auto watch = "/etcdserverpb.Watch/Watch";
constexpr auto snapshot = "/etcdserverpb.Maintenance/Snapshot";

void answer_all(conversation& c, const std::vector<call_event>& requests) {
  for (const auto& request : requests)
    c.answer(reply_with(request.call, blob{}));
  c.run();
}

// -- bounds

TEST(limits, a_large_answer_leaves_in_pieces_and_tells_when_more_is_welcome) {
  conversation c{{}, 1'000'000'000};
  c.peer.open_window(0, 1'000'000'000);
  auto id = c.peer.call(snapshot, framed("x"));
  c.run();
  auto call = c.take().at(0).call;
  c.answer(message_to(call, std::string(10'000'000, 'a')));
  std::size_t pieces = 0;
  while (c.link.wants_write()) {
    std::vector<char> bytes;
    c.link.write(bytes, 32'768, c.now, c.out);
    ASSERT_LE(bytes.size(), 32'768u + 16'384u + 9u);
    c.peer.input({bytes.data(), bytes.size()});
    ++pieces;
    auto left = 10'000'005 - c.peer.of(id).data.size();
    EXPECT_EQ(count(c.out.calls, what::writable), left <= 65'536 ? 1u : 0u);
  }
  EXPECT_GT(pieces, 200u);
  EXPECT_EQ(c.peer.of(id).data.size(), 10'000'005u);
  c.take();
  // Every answer is followed by its own word.
  c.answer(message_to(call, "small"));
  c.run();
  EXPECT_EQ(count(c.take(), what::writable), 1u);
  c.answer({.call = call, .has_message = true, .ends = true});
  c.run();
  EXPECT_EQ(count(c.take(), what::writable), 0u) << "nothing may follow the end";
}

TEST(limits, a_unary_call_is_never_told_that_it_is_writable) {
  conversation c;
  c.peer.call(put, framed("x"));
  c.run();
  auto call = c.take().at(0).call;
  c.answer(message_to(call, "first"));
  c.run();
  EXPECT_TRUE(c.take().empty());
}

TEST(limits, a_client_without_window_holds_back_only_its_own_stream) {
  conversation c{{}, 100, false};
  auto stuck = c.peer.call(put, framed("x"));
  c.run();
  c.answer(reply_with({7, 42, stuck}, blob{std::string(1000, 'a')}));
  c.run();
  EXPECT_EQ(c.peer.of(stuck).data.size(), 100u);
  auto other = c.peer.call(put, framed("x"));
  c.run();
  c.answer(reply_with({7, 42, other}, blob{std::string(50, 'b')}));
  c.run();
  EXPECT_EQ(c.peer.of(other).status(), "0");
  c.peer.open_window(stuck, 1000);
  c.run();
  EXPECT_EQ(c.peer.of(stuck).data.size(), 1005u);
  EXPECT_EQ(c.peer.of(stuck).status(), "0");
}

TEST(limits, an_answer_nobody_takes_is_dropped_after_a_while) {
  conversation c{{}, 0, false};
  auto id = c.peer.call(put, framed("x"));
  c.run();
  c.answer(reply_with({7, 42, id}, blob{std::string(1'000'000, 'a')}));
  c.run();
  EXPECT_GE(c.link.buffered_bytes(), 1'000'000u);
  c.pass(59s);
  EXPECT_FALSE(c.peer.of(id).closed);
  c.pass(20s);
  EXPECT_TRUE(c.peer.of(id).closed);
  EXPECT_EQ(c.link.buffered_bytes(), 0u);
}

// As in etcd: only the client knows when it will read on (checklist 78).
void is_kept_until_its_end(const char* method, bool half_closed) {
  conversation c{{}, 1'000, false};
  auto id = c.peer.call(method, framed("x"), half_closed);
  c.run();
  c.take();
  c.answer(message_to({7, 42, id}, std::string(100'000, 'a')));
  c.run();
  c.take();
  c.pass(24h);
  EXPECT_FALSE(c.peer.of(id).closed);
  EXPECT_TRUE(c.take().empty());
  c.answer(refuse_with({7, 42, id}, errc::malformed_message));
  c.run();
  c.pass(61s);
  c.pass(20s);
  EXPECT_TRUE(c.peer.of(id).closed) << "nothing is owed to who does not even take the end";
  EXPECT_EQ(c.shared.answers, 0u);
}

TEST(limits, a_watch_whose_client_stands_still_is_kept_until_its_end) {
  is_kept_until_its_end(watch, false);
}

TEST(limits, an_observer_who_stands_still_is_kept_until_the_end) {
  is_kept_until_its_end("/v3electionpb.Election/Observe", true);
}

// What one watch holds for ever, many hold without bound.
TEST(limits, a_watch_that_stands_still_is_given_up_when_there_is_no_room_for_it) {
  conversation c{{.max_connection_unsent_bytes = 150'000}, 1'000, false};
  auto first = c.peer.call(watch, framed("x"), false);
  c.run();
  c.answer(message_to({7, 42, first}, std::string(100'000, 'a')));
  c.run();
  c.pass(24h);
  EXPECT_FALSE(c.peer.of(first).closed);
  auto second = c.peer.call(watch, framed("x"), false);
  c.run();
  c.take();
  c.answer(message_to({7, 42, second}, std::string(100'000, 'a')));
  c.run();
  c.pass(20s);
  EXPECT_TRUE(c.peer.of(first).closed);
  EXPECT_FALSE(c.peer.of(second).closed) << "it may still move";
  EXPECT_EQ(count(c.take(), what::cancel), 1u);
  c.pass(24h);
  EXPECT_FALSE(c.peer.of(second).closed) << "alone it has room";
}

TEST(limits, a_watch_that_stands_still_makes_room_for_the_others_of_the_edge) {
  conversation c{{}, 1'000, false};
  auto id = c.peer.call(watch, framed("x"), false);
  c.run();
  c.answer(message_to({7, 42, id}, std::string(100'000, 'a')));
  c.run();
  c.shared.max_answers = 100'000;
  c.pass(24h);
  EXPECT_FALSE(c.peer.of(id).closed);
  byte_share rest{c.shared.answers};
  rest.set(50'000);
  c.pass(20s);
  EXPECT_TRUE(c.peer.of(id).closed);
}

TEST(limits, beyond_twice_the_room_everybody_is_refused) {
  EXPECT_FALSE(edge_shared::refuses(1'600, 1'600, 1'600));
  EXPECT_FALSE(edge_shared::refuses(1'601, 1'600, 100));
  EXPECT_TRUE(edge_shared::refuses(1'601, 1'600, 101));
  EXPECT_FALSE(edge_shared::refuses(3'200, 1'600, 0));
  EXPECT_TRUE(edge_shared::refuses(3'202, 1'600, 0));
}

// A range that comes in pieces, a snapshot: the producer waits for the client.
TEST(limits, a_stream_whose_answers_nobody_takes_is_given_up_before_its_end) {
  conversation c{{}, 1'000, false};
  auto stuck = c.peer.call(snapshot, framed("x"));
  auto served = c.peer.call(watch, framed("x"), false);
  c.run();
  c.take();
  c.answer(message_to({7, 42, stuck}, std::string(100'000, 'a')));
  c.answer(message_to({7, 42, served}, "all of it"));
  c.run();
  c.take();
  c.pass(59s);
  c.peer.open_window(stuck, 1);
  c.run();
  c.pass(59s);
  EXPECT_FALSE(c.peer.of(stuck).closed) << "it took one byte meanwhile";
  EXPECT_TRUE(c.take().empty());
  c.pass(20s);
  EXPECT_EQ(c.peer.of(stuck).error, std::uint32_t{NGHTTP2_CANCEL});
  EXPECT_FALSE(c.peer.of(served).closed);
  auto events = c.take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, what::cancel);
  EXPECT_EQ(events[0].call.stream, stuck);
  EXPECT_EQ(c.shared.answers, 0u);
}

TEST(limits, a_producer_that_ignores_the_bound_loses_its_stream) {
  conversation c{{.max_stream_unsent_bytes = 100'000}, 10, false};
  auto id = c.peer.call(watch, framed("x"), false);
  c.run();
  c.take();
  c.answer(message_to({7, 42, id}, std::string(200'000, 'a')));
  c.run();
  EXPECT_TRUE(c.take().empty()) << "one message may be of any size";
  c.answer(message_to({7, 42, id}, "b"));
  auto events = c.take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, what::cancel);
}

TEST(limits, new_calls_are_refused_while_too_much_is_unsent) {
  conversation c{{.max_connection_unsent_bytes = 1'000}, 10, false};
  auto stuck = c.peer.call(put, framed("x"));
  c.run();
  c.take();
  c.answer(reply_with({7, 42, stuck}, blob{std::string(5'000, 'a')}));
  auto refused = c.peer.call(put, framed("x"));
  c.run();
  EXPECT_EQ(c.peer.of(refused).status(), "2 etcdserver: too many requests");
  EXPECT_TRUE(c.take().empty());
}

TEST(limits, a_long_status_text_is_cut_to_what_a_header_block_holds) {
  conversation c;
  // One that is nothing but a status, and one that ends in a trailer.
  auto plain = c.peer.call(put, framed("x"));
  auto stream = c.peer.call(watch, framed("x"), false);
  c.run();
  c.answer(message_to({7, 42, stream}, "y"));
  c.run();
  std::string text = "x";
  while (text.size() < 100'000)
    text += "\u00e4";
  for (auto id : {plain, stream})
    c.answer({.call = {7, 42, id}, .ends = true, .error = errc::internal, .detail = text});
  c.run();
  for (auto id : {plain, stream}) {
    EXPECT_TRUE(c.peer.of(id).closed);
    EXPECT_EQ(c.peer.of(id).field("grpc-message").size(), 1 + 4'094 * 3u);
    EXPECT_TRUE(c.peer.of(id).field("grpc-message").ends_with("%C3%A4"));
  }
  EXPECT_EQ(c.link.open_calls(), 0u);
}

TEST(limits, who_does_not_read_answers_does_not_shut_out_the_others) {
  conversation hog{{}, 0, false};
  conversation other{hog};
  hog.shared.max_answers = 100'000;
  hog.answer_next(put, std::string(150'000, 'a'));
  auto refused = hog.peer.call(put, framed("x"));
  hog.run();
  EXPECT_EQ(hog.peer.of(refused).status(), "2 etcdserver: too many requests");
  auto fine = other.answer_next(put, "b");
  EXPECT_EQ(other.peer.of(fine).status(), "0");
}

TEST(limits, a_client_stream_gets_no_window_until_it_is_answered) {
  conversation c{{.max_unread_bytes = 200'000}};
  std::string flood;
  for (int i = 0; i < 1'000; ++i)
    flood += framed(std::string(1'000, 'w'));
  auto id = c.peer.call(watch, flood, false);
  c.run();
  auto first = count(c.take(), what::message);
  EXPECT_GE(first * 1'005, 200'000u);
  EXPECT_LE(first * 1'005, 200'000u + 65'535u);
  c.answer(message_to({7, 42, id}, "got it"));
  c.run();
  auto second = count(c.take(), what::message);
  EXPECT_GE(second * 1'005, 200'000u);
  EXPECT_LE(second * 1'005, 200'000u + 65'535u);
  auto sent = c.peer.of(id).data;
  c.answer({.call = {7, 42, id}});
  c.run();
  EXPECT_EQ(count(c.take(), what::message), second) << "taken, though not answered";
  EXPECT_EQ(c.peer.of(id).data, sent);
  EXPECT_FALSE(c.peer.of(id).closed);
}

TEST(limits, large_requests_take_turns_and_all_arrive) {
  conversation c{{.max_assembly_bytes = 4'000'000}};
  std::string large(2'000'000, 'l');
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 10; ++i)
    ids.push_back(c.peer.call(put, framed(large).substr(0, 1'900'000), false));
  c.run();
  // Two of them fit; the others sent no more than their first window.
  EXPECT_LE(c.link.buffered_bytes(), 4'000'000u + 8 * 65'535u + 10 * 1'000u);
  EXPECT_EQ(c.shared.requests, c.link.buffered_bytes());
  EXPECT_GE(c.peer.unsent(), 8 * (1'900'000 - 65'535u));
  for (auto id : ids)
    c.peer.send(id, framed(large).substr(1'900'000), true);
  c.run();
  auto requests = c.take();
  EXPECT_EQ(count(requests, what::request), 10u);
  answer_all(c, requests);
  EXPECT_EQ(c.link.buffered_bytes(), 0u);
}

TEST(limits, many_beginnings_of_requests_are_bounded_together) {
  conversation c{{.max_partial_bytes = 500'000}};
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 50; ++i)
    ids.push_back(c.peer.call(put, framed(std::string(60'000, 'p')).substr(0, 50'000), false));
  c.run();
  EXPECT_LE(c.link.buffered_bytes(), 500'000u);
  auto refused = std::count_if(ids.begin(), ids.end(), [&](auto id) {
    return c.peer.of(id).status() == "2 etcdserver: too many requests";
  });
  EXPECT_GE(refused, 39);
  EXPECT_LE(refused, 41);
  for (auto id : ids)
    if (!c.peer.of(id).closed)
      c.peer.send(id, std::string(20'000, 'p'), true);
  c.run();
  auto requests = c.take();
  EXPECT_EQ(count(requests, what::request), ids.size() - static_cast<std::size_t>(refused));
  answer_all(c, requests);
  EXPECT_EQ(c.shared.requests, 0u);
}

TEST(limits, an_open_stream_counts_with_its_header_until_it_ends) {
  conversation c;
  auto id = c.peer.call(watch, framed("x"), false, {{"token", std::string(10'000, 't')}});
  c.run();
  EXPECT_EQ(count(c.take(), what::message), 1u);
  EXPECT_GE(c.shared.requests, 10'512u);
  EXPECT_LE(c.shared.requests, 11'000u);
  c.peer.reset(id);
  c.run();
  EXPECT_EQ(c.shared.requests, 0u);
}

TEST(limits, open_streams_are_bounded_by_what_they_cost) {
  conversation c{{.max_partial_bytes = 10'000}};
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 50; ++i)
    ids.push_back(c.peer.call(watch, framed("x"), false));
  c.run();
  auto open = count(c.take(), what::open);
  EXPECT_GE(open, 8u);
  EXPECT_LE(open, 15u);
  EXPECT_EQ(c.peer.of(ids.back()).status(), "2 etcdserver: too many requests");
  EXPECT_EQ(c.link.open_calls(), open);
}

TEST(limits, who_opens_too_many_streams_does_not_shut_out_the_others) {
  conversation hog;
  hog.shared.max_requests = 100'000;
  conversation other{hog};
  for (int i = 0; i < 500; ++i)
    hog.peer.call(watch, framed("x"), false);
  hog.run();
  EXPECT_GE(hog.shared.requests, 99'000u);
  EXPECT_LE(hog.shared.requests, 101'000u);
  other.peer.call(watch, framed("x"), false);
  other.run();
  EXPECT_EQ(count(other.take(), what::message), 1u);
}

TEST(limits, connections_share_one_budget) {
  conversation c;
  c.shared.max_requests = 1'000;
  connection other{c.limits, c.shared, {.connection = 2}, "", c.now};
  heard heard;
  other.receive("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n"
                  + std::string(800, 'b'),
                c.now, heard);
  auto id = c.peer.call(put, framed(std::string(600, 'p')).substr(0, 500), false);
  c.run();
  EXPECT_EQ(c.peer.of(id).status(), "2 etcdserver: too many requests");
  other.receive(std::string(500, 'b'), c.now, heard);
  EXPECT_TRUE(heard.requests.empty());
  std::vector<char> bytes;
  other.write(bytes, 1'000, c.now, heard);
  EXPECT_TRUE((std::string{bytes.begin(), bytes.end()}.starts_with("HTTP/1.1 503 ")));
  EXPECT_EQ(c.shared.requests, 0u);
}

TEST(limits, the_client_is_told_how_many_streams_it_may_open) {
  conversation c{{.max_concurrent_streams = 2}};
  c.run();
  for (int i = 0; i < 3; ++i)
    c.peer.call(put, framed("x"));
  c.run();
  EXPECT_EQ(count(c.take(), what::request), 2u) << "the third waits in the client";
  c.answer(reply_with({7, 42, 1}, blob{}));
  c.run();
  EXPECT_EQ(count(c.take(), what::request), 1u);
}

// Above etcd's flag there is a bound of our own.
TEST(limits, nobody_may_open_streams_without_bound) {
  conversation c{{.max_concurrent_streams = 4'294'967'295}};
  c.run();
  for (int i = 0; i < 20'010; ++i)
    c.peer.call(put, framed("x"));
  c.run();
  EXPECT_EQ(count(c.take(), what::request), 20'000u);
}

TEST(limits, a_header_list_that_is_too_long_resets_its_stream_only) {
  conversation c;
  header_list bomb;
  for (int i = 0; i < 40; ++i)
    bomb.emplace_back("x-header", std::string(2'000, 'h'));
  auto id = c.peer.call(put, framed("x"), true, bomb);
  auto fine = c.peer.call(put, framed("x"));
  c.run();
  EXPECT_TRUE(c.peer.of(id).closed);
  EXPECT_NE(c.peer.of(id).error, 0u);
  auto events = c.take();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].call.stream, fine);
  EXPECT_FALSE(c.link.finished());
}

// -- time

TEST(limits, whoever_says_nothing_is_let_go) {
  conversation c;
  EXPECT_EQ(c.link.next_check(), c.now + 10s);
  c.link.check(c.now + 10s, c.out);
  EXPECT_TRUE(c.link.finished());
}

TEST(limits, a_preface_without_settings_is_let_go) {
  conversation c;
  c.link.receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", c.now, c.out);
  c.flush();
  c.link.check(c.now + 9s, c.out);
  EXPECT_FALSE(c.link.finished());
  c.link.check(c.now + 10s, c.out);
  EXPECT_TRUE(c.link.finished());
}

TEST(limits, a_header_block_that_does_not_end_ends_the_connection) {
  conversation c;
  c.link.receive(preface_and_settings() + frame(1, 0, 1, "\x83"), c.now, c.out);
  c.flush();
  c.link.check(c.now + 9s, c.out);
  EXPECT_FALSE(c.link.finished());
  c.link.check(c.now + 10s, c.out);
  EXPECT_TRUE(c.link.finished());
}

TEST(limits, an_idle_connection_is_kept) {
  conversation c;
  c.peer.call(put, framed("x"));
  c.run();
  c.answer(reply_with(c.take().at(0).call, blob{}));
  c.pass(1h);
  EXPECT_FALSE(c.link.finished());
}

TEST(limits, a_message_that_trickles_in_is_given_up) {
  conversation c;
  auto id = c.peer.call(put, framed("hello").substr(0, 6), false);
  auto stream = c.peer.call(watch, framed("hello").substr(0, 6), false);
  c.run();
  c.take();
  c.pass(59s);
  EXPECT_FALSE(c.peer.of(id).closed);
  c.pass(2s);
  EXPECT_EQ(c.peer.of(id).status(), "4 message took too long to arrive");
  EXPECT_EQ(c.peer.of(stream).status(), "4 message took too long to arrive");
  EXPECT_EQ(count(c.take(), what::cancel), 1u) << "only the stream was known";
}

TEST(limits, a_stream_may_be_silent_between_messages) {
  conversation c;
  auto id = c.peer.call(watch, framed("x"), false);
  c.run();
  c.pass(1h);
  EXPECT_FALSE(c.peer.of(id).closed);
}

TEST(limits, a_silent_client_is_asked_and_then_given_up) {
  conversation c;
  c.peer.call(watch, framed("x"), false);
  c.run();
  c.pass(2h - 1s);
  EXPECT_EQ(c.peer.pings, 0u);
  c.pass(2s);
  EXPECT_EQ(c.peer.pings, 1u);
  c.pass(1h);
  EXPECT_FALSE(c.link.finished()) << "it answered";
  c.now += 2h;
  c.link.check(c.now, c.out);
  c.flush();
  c.now += 20s;
  c.link.check(c.now, c.out);
  EXPECT_TRUE(c.link.finished());
}

TEST(limits, pings_are_answered) {
  conversation c;
  c.peer.ping();
  c.run();
  EXPECT_EQ(c.peer.ping_acks, 1u);
}

// As grpc-go: two strikes, and sending anything in between forgives.
TEST(limits, too_many_pings_end_the_connection) {
  conversation c;
  auto id = c.peer.call(watch, framed("x"), false);
  c.run();
  c.take();
  for (int i = 0; i < 3; ++i) {
    c.peer.ping();
    c.pass(1s);
  }
  c.answer(message_to({7, 42, id}, "forgiven"));
  c.run();
  for (int i = 0; i < 3; ++i) {
    c.peer.ping();
    c.pass(1s);
  }
  EXPECT_TRUE(c.peer.goaways.empty());
  for (int i = 0; i < 3; ++i) {
    c.peer.ping();
    c.pass(5s);
  }
  EXPECT_TRUE(c.peer.goaways.empty()) << "as often as allowed";
  c.peer.ping();
  c.pass(1s);
  ASSERT_EQ(c.peer.goaways.size(), 1u);
  EXPECT_EQ(c.peer.goaways[0].first, std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_EQ(c.peer.goaways[0].second, "too_many_pings");
  EXPECT_TRUE(c.link.finished());
}

TEST(limits, draining_lets_open_calls_end_and_takes_no_more) {
  conversation c;
  auto open = c.peer.call(put, framed("x"));
  c.run();
  c.take();
  c.link.drain(c.now);
  c.run();
  ASSERT_EQ(c.peer.goaway_last_streams.size(), 1u);
  EXPECT_EQ(c.peer.goaway_last_streams[0], 0x7fffffff) << "first only a notice";
  c.pass(100ms);
  ASSERT_EQ(c.peer.goaway_last_streams.size(), 2u);
  EXPECT_EQ(c.peer.goaway_last_streams[1], open);
  EXPECT_FALSE(c.link.finished());
  c.answer(reply_with({7, 42, open}, blob{std::string{"done"}}));
  c.run();
  EXPECT_EQ(c.peer.of(open).status(), "0");
  EXPECT_TRUE(c.link.finished());
}

} // namespace
