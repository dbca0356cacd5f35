#include "actors/sim/bug_seams.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <functional>
#include <random>
#include <utility>
#include <vector>

namespace troupe::sim {

namespace {

using storage::family;

/// The product's engine in memory, unless the bug is in the engine.
class sound_engine : public crashable_engine {
public:
  sound_engine(storage::memory_disk& disk, const std::string& directory)
      : inner_(std::make_unique<storage::memory_engine>(disk, directory)) {}

  void crash(std::size_t back) override {
    inner_->crash(std::min(back, inner_->flush_points() - 1));
  }

  void flush_silently() override {
    inner_->flush_silently();
  }

  std::unique_ptr<storage::write_batch> make_batch() const override {
    return inner_->make_batch();
  }

  void write(storage::write_batch& batch) override {
    inner_->write(batch);
  }

  const storage::read_view& latest() const override {
    return inner_->latest();
  }

  std::unique_ptr<storage::read_view> snapshot() const override {
    return inner_->snapshot();
  }

  void flush() override {
    inner_->flush();
  }

  std::optional<std::string> durable(std::string_view meta_key) const override {
    return inner_->durable(meta_key);
  }

  void raise_floor(std::int64_t at) override {
    inner_->raise_floor(at);
  }

  std::int64_t floor() const override {
    return inner_->floor();
  }

  void compact(bool data_too) override {
    inner_->compact(data_too);
  }

  void checkpoint(const std::filesystem::path& directory) override {
    inner_->checkpoint(directory);
  }

  storage::engine_sizes sizes() const override {
    return inner_->sizes();
  }

protected:
  std::unique_ptr<storage::memory_engine> inner_;
};

/// Remembers what it hands on.
class recorded_batch final : public storage::write_batch {
public:
  struct change {
    bool is_state;
    std::function<void(storage::write_batch&)> repeat;
  };

  explicit recorded_batch(std::unique_ptr<storage::write_batch> real) : real(std::move(real)) {}

  void put_version(std::string_view key, std::int64_t at, std::string_view value) override {
    note([=, k = std::string{key}, v = std::string{value}](auto& to) { to.put_version(k, at, v); });
  }

  void erase_version(std::string_view key, std::int64_t at) override {
    note([=, k = std::string{key}](auto& to) { to.erase_version(k, at); });
  }

  void put(family where, std::string_view key, std::string_view value) override {
    note([=, k = std::string{key}, v = std::string{value}](auto& to) { to.put(where, k, v); },
         where == family::meta);
  }

  void erase(family where, std::string_view key) override {
    note([=, k = std::string{key}](auto& to) { to.erase(where, k); });
  }

  void erase_range(family where, std::string_view begin, std::string_view end) override {
    note(
      [=, b = std::string{begin}, e = std::string{end}](auto& to) { to.erase_range(where, b, e); });
  }

  void clear() override {
    real->clear();
    changes.clear();
  }

  bool empty() const override {
    return real->empty();
  }

  std::size_t bytes() const override {
    return real->bytes();
  }

  std::unique_ptr<storage::write_batch> real;
  std::vector<change> changes;

private:
  void note(std::function<void(storage::write_batch&)> what, bool is_state = false) {
    what(*real);
    changes.push_back({is_state, std::move(what)});
  }
};

/// What a crash leaves of it is not one of its flush points.
class forgetful_engine final : public sound_engine {
public:
  forgetful_engine(storage::memory_disk& disk, const std::string& directory, planted_bug bug,
                   std::uint64_t seed)
      : sound_engine(disk, directory), disk_(disk), directory_(directory), bug_(bug),
        random_(seed) {}

  std::unique_ptr<storage::write_batch> make_batch() const override {
    return std::make_unique<recorded_batch>(inner_->make_batch());
  }

  void write(storage::write_batch& batch) override {
    auto& recorded = static_cast<recorded_batch&>(batch);
    inner_->write(*recorded.real);
    unflushed_.push_back(recorded.changes);
  }

  void flush_silently() override {}

  void flush() override {
    inner_->flush();
    unflushed_.clear();
  }

  void compact(bool data_too) override {
    inner_->compact(data_too);
    unflushed_.clear();
  }

