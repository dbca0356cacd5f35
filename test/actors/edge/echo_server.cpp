// A client port in front of an actor that answers every call with its own request; what the tests
// and measurements of `actors/edge` with real clients talk to. Prints its port, serves until
// standard input ends, then drains.
//
// usage: edge_echo_server [host [port [edges [quick]]]]
// A host that begins with '/' is a socket file. `quick`: clients have one second instead of many
// for what they must do.
//
// Bodies of POST /v3/watch are streamed; it is refused half a second later with the query
// "refused", else never answered.

#include "actors/edge/edge_broker.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <sys/resource.h>

namespace {

using namespace troupe;

struct system_clock final : troupe::clock {
  time_point now() const override {
    return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now());
  }

  std::int64_t unix_seconds() const override {
    return std::time(nullptr);
  }
};

struct introduce {
  std::vector<edge_actor> edges;
};

} // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(introduce)

namespace {

using echo_actor = caf::typed_actor<caf::reacts_to<call_batch>, caf::reacts_to<introduce>>;

struct echo_state {
  echo_state() = default;
  static inline const char* name = "test.echo";
  std::vector<edge_actor> edges;
  // What downloads consist of.
  blob part;
  // Snapshot calls: parts of 64 KiB that are still to be sent.
  std::map<call_id, std::size_t> downloads;

  void on(call_event& event, std::vector<rpc_answer>& out);
  void send_part(call_id call, std::vector<rpc_answer>& out);
};

void echo_state::send_part(call_id call, std::vector<rpc_answer>& out) {
  auto found = downloads.find(call);
  if (found == downloads.end())
    return;
  rpc_answer answer{.call = call, .has_message = true};
  answer.message = part;
  answer.ends = --found->second == 0;
  if (answer.ends)
    downloads.erase(found);
  out.push_back(std::move(answer));
}

void echo_state::on(call_event& event, std::vector<rpc_answer>& out) {
  switch (event.kind) {
  case call_event::what::request:
    if (event.method == rpc_method::maintenance_snapshot) {
      downloads[event.call] = event.body.empty() ? 160 : 1'600;
      send_part(event.call, out);
    } else if (event.method == rpc_method::maintenance_hash) {
      // Nobody answers: for deadlines and cancellation.
    } else if (event.method == rpc_method::maintenance_defragment) {
      out.push_back(refuse_with(event.call, errc::no_space, "100% of \xc3\xa9 is gone\n"));
    } else {
      out.push_back(reply_with(event.call, std::move(event.body)));
    }
    return;
  case call_event::what::message: {
    rpc_answer answer{.call = event.call, .has_message = true};
    answer.message = std::move(event.body);
    out.push_back(std::move(answer));
    return;
  }
  case call_event::what::half_close:
    out.push_back({.call = event.call, .ends = true});
    return;
  case call_event::what::writable:
    send_part(event.call, out);
    return;
  case call_event::what::cancel:
    downloads.erase(event.call);
    return;
  case call_event::what::open:
    return;
  }
}

echo_actor::behavior_type echo(echo_actor::stateful_pointer<echo_state> self, blob part) {
  self->state.part = std::move(part);
  return {
    [self](call_batch& batch) {
      std::map<std::uint32_t, rpc_answers> answers;
      for (auto& event : batch.events)
        self->state.on(event, answers[event.call.edge].answers);
      for (auto& [number, out] : answers)
        if (!out.answers.empty())
          self->send(self->state.edges.at(number), std::move(out));
    },
    [self](introduce& msg) { self->state.edges = std::move(msg.edges); },
  };
}

constexpr const char* streamed_path = "/v3/watch";

using page_actor = caf::typed_actor<caf::reacts_to<http_request>, caf::reacts_to<introduce>>;

page_actor::behavior_type pages(page_actor::stateful_pointer<echo_state> self,
                                const std::string& content_type) {
  return {
    [self, content_type](const http_request& request) {
      http_response response{.call = request.call, .content_type = content_type};
      if (request.path == streamed_path) {
        response.status = 400;
        if (request.query == "refused")
          self->delayed_send(self->state.edges.at(request.call.edge),
                             std::chrono::milliseconds{500}, std::move(response));
        return;
      }
      response.body = request.method + " " + request.path + "?" + request.query + " "
                      + std::to_string(request.body.size()) + "\n";
      self->send(self->state.edges.at(request.call.edge), std::move(response));
    },
    [self](introduce& msg) { self->state.edges = std::move(msg.edges); },
  };
}

struct core_config : caf::actor_system_config {
  core_config() {
    register_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", 1);
  }
};

struct edge_system_config : caf::actor_system_config {
  edge_system_config() {
    register_messages(*this);
    load<caf::io::middleman>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", 1);
    set("middleman.workers", 0);
    set("middleman.max-consecutive-reads", 4);
  }
};

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

struct server {
  server(const std::string& host, std::uint16_t port, std::size_t edge_count, bool quick);
  void report() const;
  void drain();

