#pragma once

#include <cstdint>
#include <vector>

namespace troupe::bench {

/// Who got how many events of one watched key that is put again and again: every watcher must get
/// exactly one event per put, in the order of revisions.
///
///   delivery_ledger ledger{2};
///   ledger.put_sent();
///   ledger.event(0, 7);        // false: watcher 1 has nothing yet
///   ledger.event(0, 7);        // counted in repeated(), and in nothing else
///   ledger.event(1, 7);        // true: the last one
class delivery_ledger {
public:
  explicit delivery_ledger(std::uint32_t watchers) : watchers_(watchers) {}

  /// One more event is expected by every watcher.
  void put_sent() {
    ++expected_;
    outstanding_ = 0;
    for (const auto& each : watchers_)
      outstanding_ += each.events < expected_ ? 1 : 0;
  }

  /// The same for a load of puts, when it is known how many there were.
  void expect(std::uint64_t puts) {
    expected_ = puts - 1;
    put_sent();
  }

  /// `watcher` got the event of `mod_revision`.
  /// @returns whether every watcher now has all that is expected, and had not before.
  bool event(std::uint32_t watcher, std::int64_t mod_revision) {
    auto& got = watchers_.at(watcher);
    if (mod_revision <= got.revision) {
      ++repeated_;
      return false;
    }
    got.revision = mod_revision;
    return ++got.events == expected_ && --outstanding_ == 0;
  }

  /// Watchers that have not yet got all that is expected.
  std::uint64_t outstanding() const {
    return outstanding_;
  }

  /// Events that are expected and have not come.
  std::uint64_t missing() const {
    std::uint64_t result = 0;
    for (const auto& each : watchers_)
      result += each.events < expected_ ? expected_ - each.events : 0;
    return result;
  }

  /// Events of a revision that this watcher had already had, or had gone past.
  std::uint64_t repeated() const {
    return repeated_;
  }

  /// Events of revisions that no expected put explains.
  std::uint64_t unexpected() const {
    std::uint64_t result = 0;
    for (const auto& each : watchers_)
      result += each.events > expected_ ? each.events - expected_ : 0;
    return result;
  }

  bool exact() const {
    return missing() == 0 && repeated_ == 0 && unexpected() == 0;
  }

private:
  struct watcher {
    std::uint64_t events = 0;
    std::int64_t revision = 0; // of the newest event
  };

  std::vector<watcher> watchers_;
  std::uint64_t expected_ = 0;    // events per watcher
  std::uint64_t outstanding_ = 0; // watchers with fewer
  std::uint64_t repeated_ = 0;
};

} // namespace troupe::bench
