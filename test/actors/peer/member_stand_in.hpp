#pragma once

#include "actors/peer/peer_network.hpp"
#include "messages/membership.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace troupe::peer {

/// The machine's.
class real_clock : public clock {
public:
  time_point now() const override {
    return std::chrono::steady_clock::now();
  }

  std::int64_t unix_seconds() const override {
    return 0;
  }
};

struct core_config : caf::actor_system_config {
  core_config() {
    register_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    set("logger.verbosity", caf::atom("quiet"));
  }
};

/// What a member has heard from its network.
struct heard {
  std::map<member_id, raft::peer_handle> table;
  std::map<member_id, unsigned> found;
  std::map<member_id, unsigned> lost;
  std::vector<append> appends;
  std::vector<request_vote> votes;
  std::size_t others = 0;
  std::size_t append_bytes = 0;
  /// (member, reason, by the peer)
  std::vector<std::tuple<member_id, hello_refusal, bool>> refusals;

  /// Whether the link to it is up.
  bool reaches(member_id peer) const {
    auto ups = found.find(peer);
    auto downs = lost.find(peer);
    return ups != found.end() && (downs == lost.end() || ups->second > downs->second);
  }
};

/// A member with everything of a peer network and nothing of Raft: keeps what it hears.
class member_stand_in {
public:
  using patience = std::chrono::milliseconds;

  /// @param adapt changes how it takes part.
  explicit member_stand_in(
    std::uint64_t id, const std::function<void(peer_config&)>& adapt = [](peer_config&) {});
  ~member_stand_in();

  /// Ends its network; the member keeps what it has heard.
  void leave();

  /// As bound.
  std::string url() const;

  std::uint16_t port() const {
    return port_;
  }

  member_id id() const {
    return id_;
  }

  /// The configuration is these, at these URLs.
  void configure(const std::map<member_id, std::vector<std::string>>& members,
                 const std::set<member_id>& removed = {});

  /// Waits until `ready` holds of what was heard. @returns whether it does in time.
  bool await(const std::function<bool(const heard&)>& ready,
             patience patience = std::chrono::seconds{10});

  bool await_link(member_id peer, patience within = std::chrono::seconds{10}) {
    return await([peer](const heard& x) { return x.reaches(peer); }, within);
  }

  heard now();

  /// Through the link; does nothing if there is none.
  template <class Message>
  void say(member_id to, Message what) {
    auto table = now().table;
    if (table.contains(to))
      caf::anon_send(table.at(to), std::move(what));
  }

  std::shared_ptr<peer_counters> counters() const {
    return counters_;
  }

  peer_network& network() {
    return *network_;
  }

private:
  using listener = raft::peer_handle::extend<caf::reacts_to<raft::peer_table>,
                                             caf::reacts_to<link_lost>, caf::reacts_to<link_found>>;

  struct notebook {
    std::mutex mutex;
    std::condition_variable changed;
    heard contents;
  };

  static listener::behavior_type listen(listener::pointer self,
                                        const std::shared_ptr<notebook>& notes);

  member_id id_;
  std::uint16_t port_ = 0;
  bool tls_ = false;
  std::shared_ptr<notebook> notes_ = std::make_shared<notebook>();
  std::shared_ptr<peer_counters> counters_;
  core_config config_;
  caf::actor_system system_{config_};
  listener listener_;
  std::unique_ptr<peer_network> network_;
  peer_manager_actor manager_;
};

/// Everybody knows everybody.
void introduce(const std::vector<member_stand_in*>& members);

} // namespace troupe::peer
