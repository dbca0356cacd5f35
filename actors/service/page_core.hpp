#pragma once

#include "actors/service/http_query.hpp"
#include "messages/clock.hpp"
#include "messages/http.hpp"
#include "messages/rpc.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::service {

/// What pages need to know of the node at the moment of a request.
struct page_view {
  bool has_leader = false;
  bool is_learner = false;
  bool no_space = false;
  bool corrupt = false;
  bool other_alarm = false;
};

struct page_config {
  /// `call_id::edge` of the reads that probe the node: the pages stand where an edge stands.
  std::uint32_t probe_edge = 0;
  /// After this a probe has failed (etcd's request timeout: 5 s and two election timeouts).
  std::chrono::nanoseconds probe_timeout = std::chrono::seconds{7};
  /// Pages that may wait for probes; one more fails at once.
  std::size_t max_waiting = 1024;
  /// For /version, as "X.Y.Z".
  std::string server_version;
  std::string cluster_version;
  std::string storage_version;
};

/// One check of /livez or /readyz that ran.
struct page_check {
  /// "livez" or "readyz".
  std::string page;
  std::string_view name;
  bool ok = false;
};

/// How a page that judges the node came out.
struct page_verdict {
  /// Without the query; one of ours, never a client's text.
  std::string path;
  bool ok = false;
  std::string body;
};

/// What one step of the pages asks of its host.
struct page_output {
  /// To the service.
  std::vector<call_event> probes;
  /// To the edges.
  std::vector<http_response> responses;
  /// Requests to be answered with the metrics.
  std::vector<call_id> scrapes;
  /// For metrics and the log.
  std::vector<page_check> checks;
  std::vector<page_verdict> verdicts;
};

/// The pages of the client port that are no API: /health, /livez, /readyz, /version and /metrics
/// (etcd-observability 5 and 6). Pure: time comes in, work goes out.
class page_core {
public:
  explicit page_core(page_config config);

  void on(const http_request& request, const page_view& view, time_point now, page_output& out);

  /// Answers of the service to probes; all others are ignored.
  void on(const rpc_answers& answers, page_output& out);

  /// Answers the pages whose probes took too long.
  void on_tick(time_point now, page_output& out);

  std::size_t waiting() const {
    return waiting_.size();
  }

private:
  struct check {
    std::string_view name;
    bool done = false;
    /// Why it failed; empty: it is well.
    std::string failure;
  };

  enum class kind : std::uint8_t { health, livez, readyz };

  /// A page that is not answered yet.
  struct page {
    kind what = kind::health;
    call_id call;
    bool verbose = false;
    std::vector<check> checks;
    time_point deadline;
  };

  void health(const http_request& request, const page_view& view, time_point now, page_output& out);
  /// `name` is what follows the page's path and a '/': one check alone; none: all of them.
  void checks(kind what, std::optional<std::string_view> name, const http_request& request,
              const page_view& view, time_point now, page_output& out);
  void start(page opened, const page_view& view, time_point now, page_output& out);
  call_event probe(call_id call, bool serializable, time_point deadline) const;
  void finish(const page& done, page_output& out) const;
  void finish_health(call_id call, const std::string& reason, page_output& out) const;
  void finish_checks(const page& done, page_output& out) const;

  page_config config_;
  /// By a number that is never used again; since all wait equally long, also by deadline.
  std::map<std::uint64_t, page> waiting_;
  std::uint64_t last_page_ = 0;
};

} // namespace troupe::service
