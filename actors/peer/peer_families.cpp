#include "actors/peer/peer_families.hpp"

#include <cstdio>
#include <string>

namespace troupe::peer {

namespace {

using metrics::family_writer;
using figures_of_members = std::map<member_id, std::shared_ptr<peer_figures>>;
using prometheus::MetricType;

std::string hex(member_id id) {
  char text[17];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(id.value));
  return text;
}

template <class Read>
void write_each(const figures_of_members& members, const char* label, Read read,
                family_writer& to) {
  for (const auto& [id, figures] : members)
    to.sample({{label, hex(id)}}, static_cast<double>(read(*figures)));
}

template <class Read>
void write_pairs(const figures_of_members& members, member_id own, Read read, family_writer& to) {
  for (const auto& [id, figures] : members)
    to.sample({{"Local", hex(own)}, {"Remote", hex(id)}}, static_cast<double>(read(*figures)));
}

void write_connections(const figures_of_members& members, member_id own, family_writer& to) {
  to.begin("etcd_network_known_peers", "The current number of known peers.", MetricType::Gauge);
  write_pairs(
    members, own, [](const auto&) { return 1; }, to);
  to.begin("etcd_network_active_peers", "The current number of active peer connections.",
           MetricType::Gauge);
  write_pairs(
    members, own, [](const auto& x) { return x.active.value(); }, to);
  to.begin("etcd_network_disconnected_peers_total", "The total number of disconnected peers.",
           MetricType::Counter);
  write_pairs(
    members, own, [](const auto& x) { return x.disconnects.value(); }, to);
}

void write_traffic(const figures_of_members& members, family_writer& to) {
  to.begin("etcd_network_peer_sent_bytes_total", "The total number of bytes sent to peers.",
           MetricType::Counter);
  write_each(
    members, "To", [](const auto& x) { return x.sent_bytes.value(); }, to);
  to.begin("etcd_network_peer_received_bytes_total",
           "The total number of bytes received from peers.", MetricType::Counter);
  write_each(
    members, "From", [](const auto& x) { return x.received_bytes.value(); }, to);
  to.begin("etcd_network_peer_sent_failures_total", "The total number of send failures from peers.",
           MetricType::Counter);
  write_each(
    members, "To", [](const auto& x) { return x.sent_failures.value(); }, to);
  to.begin("etcd_network_peer_received_failures_total",
           "The total number of receive failures from peers.", MetricType::Counter);
  write_each(
    members, "From", [](const auto& x) { return x.received_failures.value(); }, to);
}

} // namespace

void write_peers(const peer_counters& from, member_id own, family_writer& to) {
  auto members = from.all();
  write_connections(members, own, to);
  write_traffic(members, to);
  to.begin("etcd_network_peer_round_trip_time_seconds", "Round-Trip-Time histogram between peers",
           MetricType::Histogram);
  for (const auto& [id, figures] : members)
    to.sample({{"To", hex(id)}}, figures->round_trip, 1e-9);
}

void write_certificates(const tls::tls_context::reload_counts& from, family_writer& to) {
  to.begin(
    "troupe_peer_certificate_reloads_total",
    "How often changed certificates of the peer port were read, by whether they could be used.",
    MetricType::Counter);
  to.sample({{"result", "loaded"}}, static_cast<double>(from.loaded));
  to.sample({{"result", "refused"}}, static_cast<double>(from.refused));
}

} // namespace troupe::peer
