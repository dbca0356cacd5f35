#include "test/actors/raft/core_cluster.hpp"

#include "actors/raft/core/term_rules.hpp"

#include <algorithm>

namespace troupe::raft {

namespace {

entry_id last_of(const member_disk& disk) {
  return disk.log.empty() ? entry_id{} : disk.log.back().id;
}

void put(member_disk& disk, const persist& batch) {
  if (batch.state)
    disk.hard = *batch.state;
  if (batch.entries.empty())
    return;
  disk.log.resize(batch.entries.front().id.index.value - 1);
  disk.log.insert(disk.log.end(), batch.entries.begin(), batch.entries.end());
}

} // namespace

configuration member_disk::membership() const {
  auto result = founding;
  for (std::size_t i = 0; i < flushed.value; ++i)
    if (log[i].kind == entry_kind::configuration)
      result = *decode_configuration(log[i].payload);
  return result;
}

void cluster_member::start(core_config config, std::uint64_t seed) {
  disk.hard.boot = disk.hard.boot + 1;
  auto id_of = [this](log_index index) {
    return index == log_index{} ? entry_id{} : disk.log.at(index.value - 1).id;
  };
  const auto kept = disk.log.begin() + static_cast<std::ptrdiff_t>(disk.before_first.value);
  recovered_state found{.hard = disk.hard,
                        .before_first = id_of(disk.before_first),
                        .entries = {kept, disk.log.end()},
                        .applied = id_of(disk.flushed),
                        .membership = disk.membership()};
  replica state{std::move(config), std::move(found), seed};
  const auto role = passive_role(state);
  become({role, std::move(state)});
  watcher_.stepped(*this);
}

void cluster_member::crash(std::size_t kept_writes) {
  for (std::size_t i = 0; i < std::min(kept_writes, writes_.size()); ++i)
    put(disk, writes_[i]);
  role_.reset();
  carrier_ = {};
  writes_.clear();
  answer_.reset();
  to_apply_.clear();
  wanted_.clear();
}

void cluster_member::complete_write() {
  put(disk, writes_.front());
  answer_ = persisted{writes_.front().batch, last_of(disk)};
  writes_.pop_front();
}

void cluster_member::hear_from_disk() {
  auto done = *answer_;
  answer_.reset();
  take(done);
}

void cluster_member::apply_next() {
  auto done = to_apply_.front();
  to_apply_.pop_front();
  take(applied{done, {}});
}

void cluster_member::send(member_id to, peer_message message) {
  watcher_.sent(*this, to, message);
  network_.push_back({id_, to, std::move(message)});
}

void cluster_member::write(persist batch) {
  watcher_.written(*this, batch);
  writes_.push_back(std::move(batch));
}

void cluster_member::commit(std::vector<entry> entries) {
  watcher_.committed(*this, entries);
  for (const auto& each : entries)
    to_apply_.push_back(each.id);
}

void cluster_member::refuse(propose_refused refused) {
  watcher_.refused(*this, refused);
}

void cluster_member::answer(read_index_reply reply) {
  watcher_.answered(*this, reply);
}

void cluster_member::answer(transfer_reply reply) {
  watcher_.answered(*this, reply);
}

void cluster_member::want_snapshot(snapshot_wanted wanted) {
  watcher_.wants_snapshot(*this, wanted);
  wanted_.push_back(wanted);
}

void cluster_member::configure(configuration_changed news) {
  watcher_.configured(*this, news);
}

void cluster_member::change_role(role_change change) {
  next_ = std::move(change);
}

void cluster_member::carry_out(output step) {
  carrier_.carry_out(std::move(step), *this);
  while (next_)
    become(*std::exchange(next_, std::nullopt));
  if (sabotage)
    sabotage(*this);
  watcher_.stepped(*this);
}

void cluster_member::become(role_change change) {
  carrier_ = {};
  output first;
  auto begin = [&](auto core) {
    first = core.start();
    role_ = std::move(core);
  };
  switch (change.role) {
  case raft_role::follower:
    begin(follower_core{std::move(change.state)});
    break;
  case raft_role::pre_candidate:
    begin(pre_candidate_core{std::move(change.state)});
    break;
  case raft_role::candidate:
    begin(candidate_core{std::move(change.state), change.transfer});
    break;
  case raft_role::leader:
    begin(leader_core{std::move(change.state)});
    break;
  case raft_role::learner:
    begin(learner_core{std::move(change.state)});
    break;
  }
  watcher_.became(*this);
  carrier_.carry_out(std::move(first), *this);
}

core_cluster::core_cluster(std::uint64_t members, core_config config, std::uint64_t seed,
                           observer& watcher, std::uint64_t voters)
    : config_(std::move(config)), next_seed_(seed) {
  configuration founding;
  for (std::uint64_t i = 1; i <= std::min(members, voters); ++i)
    founding.members[{i}] = {.is_learner = false, .peer_urls = {}, .name = "founder"};
  for (std::uint64_t i = 1; i <= members; ++i) {
    members_[{i}] = std::make_unique<cluster_member>(member_id{i}, network, watcher);
    if (founding.members.contains({i}))
      member({i}).disk.founding = founding;
  }
}

void core_cluster::start(member_id id) {
  auto config = config_;
  config.id = id;
  member(id).start(std::move(config), ++next_seed_);
}

void core_cluster::deliver(std::size_t position) {
  auto next = std::move(network.at(position));
  network.erase(network.begin() + static_cast<std::ptrdiff_t>(position));
  auto& receiver = member(next.to);
  if (receiver.runs() && !cut_.contains({next.from, next.to}))
    std::visit([&](const auto& message) { receiver.take(message); }, next.message);
}

entry_id core_cluster::install_snapshot(member_id from, member_id to) {
  const auto& source = member(from);
  auto& target = member(to);
  const auto at = source.state().applied_index();
  target.crash(0);
  auto& disk = target.disk;
  const auto end = source.disk.log.begin() + static_cast<std::ptrdiff_t>(at.value);
  disk.log.assign(source.disk.log.begin(), end);
  disk.founding = source.disk.founding;
  disk.before_first = at;
  disk.flushed = at;
  if (const auto term = last_of(disk).term; term > disk.hard.term) {
    disk.hard.term = term;
    disk.hard.voted_for = {};
  }
  disk.hard.commit = std::max(disk.hard.commit, at);
  return last_of(disk);
}

} // namespace troupe::raft
