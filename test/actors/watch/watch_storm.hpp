#pragma once

#include "actors/apply/applier.hpp"
#include "actors/sim/watch_validator.hpp"
#include "actors/watch/history.hpp"
#include "actors/watch/watch_hub.hpp"
#include "actors/watch/watch_service.hpp"
#include "messages/proto/rpc.pb.h"
#include "storage/memory_engine.hpp"
#include "storage/mvcc/store.hpp"
#include "test/support/actor_fixture.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace troupe::watch {

/// The seams of a storm: each may put an actor of its own between two real ones. Null: nothing is
/// between them.
struct storm_seams {
  using hub_seam = std::function<hub_actor(caf::actor_system&, hub_actor real)>;
  using history_seam = std::function<history_actor(caf::actor_system&, history_actor real)>;
  using commit_sink = caf::typed_actor<caf::reacts_to<committed>>;
  using commit_seam = std::function<commit_sink(caf::actor_system&, apply::applier_actor applier,
                                                hub_actor hub, const mvcc::store& store)>;

  /// What the applier takes for the hub.
  hub_seam publishing;
  /// What sessions and watchers take for the hub.
  hub_seam asking;
  /// What watchers take for the history.
  history_seam reading;
  /// What hands the applier its entries; gets the hub that the applier publishes to.
  commit_seam committing;
};

/// Watches under load and faults: the real applier, hub, history, watch service, sessions and
/// watchers on a store in memory, in an order of messages that the seed chooses. Clients on several
/// streams create, cancel, lag, break and resume while keys are put, deleted and compacted; the
/// validator judges what they get.
class watch_storm : public test::actor_stage {
public:
  explicit watch_storm(std::uint64_t seed, const storm_seams& seams = {});
  ~watch_storm();

  /// Runs the storm, then lets it settle.
  void run_storm(std::size_t steps);

  const sim::watch_validator& judge() const {
    return judge_;
  }

  /// How often what should happen did happen: a storm without it shows nothing.
  struct counts {
    std::uint64_t created = 0;
    std::uint64_t canceled = 0;
    std::uint64_t compacted = 0;
    std::uint64_t progress = 0;
    std::uint64_t resumed = 0;
    /// Answers that came as fragments.
    std::uint64_t fragments = 0;
  };

  const counts& seen() const {
    return seen_;
  }

private:
  struct hand_clock : clock {
    time_point now() const override {
      return at;
    }

    std::int64_t unix_seconds() const override {
      return 0;
    }

    time_point at;
  };

  /// A stream of a client, and what the edge holds for it.
  struct stream {
    call_id call;
    bool open = true;
    /// Reads seldom.
    bool lazy = false;
    std::deque<rpc_answer> unread;
    std::size_t unread_bytes = 0;
    bool owes_writable = false;
    /// Asked for, not answered.
    std::deque<etcdserverpb::WatchCreateRequest> asked;
    std::map<std::int64_t, etcdserverpb::WatchCreateRequest> watches;
  };

  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>{0, below - 1}(random_);
  }

  bool chance(unsigned percent) {
    return pick(100) < percent;
  }

  void act();
  void write();
  void compact();
  void open_stream();
  void create(stream& on, std::int64_t start, std::optional<etcdserverpb::WatchCreateRequest> as);
  void cancel(stream& on);
  void ask_progress_of(stream& on);
  void break_and_resume(stream& on);
  void read_some(stream& on, std::size_t most);
  void hear(stream& on, const etcdserverpb::WatchResponse& answer);
  void deliver(const rpc_answers& answers);
  void settle();
  void step_actors(std::size_t steps);
  /// Tells the validator what can be read now.
  void note_written();

  stream* any_open();
  std::string key();
  void say(const stream& on, call_event::what kind, std::string body = {});
  void say(const stream& on, const etcdserverpb::WatchRequest& request);
  void commit(std::vector<entry> entries);
  entry make_entry(command_kind kind, const std::string& body);
  etcdserverpb::TxnRequest transaction();

  std::mt19937_64 random_;
  std::shared_ptr<hand_clock> time_ = std::make_shared<hand_clock>();
  storage::memory_disk disk_;
  storage::memory_engine engine_{disk_, "state"};
  mvcc::store store_{engine_};
  apply::applier_actor applier_;
  hub_actor hub_;
  storm_seams::commit_sink commits_;
  watch_service_actor service_;
  std::vector<caf::strong_actor_ptr> all_;

  sim::watch_validator judge_;
  counts seen_;
  /// Streams by number, which is also the number that the validator knows; never reused.
  std::map<std::int32_t, stream> streams_;
  std::int32_t last_stream_ = 0;
  std::uint64_t last_index_ = 0;
  /// Told to the validator.
  std::int64_t told_ = 1;
};

} // namespace troupe::watch
