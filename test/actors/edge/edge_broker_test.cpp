// The broker on CAF's test multiplexer: no sockets, no threads, time by hand.

#include "actors/edge/descriptor_limit.hpp"
#include "actors/edge/edge_broker.hpp"
#include "test/actors/edge/grpc_peer.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/test_multiplexer.hpp>
#include <caf/io/scribe.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace troupe;
using namespace troupe::test;

namespace {

using caf::io::accept_handle;
using caf::io::connection_handle;

constexpr auto put = "/etcdserverpb.KV/Put";

struct set_clock final : troupe::clock {
  time_point now() const override {
    if (broken)
      throw std::runtime_error{"the clock stands still"};
    return time;
  }

  std::int64_t unix_seconds() const override {
    return 0;
  }

  time_point time{1h};
  bool broken = false;
};

struct recording {
  std::vector<call_batch> batches;
  std::vector<http_request> requests;
  std::vector<http_request> gateway_requests;
  std::vector<http_event> gateway_events;
};

call_sink::behavior_type record_calls(call_sink::pointer, std::shared_ptr<recording> to) {
  return {[to](const call_batch& batch) { to->batches.push_back(batch); }};
}

http_sink::behavior_type record_requests(http_sink::pointer, std::shared_ptr<recording> to) {
  return {[to](const http_request& request) { to->requests.push_back(request); }};
}

gateway_sink::behavior_type record_gateway(gateway_sink::pointer, std::shared_ptr<recording> to) {
  return {[to](const http_request& request) { to->gateway_requests.push_back(request); },
          [to](const http_event& event) { to->gateway_events.push_back(event); }};
}

struct test_config : caf::actor_system_config {
  test_config() {
    register_messages(*this);
    load<caf::io::middleman, caf::io::network::test_multiplexer>();
    set("scheduler.policy", caf::atom("testing"));
    set("middleman.manual-multiplexing", true);
    set("middleman.attach-utility-actors", true);
  }
};

struct edge_broker_test : testing::Test {
  static constexpr std::uint16_t port = 2379;

  edge_broker_test() {
    calls = system.spawn(record_calls, seen);
    pages = system.spawn(record_requests, seen);
    gateway = system.spawn(record_gateway, seen);
    config.number = 3;
    config.http.gateway_prefixes = {"/v3/"};
    config.http.streamed_paths = {"/v3/watch"};
  }

  ~edge_broker_test() override {
    caf::anon_send_exit(edge, caf::exit_reason::kill);
    caf::anon_send_exit(calls, caf::exit_reason::kill);
    caf::anon_send_exit(pages, caf::exit_reason::kill);
    caf::anon_send_exit(gateway, caf::exit_reason::kill);
    settle();
    sched.clock().cancel_all();
  }

  void start() {
    mpx.provide_acceptor(port, acceptor);
    std::vector<listener> listeners;
    listeners.push_back(listener::by_port(port));
    edge = spawn_edge(system, config, {calls, pages, clock, counters, nullptr, gateway},
                      std::move(listeners));
    edge->attach_functor([this](const caf::error& reason) {
      ended = true;
      why = to_string(reason);
    });
    settle();
    caf::anon_send(edge, serve_clients{});
    settle();
  }

  void settle() {
    while (mpx.try_exec_runnable() || sched.try_run_once() || mpx.try_read_data()) {
    }
  }

  void pass(std::chrono::milliseconds time) {
    for (; time.count() > 0; time -= config.tick) {
      clock->time += config.tick;
      sched.advance_time(config.tick);
      settle();
    }
  }

  connection_handle connect(std::int64_t id) {
    auto handle = connection_handle::from_int(id);
    mpx.add_pending_connect(acceptor, handle);
    mpx.accept_connection(acceptor);
    settle();
    return handle;
  }

  // Bytes wait in the virtual network until settle() reads them all in one round.
  void offer(connection_handle to, std::string_view bytes) {
    auto& network = mpx.virtual_network_buffer(to);
    network.insert(network.end(), bytes.begin(), bytes.end());
  }

