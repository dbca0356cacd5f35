#include "actors/sim/cluster.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <fmt/format.h>

namespace troupe::sim {

void cluster::power_cut(const fault& what) {
  crash_options options;
  if (what.kept >= 0)
    options.kept_percent = static_cast<unsigned>(what.kept);
  options.flipped_bits = static_cast<unsigned>(what.flips);
  stop(what.node, options, static_cast<std::size_t>(what.lost));
}

void cluster::for_links(const fault& what, const std::function<void(link_weather&)>& change) {
  for (node_number from = 1; from <= size(); ++from)
    for (node_number to = 1; to <= size(); ++to)
      if (from != to && (what.node == 0 || what.node == from)
          && (what.peer == 0 || what.peer == to))
        change(network_.link(from, to));
}

void cluster::flap(const fault& what, sim_time until) {
  for_links(what, [&](link_weather& link) { link.cut = now() < until && !link.cut; });
  if (now() < until)
    stage_.after(std::chrono::milliseconds{std::max<std::int64_t>(what.amount, 1)},
                 [this, what, until] { flap(what, until); });
}

void cluster::strike_links(const fault& what) {
  auto set = [&](auto member, auto value) {
    for_links(what, [=](link_weather& link) { link.*member = value; });
    stage_.after(what.lasts, [this, what, member] {
      for_links(what, [=](link_weather& link) { link.*member = link_weather{}.*member; });
    });
  };
  auto percent = static_cast<unsigned>(what.amount);
  switch (what.kind) {
  case fault_kind::cut:
    return set(&link_weather::cut, true);
  case fault_kind::drop:
    return set(&link_weather::drop_percent, percent);
  case fault_kind::duplicate:
    return set(&link_weather::duplicate_percent, percent);
  case fault_kind::reorder:
    set(&link_weather::reorders, true);
    [[fallthrough]];
  case fault_kind::delay:
    return set(&link_weather::jitter, sim_time{std::chrono::milliseconds{what.amount}});
  case fault_kind::flap:
    return flap(what, now() + what.lasts);
  default:
    return;
  }
}

void cluster::inflict(const fault& what) {
  trace_.line(now(), "fault: " + print(what));
  trace_.event({trace_event::type::fault, now(), now(), what.node, what.peer, print(what)});
  if (what.node > size() || what.peer > size())
    return;
  if (what.node == 0)
    return strike_links(what);
  auto& node = this->node(what.node);
  switch (what.kind) {
  case fault_kind::power_cut:
    power_cut(what);
    return restart_after(what.node, what.lasts);
  case fault_kind::kill:
    stop(what.node, std::nullopt, 0);
    return restart_after(what.node, what.lasts);
  case fault_kind::torn_write:
    torn_[what.node] = what;
    [[fallthrough]];
  case fault_kind::disk_error:
  case fault_kind::disk_full:
    if (!node.is_up())
      return;
    node.may_fail = true;
    return node.disk.fail_after(static_cast<std::uint64_t>(what.amount),
                                what.kind == fault_kind::disk_full ? disk_fault::disk_full
                                                                   : disk_fault::io_error);
  case fault_kind::pause:
    stage_.pause(what.node);
    return stage_.after(what.lasts, [this, what] { stage_.resume(what.node); });
  case fault_kind::stall_disk:
    node.disk_ready = std::max(node.disk_ready, now() + what.lasts);
    return;
  case fault_kind::stall_apply:
    node.applier_ready = std::max(node.applier_ready, now() + what.lasts);
    return;
  case fault_kind::transfer:
    if (auto from = leader(); from != 0)
      caf::anon_send(this->node(from).core().member, transfer_leadership{.to = node.id()});
    return;
  case fault_kind::clock_jump:
    return node.clock.jump(std::chrono::milliseconds{what.amount});
  case fault_kind::clock_rate:
    node.clock.set_rate(std::max<std::int64_t>(what.amount, 1));
    return stage_.after(what.lasts, [&node] { node.clock.set_rate(node_clock::true_rate); });
  default:
    return strike_links(what);
  }
}

void cluster::heal() {
  trace_.line(now(), "everything heals");
  network_.heal();
  torn_.clear();
  for (auto& node : nodes_) {
    node->clock.set_rate(node_clock::true_rate);
    node->disk_ready = node->applier_ready = now();
    node->disk.fail_after(std::nullopt);
    stage_.resume(node->number());
    if (!node->is_up() && failure_.empty())
      start(node->number());
  }
}

} // namespace troupe::sim
