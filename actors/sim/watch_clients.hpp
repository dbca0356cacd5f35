#pragma once

#include "actors/sim/cluster.hpp"
#include "actors/sim/watch_validator.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace troupe::sim {

/// Clients that watch, each on one stream: they break it off, take up what they watch on another
/// member, and start anew where history is gone. Each member's answers are judged against what its
/// own state shows, and the states of all members against each other.
class watch_clients final : public cluster_users {
public:
  watch_clients(cluster& of, unsigned clients, std::uint64_t seed);

  void begin();

  /// Nobody breaks off a stream any more; one that is lost is taken up again.
  void calm() {
    calm_ = true;
  }

  /// All is quiet and every member has applied everything: each watch has seen all there was.
  void check_settled();

  std::uint64_t events() const;

  std::uint64_t resumed() const {
    return resumed_;
  }

  void answered(node_number from, const rpc_answers& answers) override;
  void started(node_number node) override;
  void ended(node_number node) override;
  void applied(node_number node) override;

private:
  using watch_request = etcdserverpb::WatchCreateRequest;

  struct stream {
    unsigned number = 0;
    std::int32_t id = 0;
    node_number node = 0;
    bool open = false;
    /// Asked for, not answered, in order.
    std::deque<watch_request> asked;
    std::map<std::int64_t, watch_request> watches;
    /// To be asked for on the next stream.
    std::vector<watch_request> wanted;
  };

  /// Of one life of a member.
  struct judge {
    watch_validator validator;
    std::int64_t told = 1;
    /// Some of its history was gone before anybody had read it: nothing can be judged.
    bool blind = false;
  };

  static constexpr std::uint64_t first_connection = 1000;

  std::uint64_t below(std::uint64_t n) {
    return random_() % n;
  }

  watch_request random_request();
  void later(stream& on, sim_time pause);
  void act(stream& on);
  void open(stream& on);
  void close(stream& on, bool by_client);
  void say(stream& on, call_event::what kind, std::string body = {});
  void hear(stream& on, const rpc_answer& answer);
  void take(stream& on, const etcdserverpb::WatchResponse& response);
  void check(node_number node);

  cluster& cluster_;
  std::mt19937_64 random_;
  std::vector<stream> streams_;
  /// What any member showed first at each revision.
  std::map<std::int64_t, std::vector<mvcc::event>> truth_;
  std::map<node_number, judge> judges_;
  std::uint64_t events_before_ = 0;
  std::uint64_t resumed_ = 0;
  bool calm_ = false;
};

} // namespace troupe::sim
