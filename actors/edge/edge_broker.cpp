#include "actors/edge/edge_broker.hpp"

#include "actors/edge/client_table.hpp"
#include "actors/edge/descriptor_limit.hpp"
#include "actors/edge/hang_up.hpp"
#include "actors/edge/health.hpp"
#include "actors/failure/failure.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/typed_broker.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe {

namespace {

/// Period of the edge's own work; never leaves the edge.
struct edge_tick {};

/// Behind everything that this round of the multiplexer brings.
struct end_of_round {};

} // namespace

} // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::edge_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::end_of_round)

namespace troupe {

namespace {

using broker_face = caf::io::typed_broker<
  caf::reacts_to<caf::io::new_connection_msg>, caf::reacts_to<caf::io::acceptor_closed_msg>,
  caf::reacts_to<caf::io::new_data_msg>, caf::reacts_to<caf::io::connection_closed_msg>,
  caf::reacts_to<caf::io::data_transferred_msg>, caf::reacts_to<rpc_answers>,
  caf::reacts_to<http_response>, caf::reacts_to<http_body_parts>, caf::reacts_to<serve_clients>,
  caf::reacts_to<drain_clients>, caf::reacts_to<edge_tick>, caf::reacts_to<end_of_round>>;

/// A listener whose descriptor belongs to the broker.
struct door {
  int descriptor;
  std::uint16_t port;
};

class edge_state;

using broker_pointer = caf::stateful_actor<edge_state, broker_face>*;

class edge_state {
public:
  static inline const char* name = "edge.broker";

  edge_state() = default;

  void start(broker_pointer self, edge_config config, edge_parts parts, std::vector<door> doors);
  void serve();
  void drain(std::chrono::milliseconds patience);
  void tick();
  void finish_round();

  void on(const caf::io::new_connection_msg& msg);
  void on(const caf::io::new_data_msg& msg);
  void on(const caf::io::data_transferred_msg& msg);
  void on(const caf::io::connection_closed_msg& msg);
  void on(rpc_answers& msg);
  void on(http_response& msg);
  void on(http_body_parts& msg);

private:
  /// @returns whether any was open.
  bool close_acceptors();
  void touch(client& c);
  void end_round_later();
  void pump(client& c);
  void pump_touched();
  void schedule(client& c);
  void check_due();
  void check(client& c);
  void close(client& c);
  static bool wants_reading(const client& c);
  void switch_reading_later(client& c);
  void switch_reading();
  void cut(client& c);
  void cut_hung_up();
  void shut(client& c, int how);
  void shrink(client& c);
  void hand_on();
  void hand_on(http_request&& request);
  void grant_accepts();
  void use_accept();
  void resume_accepting();

  broker_pointer self_ = nullptr;
  edge_config config_;
  edge_parts parts_;
  std::vector<door> doors_;
  std::vector<caf::io::accept_handle> acceptors_;
  /// What may be accepted until the next tick.
  std::size_t accepts_left_ = 0;
  /// The acceptors are in the multiplexer's loop, as new ones are.
  bool accepting_ = true;
  /// `round_` when they were halted.
  std::uint64_t halted_in_round_ = 0;
  /// False on CAF's test multiplexer, whose handles are no descriptors.
  bool real_sockets_ = false;