  // What the broker wrote to a connection; the kernel takes it.
  std::string taken_from(connection_handle handle) {
    auto& buffer = mpx.output_buffer(handle);
    std::string result{buffer.begin(), buffer.end()};
    buffer.clear();
    if (!result.empty())
      mpx.impl_ptr(handle)->data_transferred(&mpx, result.size(), 0);
    return result;
  }

  void exchange(grpc_peer& peer, connection_handle handle) {
    for (;;) {
      auto out = peer.output();
      offer(handle, out);
      settle();
      auto in = taken_from(handle);
      peer.input(in);
      settle();
      if (out.empty() && in.empty())
        return;
    }
  }

  std::vector<call_event> take_events() {
    std::vector<call_event> result;
    for (auto& batch : std::exchange(seen->batches, {}))
      for (auto& event : batch.events)
        result.push_back(event);
    return result;
  }

  test_config cfg;
  caf::actor_system system{cfg};
  caf::scheduler::test_coordinator& sched =
    dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  caf::io::network::test_multiplexer& mpx =
    dynamic_cast<caf::io::network::test_multiplexer&>(system.middleman().backend());
  accept_handle acceptor = accept_handle::from_int(1);
  std::shared_ptr<set_clock> clock = std::make_shared<set_clock>();
  std::shared_ptr<edge_counters> counters = std::make_shared<edge_counters>();
  std::shared_ptr<recording> seen = std::make_shared<recording>();
  call_sink calls;
  http_sink pages;
  gateway_sink gateway;
  edge_config config;
  edge_actor edge;
  bool ended = false;
  std::string why;
};

TEST_F(edge_broker_test, a_round_over_many_connections_is_one_batch_and_answers_return) {
  start();
  auto a = connect(10);
  auto b = connect(11);
  grpc_peer first, second;
  auto ask_first = first.call(put, framed("one"));
  auto also_first = first.call(put, framed("two"));
  auto ask_second = second.call(put, framed("three"));
  offer(a, first.output());
  offer(b, second.output());
  // Both sockets are read before anything else runs.
  mpx.try_read_data(a);
  mpx.try_read_data(b);
  settle();
  ASSERT_EQ(seen->batches.size(), 1u);
  auto events = take_events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].call.edge, 3u);
  EXPECT_EQ(events[0].body.view(), "one");
  EXPECT_EQ(events[2].body.view(), "three");
  EXPECT_NE(events[0].call.connection, events[2].call.connection);

  rpc_answers answers;
  for (const auto& event : events)
    answers.answers.push_back(reply_with(event.call, event.body));
  caf::anon_send(edge, std::move(answers));
  settle();
  exchange(first, a);
  exchange(second, b);
  EXPECT_EQ(first.of(ask_first).data, framed("one"));
  EXPECT_EQ(first.of(also_first).data, framed("two"));
  EXPECT_EQ(second.of(ask_second).data, framed("three"));
  EXPECT_EQ(second.of(ask_second).status(), "0");
  EXPECT_EQ(counters->events.get(), 3u);
  EXPECT_EQ(counters->batches.get(), 1u);
  EXPECT_EQ(counters->connections_open.get(), 2u);
}

