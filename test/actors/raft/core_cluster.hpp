#pragma once

#include "actors/raft/core/candidate_core.hpp"
#include "actors/raft/core/follower_core.hpp"
#include "actors/raft/core/leader_core.hpp"
#include "actors/raft/core/learner_core.hpp"
#include "actors/raft/core/output.hpp"
#include "actors/raft/core/pre_candidate_core.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::raft {

class cluster_member;

/// Watches what the members of a cluster do, as they do it.
class observer {
public:
  virtual ~observer() = default;

  virtual void sent(const cluster_member&, member_id, const peer_message&) {}
  virtual void written(const cluster_member&, const persist&) {}
  virtual void committed(const cluster_member&, const std::vector<entry>&) {}
  virtual void refused(const cluster_member&, const propose_refused&) {}
  virtual void answered(const cluster_member&, const read_index_reply&) {}
  virtual void answered(const cluster_member&, const transfer_reply&) {}
  virtual void wants_snapshot(const cluster_member&, const snapshot_wanted&) {}
  virtual void configured(const cluster_member&, const configuration_changed&) {}
  /// It was asked for a pre-vote; `before` is what it had to remember then.
  virtual void was_asked(const cluster_member&, const hard_state&) {}
  virtual void became(const cluster_member&) {}
  /// A step is complete; the member's state can be looked at.
  virtual void stepped(const cluster_member&) {}
};

/// What a member leaves when it crashes.
struct member_disk {
  hard_state hard;
  /// Entry i at i - 1. Those up to `before_first` came with a snapshot: a restart does not see
  /// them.
  std::vector<entry> log;
  log_index before_first;
  /// The state machine as a restart finds it, and the configuration in it.
  log_index flushed;
  configuration founding;

  configuration membership() const;
};

/// One message on its way between two members.
struct flight {
  member_id from;
  member_id to;
  peer_message message;
};

/// The core of one member with a disk and a state machine that take their time: the test decides
/// when a write is on disk, when the answer comes, and when an entry is applied.
class cluster_member final : private effects {
public:
  cluster_member(member_id id, std::deque<flight>& network, observer& watcher)
      : id_(id), network_(network), watcher_(watcher) {}

  /// Starts, or starts again after a crash, from what is on disk.
  void start(core_config config, std::uint64_t seed);

  /// Ends; the first `kept_writes` of those asked for still reach the disk.
  void crash(std::size_t kept_writes);

  /// @pre it runs.
  template <class Message>
  void take(const Message& message) {
    const auto before = state().hard();
    auto step = std::visit([&](auto& core) { return core.on(message); }, *role_);
    const bool repeat = step.next_role && step.next_role->repeat_message;
    carry_out(std::move(step));
    if constexpr (std::is_same_v<Message, request_vote>)
      if (message.pre)
        watcher_.was_asked(*this, before);
    if (repeat)
      take(message);
  }

  /// The oldest write that was asked for is on disk now. @pre there is one.
  void complete_write();

  /// The answer to everything on disk comes. @pre there is one under way.
  void hear_from_disk();

  /// The oldest entry that was handed over is applied. @pre there is one.
  void apply_next();

  member_id id() const {
    return id_;
  }

  bool runs() const {
    return role_.has_value();
  }

  const replica& state() const {
    return std::visit([](auto& core) -> const replica& { return core.state(); }, *role_);
  }

  raft_status status() const {
    return std::visit([](auto& core) { return core.status(); }, *role_);
  }

  /// Null unless it leads.
  const leader_core* leader() const {
    return role_ ? std::get_if<leader_core>(&*role_) : nullptr;
  }

  std::size_t open_writes() const {
    return writes_.size();
  }

  bool disk_answers() const {
    return answer_.has_value();
  }

  bool has_to_apply() const {
    return !to_apply_.empty();
  }

  /// The oldest wish for a snapshot, if there is one; each comes once.
  std::optional<snapshot_wanted> take_wanted_snapshot() {
    if (wanted_.empty())
      return std::nullopt;
    const auto oldest = wanted_.front();
    wanted_.pop_front();
    return oldest;
  }

  member_disk disk;
  /// Done after each step: plants a bug.
  std::function<void(cluster_member&)> sabotage;

private:
  using any_role =
    std::variant<follower_core, pre_candidate_core, candidate_core, leader_core, learner_core>;

  void send(member_id to, peer_message message) override;
  void write(persist batch) override;
  void commit(std::vector<entry> entries) override;
  void refuse(propose_refused refused) override;
  void answer(read_index_reply reply) override;
  void answer(transfer_reply reply) override;
  void want_snapshot(snapshot_wanted wanted) override;
  void configure(configuration_changed news) override;
  void change_role(role_change change) override;

  void carry_out(output step);
  void become(role_change change);

  member_id id_;
  std::deque<flight>& network_;
  observer& watcher_;
  std::optional<any_role> role_;
  std::optional<role_change> next_;
  carrier carrier_;
  std::deque<persist> writes_;
  std::optional<persisted> answer_;
  std::deque<entry_id> to_apply_;
  std::deque<snapshot_wanted> wanted_;
};

/// Members 1 to n and the messages between them.
class core_cluster {
public:
  /// Nobody runs yet: set disks, then `start` each. The first `voters` of the members, or all,
  /// found the cluster; the others are in no configuration.
  core_cluster(std::uint64_t members, core_config config, std::uint64_t seed, observer& watcher,
               std::uint64_t voters = ~std::uint64_t{0});

  cluster_member& member(member_id id) {
    return *members_.at(id);
  }

  const std::map<member_id, std::unique_ptr<cluster_member>>& members() const {
    return members_;
  }

  void start(member_id id);

  /// Takes a message off the network and hands it over, unless the receiver is down or cut off.
  void deliver(std::size_t position);

  /// Cuts the way from one member to another.
  void cut(member_id from, member_id to) {
    cut_.insert({from, to});
  }

  void heal() {
    cut_.clear();
  }

  /// `to` gets the state of `from` as it has applied it, and starts anew from it.
  entry_id install_snapshot(member_id from, member_id to);

  std::deque<flight> network;

private:
  core_config config_;
  std::uint64_t next_seed_;
  std::map<member_id, std::unique_ptr<cluster_member>> members_;
  std::set<std::pair<member_id, member_id>> cut_;
};

} // namespace troupe::raft