  core_config core_cfg;
  caf::actor_system core{core_cfg};
  echo_actor echoes;
  page_actor page;
  std::uint16_t port = 0;
  std::deque<edge_system_config> edge_cfgs;
  std::vector<std::unique_ptr<caf::actor_system>> systems;
  std::vector<std::shared_ptr<edge_counters>> counters;
  std::vector<edge_actor> edges;
};

server::server(const std::string& host, std::uint16_t wanted, std::size_t edge_count, bool quick)
    : port(wanted), edge_cfgs(edge_count) {
  echoes = core.spawn<caf::detached>(echo, blob{std::string(65'536, 'x')});
  page = core.spawn(pages, std::string{"text/plain"});
  auto clock = std::make_shared<system_clock>();
  for (std::size_t i = 0; i < edge_count; ++i) {
    systems.push_back(std::make_unique<caf::actor_system>(edge_cfgs[i]));
    counters.push_back(std::make_shared<edge_counters>());
    std::vector<listener> listeners;
    listeners.push_back(host.starts_with("/") ? listener::unix_socket(host)
                                              : listener::tcp(host, port, edge_count > 1));
    port = listeners.front().port();
    edge_config config;
    config.number = static_cast<std::uint32_t>(i);
    config.http.streamed_paths = {streamed_path};
    if (quick)
      config.limits.header_timeout = config.write_stall_timeout = std::chrono::seconds{1};
    edges.push_back(spawn_edge(*systems.back(), config, {echoes, page, clock, counters.back()},
                               std::move(listeners)));
  }
  caf::anon_send(echoes, introduce{edges});
  caf::anon_send(page, introduce{edges});
  for (auto& edge : edges)
    caf::anon_send(edge, serve_clients{});
}

void server::report() const {
  std::uint64_t events = 0, batches = 0, lag = 0;
  for (const auto& c : counters) {
    events += c->events.get();
    batches += c->batches.get();
    lag = std::max(lag, c->max_loop_lag_microseconds.get());
  }
  std::printf("events %llu batches %llu cpu_us_per_event %.2f max_lag_us %llu\n",
              static_cast<unsigned long long>(events), static_cast<unsigned long long>(batches),
              events == 0 ? 0 : cpu_seconds() * 1e6 / static_cast<double>(events),
              static_cast<unsigned long long>(lag));
  std::fflush(stdout);
}

void server::drain() {
  for (std::size_t i = 0; i < edges.size(); ++i) {
    caf::scoped_actor self{*systems[i]};
    self->monitor(edges[i]);
    self->send(edges[i], drain_clients{std::chrono::seconds{2}});
    self->receive([](const caf::down_msg&) {});
  }
  edges.clear();
  caf::anon_send(echoes, introduce{});
  caf::anon_send(page, introduce{});
  caf::anon_send_exit(echoes, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(page, caf::exit_reason::user_shutdown);
}

} // namespace

int main(int argc, char** argv) {
  std::string host = argc > 1 ? argv[1] : "127.0.0.1";
  auto port = static_cast<std::uint16_t>(argc > 2 ? std::stoi(argv[2]) : 0);
  auto edge_count = static_cast<std::size_t>(argc > 3 ? std::stoi(argv[3]) : 1);
  server all{host, port, edge_count, argc > 4};
  std::printf("port %u\n", all.port);
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line))
    all.report();
  all.report();
  all.drain();
}
