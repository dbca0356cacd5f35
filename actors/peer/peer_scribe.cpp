#include "actors/peer/peer_scribe.hpp"

#include <caf/io/network/interfaces.hpp>
#include <caf/io/network/stream_impl.hpp>
#include <caf/make_counted.hpp>
#include <caf/policy/tcp.hpp>
#include <utility>

namespace troupe::peer {

namespace {

using caf::io::network::native_socket;
using caf::io::network::rw_state;

/// What waits to be sent is in two buffers of CAF's stream: the one that is being sent, and the one
/// that is being filled and takes its place when it is empty. Neither shows how far it has come, so
/// this counts what was put into the second, from its growth.
struct filling {
  std::size_t size = 0;
};

class plain_policy {
public:
  plain_policy(std::shared_ptr<wire> shared, std::shared_ptr<filling> buffer)
      : wire_(std::move(shared)), buffer_(std::move(buffer)) {}

  rw_state read_some(std::size_t& moved, native_socket socket, void* to, std::size_t size) {
    moved = 0;
    if (wire_->hung_up())
      return rw_state::failure;
    auto result = caf::policy::tcp::read_some(moved, socket, to, size);
    wire_->receive(moved);
    return result;
  }

  rw_state write_some(std::size_t& moved, native_socket socket, const void* from,
                      std::size_t size) {
    moved = 0;
    if (size == 0)
      return rw_state::indeterminate;
    auto result = caf::policy::tcp::write_some(moved, socket, from, size);
    note_sent(moved, size);
    return result;
  }

  bool must_read_more(native_socket, std::size_t) {
    return false;
  }

protected:
  void note_sent(std::size_t moved, std::size_t size) {
    wire_->send(moved);
    // The stream now sends what was being filled.
    if (moved == size)
      buffer_->size = 0;
  }

  std::shared_ptr<wire> wire_;
  std::shared_ptr<filling> buffer_;
};

class tls_policy : public plain_policy {
public:
  tls_policy(std::shared_ptr<wire> shared, std::shared_ptr<filling> buffer, tls::session session)
      : plain_policy(std::move(shared), std::move(buffer)), session_(std::move(session)) {}

  rw_state read_some(std::size_t& moved, native_socket, void* to, std::size_t size) {
    moved = 0;
    if (wire_->hung_up())
      return rw_state::failure;
    auto result = state_of(session_.read(to, size, moved));
    wire_->receive(moved);
    return result;
  }

  rw_state write_some(std::size_t& moved, native_socket, const void* from, std::size_t size) {
    moved = 0;
    if (size == 0)
      return rw_state::indeterminate;
    auto result = state_of(session_.write(from, size, moved));
    note_sent(moved, size);
    return result;
  }

  bool must_read_more(native_socket, std::size_t threshold) {
    return session_.pending() >= threshold;
  }

private:
  static rw_state state_of(tls::outcome outcome) {
    return outcome == tls::outcome::closed || outcome == tls::outcome::failed ? rw_state::failure
                                                                              : rw_state::success;
  }

  tls::session session_;
};

template <class Policy>
class peer_scribe final : public caf::io::scribe {
public:
  template <class... Policy_arguments>
  peer_scribe(caf::io::network::default_multiplexer& multiplexer, native_socket socket,
              host_and_port other_end, std::shared_ptr<wire> shared, Policy_arguments&&... more)
      : scribe(caf::io::network::conn_hdl_from_socket(socket)), other_end_(std::move(other_end)),
        wire_(std::move(shared)),
        stream_(multiplexer, socket, wire_, buffer_, std::forward<Policy_arguments>(more)...) {}

  ~peer_scribe() override {
    wire_->release();
  }

  void configure_read(caf::io::receive_policy::config config) override {
    // The broker asks for as many bytes as the other end has announced.
    if (!wire_->admit(config.second))
      return;
    stream_.configure_read(config);
    if (!std::exchange(launched_, true))
      stream_.start(this);
  }

  void ack_writes(bool enable) override {
    stream_.ack_writes(enable);
  }

  std::vector<char>& wr_buf() override {
    return stream_.wr_buf();
  }

  std::vector<char>& rd_buf() override {
    return stream_.rd_buf();
  }

  void graceful_shutdown() override {
    stream_.graceful_shutdown();
    detach(&stream_.backend(), false);
  }

  void flush() override {
    wire_->queue(wr_buf().size() - buffer_->size);
    stream_.flush(this);
    buffer_->size = wr_buf().size();
  }

  std::string addr() const override {
    return other_end_.host;
  }

  std::uint16_t port() const override {
    return other_end_.port;
  }

  void add_to_loop() override {
    stream_.activate(this);
  }

  void remove_from_loop() override {
    stream_.passivate();
  }

private:
  host_and_port other_end_;
  std::shared_ptr<wire> wire_;
  std::shared_ptr<filling> buffer_ = std::make_shared<filling>();
  bool launched_ = false;
  caf::io::network::stream_impl<Policy> stream_;
};

} // namespace

caf::io::scribe_ptr make_peer_scribe(caf::io::network::default_multiplexer& multiplexer,
                                     connection from, std::shared_ptr<wire> shared) {
  auto socket = from.socket.release();
  if (from.tls)
    return caf::make_counted<peer_scribe<tls_policy>>(
      multiplexer, socket, std::move(from.other_end), std::move(shared), std::move(*from.tls));
  return caf::make_counted<peer_scribe<plain_policy>>(multiplexer, socket,
                                                      std::move(from.other_end), std::move(shared));
}

} // namespace troupe::peer
