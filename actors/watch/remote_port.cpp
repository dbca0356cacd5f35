#include "actors/watch/remote_port.hpp"

#include "actors/log/log.hpp"
#include "actors/watch/remote_face.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/ipv4_address.hpp>
#include <caf/ipv6_address.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <utility>

namespace troupe::watch {

namespace {

struct port_system_config : caf::actor_system_config {
  port_system_config() {
    load<caf::io::middleman>();
    register_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    set("middleman.workers", std::size_t{0});
    // One fast sender must not hold the loop for more than a few reads.
    set("middleman.max-consecutive-reads", std::size_t{4});
  }
};

void log_failure(const caf::error& reason) {
  if (reason)
    log::error("the subscription port answers no more", {{"error", caf::to_string(reason)}});
}

} // namespace

struct remote_port::parts {
  parts(caf::actor_system& core, remote_context context) {
    face =
      system.spawn(face_behavior,
                   face_config{std::make_shared<const remote_context>(std::move(context)), &core});
    face->attach_functor(log_failure);
  }

  ~parts() {
    caf::anon_send(face, end_subscriptions{});
    caf::scoped_actor self{system};
    self->wait_for(face);
  }

  port_system_config config;
  caf::actor_system system{config};
  face_actor face;
};

remote_port::remote_port(caf::actor_system& core, remote_context context)
    : parts_(std::make_unique<parts>(core, std::move(context))) {}

remote_port::~remote_port() = default;

std::uint16_t remote_port::listen(const std::string& host, std::uint16_t port) {
  auto address = host + " port " + std::to_string(port);
  if (!is_loopback(host))
    throw remote_port_error{"subscriptions cannot be served on " + address
                            + ": only loopback addresses, while there is no mutual TLS"};
  auto bound = parts_->system.middleman().publish(caf::actor_cast<subscription_face>(parts_->face),
                                                  port, host.c_str(), true);
  if (!bound)
    throw remote_port_error{"subscriptions cannot be served on " + address + ": "
                            + parts_->system.render(bound.error())};
  return *bound;
}

bool is_loopback(const std::string& ip_literal) {
  caf::ipv4_address v4;
  if (!caf::parse(ip_literal, v4))
    return v4.is_loopback();
  caf::ipv6_address v6;
  return !caf::parse(ip_literal, v6) && v6.is_loopback();
}

} // namespace troupe::watch
