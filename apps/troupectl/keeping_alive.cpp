#include "apps/troupectl/keeping_alive.hpp"

#include <algorithm>
#include <atomic>

namespace troupe::ctl {

namespace {

using clock = std::chrono::steady_clock;

constexpr int status_not_found = 5;
constexpr int status_unavailable = 14;

void pause_until(clock::time_point end, const std::function<bool()>& stopped) {
  while (!stopped() && clock::now() < end)
    std::this_thread::sleep_for(
      std::min<clock::duration>(std::chrono::milliseconds{100}, end - clock::now()));
}

/// Asks for a renewal on `connection` and waits for it.
/// @throws call_failed if the stream ends before.
pb::LeaseKeepAliveResponse renew(stream& connection, std::int64_t lease) {
  pb::LeaseKeepAliveRequest request;
  request.set_id(lease);
  pb::LeaseKeepAliveResponse response;
  if (!connection.write(request) || !connection.read(response)) {
    connection.finish();
    throw call_failed(status_unavailable, "the stream ended");
  }
  return response;
}

bool may_come_back(const call_failed& error) {
  return error.status == status_unavailable || error.status == status_deadline_exceeded;
}

} // namespace

pb::LeaseKeepAliveResponse keep_alive_once(client& to, std::int64_t lease) {
  auto connection = to.open(rpc_method::lease_keep_alive);
  auto response = renew(*connection, lease);
  if (response.ttl() <= 0)
    throw call_failed(status_not_found, "etcdserver: requested lease not found");
  return response;
}

void keep_alive(client& to, std::int64_t lease,
                const std::function<void(const pb::LeaseKeepAliveResponse&)>& on_renewal,
                const std::function<bool()>& stopped) {
  std::unique_ptr<stream> connection;
  // Unknown until the first renewal; Go's client gives it this long.
  auto end = clock::now() + std::chrono::seconds{5};
  while (!stopped() && clock::now() < end) {
    try {
      if (connection == nullptr)
        connection = to.open(rpc_method::lease_keep_alive);
      auto response = renew(*connection, lease);
      if (response.ttl() <= 0)
        return;
      std::chrono::seconds ttl{response.ttl()};
      end = clock::now() + ttl;
      on_renewal(response);
      pause_until(clock::now() + std::chrono::milliseconds{ttl} / 3, stopped);
    } catch (const call_failed& error) {
      if (!may_come_back(error))
        throw;
      connection.reset();
      pause_until(clock::now() + std::chrono::milliseconds{500}, stopped);
    }
  }
}

lease_session::lease_session(client& to, std::int64_t ttl_seconds, std::function<void()> on_lost) {
  pb::LeaseGrantRequest request;
  request.set_ttl(ttl_seconds);
  lease_ = to.call(request).id();
  keeper_ = std::thread([this, &to, on_lost = std::move(on_lost)] {
    try {
      keep_alive(
        to, lease_, [](const auto&) {}, [this] { return stopped_.load(); });
    } catch (const call_failed&) {
      // As good as gone: nothing renews it any more.
    }
    if (!stopped_)
      on_lost();
  });
}

lease_session::~lease_session() {
  stopped_ = true;
  keeper_.join();
}

} // namespace troupe::ctl