  client_table clients_;
  heard heard_;
  std::vector<std::uint64_t> touched_;
  /// Those that are to be read from the end of this round on, or no more.
  std::vector<std::uint64_t> switching_;
  /// The end of the round of this number is still to come.
  bool round_open_ = false;
  std::uint64_t round_ = 0;
  time_point now_;
  time_point next_tick_;
  time_point next_hang_up_check_;
  bool draining_ = false;
  time_point drain_deadline_ = time_point::max();
};

void edge_state::start(broker_pointer self, edge_config config, edge_parts parts,
                       std::vector<door> doors) {
  self_ = self;
  config_ = config;
  parts_ = std::move(parts);
  clients_.shared().max_requests = config_.max_request_bytes_held;
  clients_.shared().max_answers = config_.max_answer_bytes_held;
  clients_.shared().calls = parts_.rpcs;
  clients_.shared().http = config_.http;
  doors_ = std::move(doors);
  real_sockets_ = dynamic_cast<caf::io::network::default_multiplexer*>(&self->backend()) != nullptr;
  if (real_sockets_) {
    auto fitting = connections_within(raise_descriptor_limit(), config_.descriptor_reserve);
    config_.max_connections = std::min(config_.max_connections, fitting / config_.edges);
  }
  now_ = parts_.clock->now();
  next_tick_ = now_ + config_.tick;
  self->delayed_send(self, config_.tick, edge_tick{});
}

void edge_state::serve() {
  for (auto door : std::exchange(doors_, {})) {
    if (door.descriptor >= 0)
      acceptors_.push_back(self_->add_doorman(door.descriptor));
    else if (auto opened = self_->add_tcp_doorman(door.port))
      acceptors_.push_back(opened->first);
  }
  grant_accepts();
}

// CAF counts accepts too (`trigger` with a number) but does not stop at zero.
void edge_state::grant_accepts() {
  if (draining_ || acceptors_.empty())
    return;
  auto room = config_.max_connections - std::min(config_.max_connections, clients_.size());
  accepts_left_ = std::min(room, config_.accepts_per_tick);
  if (room == 0)
    parts_.counters->accept_pauses.add(1);
  if (!accepting_ && accepts_left_ > 0)
    end_round_later();
}

// At once: by the end of the round there may be more.
void edge_state::use_accept() {
  accepts_left_ -= std::min<std::size_t>(accepts_left_, 1);
  if (accepts_left_ > 0 || !std::exchange(accepting_, false))
    return;
  halted_in_round_ = round_;
  for (auto acceptor : acceptors_)
    self_->halt(acceptor);
}

// As `switch_reading` says, not in the round that halted them. The end of a round that was posted
// before then may come in it.
void edge_state::resume_accepting() {
  if (accepting_ || accepts_left_ == 0)
    return;
  if (round_ == halted_in_round_)
    return end_round_later();
  accepting_ = true;
  for (auto acceptor : acceptors_)
    self_->trigger(acceptor);
}

void edge_state::on(const caf::io::new_connection_msg& msg) {
  now_ = parts_.clock->now();
  auto remote = real_sockets_ ? peer_address(static_cast<int>(msg.handle.id())) : "test";
  auto& c = clients_.add(msg.handle, config_, std::move(remote), now_);
  self_->ack_writes(msg.handle, true);
  self_->configure_read(msg.handle, caf::io::receive_policy::at_most(c.read_bytes));
  parts_.counters->connections_accepted.add(1);
  parts_.counters->connections_open.set(clients_.size());
  use_accept();
  if (draining_)
    c.link.drain(now_);
  schedule(c);
}

void edge_state::on(const caf::io::new_data_msg& msg) {
  auto* c = clients_.find(msg.handle);
  if (c == nullptr)
    return;
  parts_.counters->bytes_received.add(msg.buf.size());
  if (c->closing) {
    c->ignored_bytes += msg.buf.size();
    if (c->ignored_bytes > config_.linger_bytes)
      cut(*c);
    return;
  }
  now_ = parts_.clock->now();
  c->link.receive({msg.buf.data(), msg.buf.size()}, now_, heard_);
  if (msg.buf.size() == c->read_bytes && c->read_bytes < config_.max_read_bytes) {
    c->read_bytes = std::min(c->read_bytes * 4, config_.max_read_bytes);
    self_->configure_read(msg.handle, caf::io::receive_policy::at_most(c->read_bytes));
  }
  touch(*c);
  end_round_later();
}

void edge_state::on(const caf::io::data_transferred_msg& msg) {
  auto* c = clients_.find(msg.handle);
  parts_.counters->bytes_sent.add(msg.written);
  if (c == nullptr)
    return;
  now_ = parts_.clock->now();
  c->unsent = msg.remaining;
  c->last_progress = now_;
  if (c->unsent > config_.write_chunk_bytes / 2)
    return;
  if (c->link.wants_write() || c->link.finished()) {
    touch(*c);
    end_round_later();
  }
}

void edge_state::on(const caf::io::connection_closed_msg& msg) {
  auto* c = clients_.find(msg.handle);
  if (c == nullptr)
    return;
  c->link.lost(heard_);
  clients_.remove(*c);
  parts_.counters->connections_open.set(clients_.size());
  end_round_later();
}

void edge_state::on(rpc_answers& msg) {
  now_ = parts_.clock->now();
  parts_.counters->answers.add(msg.answers.size());
  for (auto& answer : msg.answers) {
    auto* c = clients_.find(answer.call.connection);
    if (c == nullptr)
      continue;
    c->link.answer(std::move(answer), now_, heard_);
    touch(*c);
  }
  pump_touched();
  if (!heard_.calls.empty())
    end_round_later();
}

void edge_state::on(http_response& msg) {
  auto* c = clients_.find(msg.call.connection);
  if (c == nullptr)
    return;
  now_ = parts_.clock->now();
  c->link.answer(std::move(msg), parts_.clock->unix_seconds());
  touch(*c);
  pump_touched();
  end_round_later();
}

void edge_state::on(http_body_parts& msg) {
  now_ = parts_.clock->now();
  for (auto& part : msg.parts) {
    auto* c = clients_.find(part.call.connection);
    if (c == nullptr)
      continue;
    c->link.answer(std::move(part), heard_);
    touch(*c);
  }
  pump_touched();
  end_round_later();
}

void edge_state::touch(client& c) {
  if (std::exchange(c.touched, true))
    return;
  touched_.push_back(c.number);
}

// The multiplexer runs what is posted to it from within after all sockets of this round were read
// and what was asked of them is done. A message to ourselves might find us in the same round.
void edge_state::end_round_later() {
  if (std::exchange(round_open_, true))
    return;
  round_ += 1;
  self_->backend().post([self = caf::actor_cast<caf::strong_actor_ptr>(self_)] {
    self->enqueue(nullptr, caf::make_message_id(), caf::make_message(end_of_round{}), nullptr);
  });
}

void edge_state::finish_round() {
  round_open_ = false;
  now_ = parts_.clock->now();
  hand_on();
  pump_touched();
  // Writing may have made streams writable.
  hand_on();
  switch_reading();
  resume_accepting();
}

void edge_state::hand_on() {
  // Health calls are seldom: their answers go round by the mailbox like all others.
  if (auto healthy = answer_health_calls(heard_.calls); !healthy.empty())
    self_->send(self_, rpc_answers{std::move(healthy)});
  if (!heard_.calls.empty()) {
    parts_.counters->events.add(heard_.calls.size());
    parts_.counters->batches.add(1);
    self_->send(parts_.calls, call_batch{std::exchange(heard_.calls, {})});
  }
  for (auto& request : std::exchange(heard_.requests, {}))
    hand_on(std::move(request));
  for (auto& event : std::exchange(heard_.http_events, {}))
    if (parts_.gateway)
      self_->send(parts_.gateway, std::move(event));
}

void edge_state::hand_on(http_request&& request) {
  parts_.counters->http_requests.add(1);
  if (auto answer = config_.http.answer_at_once(request))
    return on(*answer);
  if (parts_.gateway && config_.http.is_gateway_path(request.path))
    return self_->send(parts_.gateway, std::move(request));
  if (parts_.pages)
    return self_->send(parts_.pages, std::move(request));
  http_response nothing{.call = request.call, .status = 404, .content_type = "text/plain"};
  nothing.body = "404 page not found\n";
  on(nothing);
}

void edge_state::pump_touched() {
  // Nothing that pumping does touches further connections.
  for (auto number : std::exchange(touched_, {})) {
    auto* c = clients_.find(number);
    if (c == nullptr)
      continue;
    c->touched = false;
    pump(*c);
    switch_reading_later(*c);
    schedule(*c);
  }
}

void edge_state::pump(client& c) {
  if (c.closing)
    return;
  if (c.unsent < config_.write_chunk_bytes && c.link.wants_write()) {
    auto& buffer = self_->wr_buf(c.handle);
    auto before = buffer.size();
    c.link.write(buffer, before + config_.write_chunk_bytes - c.unsent, now_, heard_);
    if (buffer.size() > before) {
      if (c.unsent == 0)
        c.last_progress = now_;
      c.unsent += buffer.size() - before;
      self_->flush(c.handle);
    }
  }
  if (c.link.finished() && c.unsent == 0)
    close(c);
}

void edge_state::close(client& c) {
  c.closing = true;
  c.closing_due = now_ + config_.linger_timeout;
  shut(c, SHUT_WR);
}

// A connection that is not read never ends.
bool edge_state::wants_reading(const client& c) {
  return c.closing || (!c.link.wants_pause() && !c.link.finished());
}

// Of `halt` and `trigger` in one round CAF makes nothing, and then ignores every `trigger` that
// follows; of `trigger` and `halt` likewise. So there is one place that asks, once per round.
void edge_state::switch_reading_later(client& c) {
  if (c.reading == wants_reading(c) || std::exchange(c.switching, true))
    return;
  switching_.push_back(c.number);
  end_round_later();
}

void edge_state::switch_reading() {
  for (auto number : std::exchange(switching_, {})) {
    auto* c = clients_.find(number);
    if (c == nullptr)
      continue;
    c->switching = false;
    if (c->reading == wants_reading(*c))
      continue;
    c->reading = !c->reading;
    if (c->reading)
      self_->trigger(c->handle);
    else
      self_->halt(c->handle);
  }
}

void edge_state::shut(client& c, int how) {
  if (real_sockets_) {
    ::shutdown(static_cast<int>(c.handle.id()), how);
    return;
  }
  self_->close(c.handle);
  self_->send(self_, caf::io::connection_closed_msg{c.handle});
}

void edge_state::cut(client& c) {
  if (!c.closing)
    parts_.counters->connections_cut.add(1);
  c.closing = true;
  c.closing_due = time_point::max();
  if (real_sockets_) {
    // Reset instead of a farewell: the kernel too forgets the connection and what it holds for it.
    linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(static_cast<int>(c.handle.id()), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  shut(c, SHUT_RDWR);
  switch_reading_later(c);
}

// What is not read would not show that its client has gone, and may wait for an answer for ever.
void edge_state::cut_hung_up() {
  next_hang_up_check_ = now_ + config_.hang_up_interval;
  if (!real_sockets_)
    return;
  std::vector<int> sockets;
  std::vector<client*> unread;
  clients_.for_each([&](client& c) {
    if (c.reading)
      return;
    sockets.push_back(static_cast<int>(c.handle.id()));
    unread.push_back(&c);
  });
  for (auto place : hung_up(sockets))
    cut(*unread[place]);
}

void edge_state::schedule(client& c) {
  auto due = c.closing ? c.closing_due : c.link.next_check();
  if (c.unsent > 0)
    due = std::min(due, c.last_progress + config_.write_stall_timeout);
  clients_.check_at(c, due);
}

void edge_state::check_due() {
  while (auto* c = clients_.next_due(now_)) {
    check(*c);
    touch(*c);
  }
}

void edge_state::check(client& c) {
  if (c.closing ? c.closing_due <= now_
                : c.unsent > 0 && c.last_progress + config_.write_stall_timeout <= now_) {
    cut(c);
    return;
  }
  c.link.check(now_, heard_);
  if (c.unsent == 0)
    shrink(c);
}

// Also comes by some time after the last large answer, because that write was due for a check.
void edge_state::shrink(client& c) {
  auto& buffer = self_->wr_buf(c.handle);
  if (buffer.empty() && buffer.capacity() > config_.min_read_bytes)
    std::vector<char>{}.swap(buffer);
}

void edge_state::tick() {
  now_ = parts_.clock->now();
  auto late = std::max(now_ - next_tick_, std::chrono::nanoseconds{0});
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(late).count();
  parts_.counters->loop_lag_microseconds.set(static_cast<std::uint64_t>(micros));
  parts_.counters->max_loop_lag_microseconds.raise_to(static_cast<std::uint64_t>(micros));
  parts_.counters->request_bytes_held.set(clients_.shared().requests);
  parts_.counters->answer_bytes_held.set(clients_.shared().answers);
  grant_accepts();
  if (next_hang_up_check_ <= now_)
    cut_hung_up();
  check_due();
  pump_touched();
  hand_on();
  if (now_ >= drain_deadline_)
    clients_.for_each([this](client& c) { cut(c); });
  if (draining_ && !close_acceptors() && clients_.size() == 0) {
    self_->quit();
    return;
  }
  next_tick_ = now_ + config_.tick;
  self_->delayed_send(self_, config_.tick, edge_tick{});
}

// Not as soon as draining begins: CAF leaks an acceptor that is opened and closed in one round.
bool edge_state::close_acceptors() {
  auto open = std::exchange(acceptors_, {});
  for (auto acceptor : open)
    self_->close(acceptor);
  return !open.empty();
}

void edge_state::drain(std::chrono::milliseconds patience) {
  if (std::exchange(draining_, true))
    return;
  now_ = parts_.clock->now();
  drain_deadline_ = now_ + patience;
  for (auto door : std::exchange(doors_, {}))
    if (door.descriptor >= 0)
      ::close(door.descriptor);
  clients_.for_each([this](client& c) {
    c.link.drain(now_);
    touch(c);
  });
  pump_touched();
}

broker_face::behavior_type run_edge(broker_pointer self, const edge_config& config,
                                    const edge_parts& parts, const std::vector<door>& doors) {
  self->set_exception_handler(failure_of);
  auto& state = self->state;
  state.start(self, config, parts, doors);
  return {
    [&state](const caf::io::new_connection_msg& msg) { state.on(msg); },
    [](const caf::io::acceptor_closed_msg&) {},
    [&state](const caf::io::new_data_msg& msg) { state.on(msg); },
    [&state](const caf::io::connection_closed_msg& msg) { state.on(msg); },
    [&state](const caf::io::data_transferred_msg& msg) { state.on(msg); },
    [&state](rpc_answers& msg) { state.on(msg); },
    [&state](http_response& msg) { state.on(msg); },
    [&state](http_body_parts& msg) { state.on(msg); },
    [&state](serve_clients) { state.serve(); },
    [&state](drain_clients msg) { state.drain(msg.patience); },
    [&state](edge_tick) { state.tick(); },
    [&state](end_of_round) { state.finish_round(); },
  };
}

} // namespace

edge_actor spawn_edge(caf::actor_system& system, const edge_config& config, edge_parts parts,
                      std::vector<listener> listeners) {
  std::vector<door> doors;
  for (auto& one : listeners) {
    auto port = one.port();
    doors.push_back({one.release(), port});
  }
  return system.middleman().spawn_broker(run_edge, config, std::move(parts), std::move(doors));
}

} // namespace troupe
