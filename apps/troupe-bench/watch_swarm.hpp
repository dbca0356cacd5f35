#pragma once

#include "apps/troupe-bench/event_loop.hpp"
#include "apps/troupe-bench/wire.hpp"

#include <map>

namespace troupe::bench {

/// Many watchers, spread evenly over the streams, the streams over the connections: watcher w is on
/// stream w modulo their number. Ids are ours, so that answers in any order find their watcher.
class watch_swarm {
public:
  /// The key of a watcher.
  using key_of = std::function<std::string(std::uint32_t watcher)>;
  using on_event = std::function<void(std::uint32_t watcher, const watch_event& event, instant at)>;

  /// The first `stalled` streams are not read once all watchers exist.
  struct shape {
    std::uint32_t watchers = 0;
    std::uint32_t streams = 0;
    std::uint32_t pipeline = 1; // creations under way on each stream
    std::uint32_t stalled = 0;
  };

  /// `range_end` of all watchers; empty: each watches one key.
  watch_swarm(std::vector<connection*> over, const shape& shape, key_of keys,
              std::string range_end);
  ~watch_swarm();

  /// Starts creating; created() says how far it is.
  void create();
  std::uint64_t created() const;
  /// Refused or canceled; a watcher that failed counts in created() as well, once.
  std::uint64_t failed() const;
  const std::map<std::string, std::uint64_t>& errors() const;

  void listen(on_event listener);
  void stall();

  bool is_stalled(std::uint32_t watcher) const;

private:
  class stream;

  std::string create_request(std::uint32_t watcher) const;
  void fail(std::uint64_t watchers, const std::string& why);

  shape shape_;
  key_of keys_;
  std::string range_end_;
  on_event listener_;
  std::uint64_t created_ = 0, failed_ = 0;
  std::map<std::string, std::uint64_t> errors_;
  decoder decoder_;
  std::vector<std::unique_ptr<stream>> streams_;
};

} // namespace troupe::bench