TEST_F(edge_broker_test, a_large_answer_is_fed_as_the_socket_takes_it) {
  start();
  auto a = connect(10);
  grpc_peer peer{1'000'000'000};
  peer.open_window(0, 1'000'000'000);
  auto id = peer.call(put, framed("x"));
  exchange(peer, a);
  caf::anon_send(
    edge, rpc_answers{{reply_with(take_events().at(0).call, blob{std::string(1'000'000, 'x')})}});
  settle();
  std::size_t pieces = 0;
  while (peer.of(id).data.size() < 1'000'005) {
    auto piece = taken_from(a);
    ASSERT_FALSE(piece.empty());
    ASSERT_LE(piece.size(), config.write_chunk_bytes + 16'384 + 9);
    peer.input(piece);
    settle();
    ++pieces;
  }
  EXPECT_GE(pieces, 20u);
}

TEST_F(edge_broker_test, a_closed_connection_cancels_its_calls_and_its_number_is_never_used_again) {
  start();
  auto a = connect(10);
  grpc_peer peer;
  peer.call(put, framed("x"));
  exchange(peer, a);
  auto call = take_events().at(0).call;
  mpx.impl_ptr(a)->io_failure(&mpx, caf::io::network::operation::read);
  settle();
  auto events = take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, call_event::what::cancel);
  EXPECT_EQ(events[0].call, call);
  EXPECT_EQ(counters->connections_open.get(), 0u);

  // The next connection gets the same place but another number: a late answer does not reach it.
  auto b = connect(11);
  grpc_peer other;
  other.call(put, framed("y"));
  exchange(other, b);
  auto next = take_events().at(0).call;
  EXPECT_EQ(next.stream, call.stream);
  EXPECT_NE(next.connection, call.connection);
  caf::anon_send(edge, rpc_answers{{reply_with(call, blob{std::string{"for the dead"}})}});
  settle();
  exchange(other, b);
  EXPECT_EQ(other.of(next.stream).data, "");
}

TEST_F(edge_broker_test, http_requests_go_to_the_pages) {
  start();
  auto a = connect(10);
  offer(a, "GET /health?x=y HTTP/1.1\r\nHost: h\r\n\r\n");
  settle();
  ASSERT_EQ(seen->requests.size(), 1u);
  EXPECT_EQ(seen->requests[0].path, "/health");
  http_response response{.call = seen->requests[0].call};
  response.body = "healthy";
  caf::anon_send(edge, std::move(response));
  settle();
  EXPECT_TRUE(taken_from(a).ends_with("\r\n\r\nhealthy"));
}

TEST_F(edge_broker_test, without_pages_nothing_is_found) {
  caf::anon_send_exit(pages, caf::exit_reason::kill);
  pages = nullptr;
  start();
  auto a = connect(10);
  offer(a, "GET /health HTTP/1.1\r\nHost: h\r\n\r\n");
  settle();
  EXPECT_TRUE(taken_from(a).starts_with("HTTP/1.1 404 "));
  pages = system.spawn(record_requests, seen);
}

TEST_F(edge_broker_test, accepts_so_many_per_tick_and_pauses_at_the_limit) {
  config.accepts_per_tick = 2;
  config.max_connections = 3;
  start();
  connect(10);
  EXPECT_FALSE(mpx.passive_mode(acceptor));
  connect(11);
  EXPECT_TRUE(mpx.passive_mode(acceptor)) << "two per tick";
  pass(config.tick);
  EXPECT_FALSE(mpx.passive_mode(acceptor));
  auto last = connect(12);
  pass(config.tick);
  EXPECT_TRUE(mpx.passive_mode(acceptor)) << "three in all";
  EXPECT_GE(counters->accept_pauses.get(), 1u);
  mpx.impl_ptr(last)->io_failure(&mpx, caf::io::network::operation::read);
  pass(config.tick);
  EXPECT_FALSE(mpx.passive_mode(acceptor));
}

TEST(descriptor_limit, connections_get_what_is_not_reserved) {
  EXPECT_EQ(connections_within(SIZE_MAX, 2'048), SIZE_MAX - 2'048);
  EXPECT_EQ(connections_within(65'536, 2'048), 63'488u);
  EXPECT_EQ(connections_within(2'112, 2'048), 64u);
  EXPECT_EQ(connections_within(2'111, 2'048), 1'055u) << "half is better than next to nothing";
  EXPECT_EQ(connections_within(1'024, 2'048), 512u);
}

TEST_F(edge_broker_test, deadlines_are_kept_by_the_tick) {
  start();
  auto a = connect(10);
  grpc_peer peer;
  auto id = peer.call(put, framed("x"), true, {{"grpc-timeout", "1S"}});
  exchange(peer, a);
  take_events();
  pass(900ms);
  exchange(peer, a);
  EXPECT_EQ(peer.of(id).status(), "");
  pass(200ms);
  exchange(peer, a);
  EXPECT_EQ(peer.of(id).status(), "4 context deadline exceeded");
  auto events = take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, call_event::what::cancel);
}

TEST_F(edge_broker_test, a_client_that_says_nothing_is_closed) {
  start();
  auto a = connect(10);
  pass(9s);
  EXPECT_FALSE(mpx.stopped_reading(a));
  pass(2s);
  EXPECT_TRUE(mpx.stopped_reading(a));
}

TEST_F(edge_broker_test, a_reader_that_takes_nothing_is_cut_off) {
  start();
  auto a = connect(10);
  grpc_peer peer{1'000'000'000};
  peer.open_window(0, 1'000'000'000);
  peer.call(put, framed("x"));
  exchange(peer, a);
  caf::anon_send(
    edge, rpc_answers{{reply_with(take_events().at(0).call, blob{std::string(1'000'000, 'x')})}});
  settle();
  EXPECT_LE(mpx.output_buffer(a).size(), config.write_chunk_bytes + 16'384 + 9)
    << "the rest waits where it is shared";
  pass(29s);
  EXPECT_FALSE(mpx.stopped_reading(a));
  pass(2s);
  EXPECT_TRUE(mpx.stopped_reading(a));
  EXPECT_EQ(counters->connections_cut.get(), 1u);
}

TEST_F(edge_broker_test, an_answer_in_parts_goes_out_as_it_comes_and_its_end_is_told) {
  start();
  auto handle = connect(10);
  offer(handle, "POST /v3/watch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                "2\r\n{}\r\n");
  settle();
  EXPECT_TRUE(seen->requests.empty());
  ASSERT_EQ(seen->gateway_requests.size(), 1u);
  auto call = seen->gateway_requests[0].call;
  EXPECT_EQ(call.edge, 3u);
  EXPECT_EQ(seen->gateway_requests[0].body.view(), "{}");
  http_response response{.call = call};
  response.body_goes_on = true;
  caf::anon_send(edge, response);
  caf::anon_send(edge, http_body_parts{{{call, "one", false}, {call, "two", false}}});
  settle();
  EXPECT_TRUE(taken_from(handle).ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n"));
  offer(handle, "1\r\n \r\n");
  settle();
  ASSERT_FALSE(seen->gateway_events.empty());
  EXPECT_EQ(seen->gateway_events.front().kind, http_event::what::writable);
  EXPECT_EQ(seen->gateway_events.back().kind, http_event::what::body);
  EXPECT_EQ(seen->gateway_events.back().body.view(), " ");
  // Silence is no reason to end it.
  pass(200s);
  EXPECT_EQ(counters->connections_open.get(), 1u);
  mpx.impl_ptr(handle)->io_failure(&mpx, caf::io::network::operation::read);
  settle();
  EXPECT_EQ(seen->gateway_events.back().kind, http_event::what::gone);
  EXPECT_EQ(seen->gateway_events.back().call, call);
  // What still comes for it is dropped.
  caf::anon_send(edge, http_body_parts{{{call, "three", true}}});
  settle();
}

TEST_F(edge_broker_test, a_client_that_takes_nothing_of_a_stream_is_cut_off) {
  start();
  auto handle = connect(10);
  offer(handle, "POST /v3/watch HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  settle();
  auto call = seen->gateway_requests.at(0).call;
  http_response response{.call = call};
  response.body_goes_on = true;
  caf::anon_send(edge, response);
  caf::anon_send(edge, http_body_parts{{{call, std::string(200'000, 'x'), false}}});
  settle();
  pass(29s);
  EXPECT_EQ(counters->connections_cut.get(), 0u);
  pass(2s);
  EXPECT_EQ(counters->connections_cut.get(), 1u);
  EXPECT_EQ(seen->gateway_events.back().kind, http_event::what::gone);
}

TEST_F(edge_broker_test, what_the_header_decides_is_answered_by_the_edge) {
  config.http.hosts = {"a.example"};
  config.http.origins = {"http://b:1"};
  start();
  auto handle = connect(10);
  auto ask = [&](const std::string& text) {
    offer(handle, text);
    settle();
    return taken_from(handle);
  };
  EXPECT_TRUE(ask("OPTIONS /v3/kv/put HTTP/1.1\r\nHost: a.example:1\r\nOrigin: http://b:1\r\n\r\n")
                .starts_with("HTTP/1.1 200 OK\r\nAccess-Control-Allow-Headers: "));
  auto refused = ask("GET /health HTTP/1.1\r\nHost: evil.com\r\nOrigin: http://b:1\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 421 Misdirected Request\r\n"));
  EXPECT_EQ(refused.find("Access-Control"), refused.npos);
  EXPECT_TRUE(seen->requests.empty());
  EXPECT_TRUE(seen->gateway_requests.empty());
  EXPECT_EQ(ask("GET /health HTTP/1.1\r\nHost: a.example\r\n\r\n"), "");
  EXPECT_EQ(seen->requests.size(), 1u);
}

TEST_F(edge_broker_test, who_asks_on_and_on_over_http1_and_takes_nothing_is_cut_off) {
  start();
  auto a = connect(10);
  for (int i = 0; i < 1'000; ++i)
    offer(a, "GET /health HTTP/1.1\r\nHost: h\r\n\r\n");
  settle();
  for (std::size_t answered = 0; answered < seen->requests.size(); ++answered) {
    http_response response{.call = seen->requests[answered].call};
    response.body.assign(20'000, 'b');
    caf::anon_send(edge, std::move(response));
    settle();
  }
  EXPECT_LE(seen->requests.size(), 3u);
  EXPECT_LE(mpx.output_buffer(a).size(), config.write_chunk_bytes);
  pass(29s);
  EXPECT_EQ(counters->connections_cut.get(), 0u);
  pass(2s);
  EXPECT_EQ(counters->connections_cut.get(), 1u);
  EXPECT_TRUE(mpx.stopped_reading(a));
}

TEST_F(edge_broker_test, drains_when_the_last_call_has_ended) {
  start();
  auto idle = connect(10);
  auto busy = connect(11);
  grpc_peer quiet, peer;
  exchange(quiet, idle);
  auto id = peer.call(put, framed("x"));
  exchange(peer, busy);
  auto call = take_events().at(0).call;
  caf::anon_send(edge, drain_clients{5s});
  settle();
  pass(config.tick);
  EXPECT_TRUE(mpx.stopped_reading(acceptor));
  pass(1s);
  exchange(quiet, idle);
  EXPECT_EQ(quiet.goaways.size(), 2u);
  EXPECT_TRUE(mpx.stopped_reading(idle));
  EXPECT_FALSE(mpx.stopped_reading(busy));
  caf::anon_send(edge, rpc_answers{{reply_with(call, blob{std::string{"done"}})}});
  settle();
  exchange(peer, busy);
  EXPECT_EQ(peer.of(id).data, framed("done"));
  EXPECT_TRUE(mpx.stopped_reading(busy));
  EXPECT_FALSE(ended);
  pass(config.tick);
  EXPECT_TRUE(ended);
}

TEST_F(edge_broker_test, an_exception_ends_it_with_its_text) {
  start();
  connect(10);
  clock->broken = true;
  pass(config.tick);
  EXPECT_TRUE(ended);
  EXPECT_NE(why.find("the clock stands still"), std::string::npos) << why;
}

TEST_F(edge_broker_test, draining_has_an_end) {
  start();
  auto a = connect(10);
  grpc_peer peer;
  peer.call(put, framed("x"));
  exchange(peer, a);
  caf::anon_send(edge, drain_clients{2s});
  settle();
  pass(1s);
  EXPECT_FALSE(mpx.stopped_reading(a));
  EXPECT_FALSE(ended);
  pass(2s);
  EXPECT_TRUE(mpx.stopped_reading(a));
  EXPECT_TRUE(ended);
}

} // namespace
