#pragma once

#include "actors/edge/edge_counters.hpp"
#include "actors/metrics/counters.hpp"
#include "actors/metrics/rpc_counters.hpp"
#include "messages/ids.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::metrics {

class family_writer;

/// What does not change while a node runs.
struct metrics_identity {
  member_id member;
  /// For example "3.6.14".
  std::string server_version;
  /// For example "3.6".
  std::string cluster_version;
  /// Size at which NOSPACE is raised; negative: no limit, shown as 0.
  std::int64_t quota_bytes = 0;
};

/// `--metrics`.
enum class metrics_detail : std::uint8_t {
  basic,
  /// Also how long calls take, per method.
  extensive,
};

/// The state machine at the moment of a scrape. What is not known is not shown.
struct store_numbers {
  std::optional<std::uint64_t> bytes;
  std::optional<std::uint64_t> bytes_in_use;
  std::optional<std::int64_t> revision;
  /// -1: there was no compaction.
  std::optional<std::int64_t> compacted;
  std::optional<std::int64_t> keys;
};

/// The metrics of one node, by etcd's names where etcd has the metric, else with the prefix
/// `troupe_`. A metric is only shown where the node really measures it. Any thread may call
/// anything here.
class node_metrics {
public:
  /// @param counters what the actors of the node count in; some may do so already.
  node_metrics(metrics_identity identity, metrics_detail detail,
               std::shared_ptr<node_counters> counters = std::make_shared<node_counters>());
  ~node_metrics();
  node_metrics(const node_metrics&) = delete;
  node_metrics& operator=(const node_metrics&) = delete;

  /// What the actors of the node count in.
  const std::shared_ptr<node_counters>& counters() const;

  /// Shows one more edge. @returns what it counts its calls in.
  std::shared_ptr<rpc_counters> add_edge(std::uint32_t number,
                                         std::shared_ptr<const edge_counters> counters);

  /// Adds somebody who makes calls as clients do, but through no edge. @returns what it counts them
  /// in.
  std::shared_ptr<rpc_counters> add_caller();

  /// Asks `numbers` at each scrape; it is called on any thread, must not block, and must stay
  /// callable until it is replaced. Empty: nothing is known of the store any more.
  void set_store(std::function<store_numbers()> numbers);

  /// Asks `more` for further families at each scrape; it is called on any thread and must not
  /// block.
  void add_families(std::function<void(family_writer&)> more);

  /// A /health page was answered.
  void health_answered(bool healthy);

  /// One check of /livez or /readyz ran. `page` is "livez" or "readyz"; `check` is one of our
  /// names, never a client's text.
  void check_answered(std::string_view page, std::string_view check, bool ok);

  /// The page of a scrape, in Prometheus' text format 0.0.4.
  std::string text() const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// `Content-Type` of `node_metrics::text()`.
inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

} // namespace troupe::metrics