  void crash(std::size_t) override {
    inner_->crash();
    if (unflushed_.size() < 3)
      return;
    storage::memory_engine left{disk_, directory_};
    // Some time before the crash it wrote by itself.
    unflushed_.resize(unflushed_.size() - random_() % (unflushed_.size() / 2));
    const auto chosen = random_() % (unflushed_.size() - 1);
    for (std::size_t i = 0; i < unflushed_.size(); ++i) {
      if (bug_ == planted_bug::lose_batch && i == chosen)
        continue;
      auto batch = left.make_batch();
      for (const auto& change : unflushed_[i])
        if (bug_ != planted_bug::repeat_apply || i <= chosen || !change.is_state)
          change.repeat(*batch);
      left.write(*batch);
    }
  }

private:
  storage::memory_disk& disk_;
  std::string directory_;
  planted_bug bug_;
  std::mt19937_64 random_;
  std::vector<std::vector<recorded_batch::change>> unflushed_;
};

/// Answers for storage before it has written.
raft::storage_handle::behavior_type hasty_storage(raft::storage_handle::pointer self,
                                                  const core_actors& core, planted_bug bug) {
  self->link_to(core.member);
  return {
    [=, member = core.member, real = core.storage,
     last = std::make_shared<entry_id>()](const persist& batch) {
      if (!batch.entries.empty())
        *last = batch.entries.back().id;
      if (batch.entries.empty() == (bug == planted_bug::vote_before_durable))
        caf::anon_send(member, persisted{batch.batch, *last});
      caf::anon_send(real, batch);
    },
    [=, real = core.storage](const release_log& done) { caf::anon_send(real, done); },
  };
}

/// Whom a seam learns of only after it was made.
struct late_handles {
  raft::read_client_handle reader;
};

service::proposal_sink::behavior_type hasty_reads(service::proposal_sink::pointer self,
                                                  const raft::member_actor& member,
                                                  const std::shared_ptr<late_handles>& known) {
  self->link_to(member);
  return {
    [=](propose& request) { caf::anon_send(member, std::move(request)); },
    [=](const read_index_request& request) {
      self->request(member, caf::infinite, get_raft_status{})
        .then(
          [=](const raft_status& status) {
            if (status.role == raft_role::leader)
              caf::anon_send(known->reader,
                             read_index_reply{request.round, errc::none, status.commit});
            else
              caf::anon_send(member, request);
          },
          [](const caf::error&) {});
    },
  };
}

service::proposal_sink::behavior_type echo(service::proposal_sink::pointer self,
                                           const raft::member_actor& member, std::uint64_t seed) {
  self->link_to(member);
  return {
    [=, random = std::make_shared<std::mt19937_64>(seed)](const propose& request) {
      caf::anon_send(member, request);
      if ((*random)() % 20 == 0)
        caf::anon_send(member, request);
    },
    [=](const read_index_request& request) { caf::anon_send(member, request); },
  };
}

} // namespace

std::unique_ptr<crashable_engine> open_engine(storage::memory_disk& disk,
                                              const std::string& directory, planted_bug bug,
                                              std::uint64_t seed) {
  if (bug == planted_bug::lose_batch || bug == planted_bug::repeat_apply)
    return std::make_unique<forgetful_engine>(disk, directory, bug, seed);
  return std::make_unique<sound_engine>(disk, directory);
}

void plant(planted_bug bug, simulated_disk& disk) {
  if (bug == planted_bug::skip_sync)
    disk.skip_syncs(25);
}

void plant(planted_bug bug, opened_data& data) {
  if (bug == planted_bug::forget_vote)
    data.hard.voted_for = {};
  if (bug == planted_bug::forget_boot)
    data.hard.boot = {1};
}

void plant(planted_bug bug, raft::peer_message& leaving) {
  auto* rpc = std::get_if<append>(&leaving);
  if (bug == planted_bug::commit_on_receipt && rpc)
    rpc->commit = rpc->prev.index + rpc->entries.size();
}

core_seams seams_of(planted_bug bug, caf::actor_system& system, std::uint64_t seed) {
  core_seams seams;
  switch (bug) {
  case planted_bug::vote_before_durable:
  case planted_bug::ack_before_durable:
    seams.around_member = [=, &system](const core_actors& core, raft::handles& known) {
      known.storage = system.spawn(hasty_storage, core, bug);
    };
    break;
  case planted_bug::read_without_round: {
    auto late = std::make_shared<late_handles>();
    seams.around_service = [=, &system](const core_actors& core, service::service_peers& known) {
      known.member = system.spawn(hasty_reads, core.member, late);
    };
    seams.around_member = [=](const core_actors& core, raft::handles&) {
      late->reader = core.service;
    };
    break;
  }
  case planted_bug::duplicate_proposal:
    seams.around_service = [=, &system](const core_actors& core, service::service_peers& known) {
      known.member = system.spawn(echo, core.member, seed);
    };
    break;
  default:
    break;
  }
  return seams;
}

} // namespace troupe::sim
