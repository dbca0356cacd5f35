#pragma once

#include "messages/clock.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>

namespace troupe::peer {

/// The spans of one link. All of them are longer than the tick of its host.
struct link_timing {
  /// How often the other end is asked for a sign of life.
  std::chrono::milliseconds ping_interval{250};
  /// Without any sign for so long the connection is given up.
  std::chrono::milliseconds silence{1000};
  /// From the open connection to the other end's hello.
  std::chrono::milliseconds greeting{1000};
  /// Pause after a failure: from the least, doubled each time, to the most, of which a random part
  /// between a half and the whole.
  std::chrono::milliseconds pause_least{50};
  std::chrono::milliseconds pause_most{400};
  /// Pause after a hello was refused, by either end.
  std::chrono::milliseconds refused_pause{2000};
};

/// When a link does what. Pure.
///
///              pause over                connection open           hello of both ends
///   waiting ---------------> connecting -----------------> greeting ----------------> up
///      ^                          |                           |                       |
///      +-- failed ----------------+                           |                       |
///      +-- too late, connection lost, hello refused ----------+                       |
///      +-- silent, connection lost ---------------------------------------------------+
class link_core {
public:
  enum class phase : std::uint8_t { waiting, connecting, greeting, up };

  /// What a step asks of its host.
  struct step {
    /// Open a connection and answer `connected` or `failed`.
    bool dial = false;
    bool hang_up = false;
    /// Send a ping of this number.
    std::optional<std::uint64_t> ping;
    /// To be told to whoever uses the link.
    std::optional<bool> reachable;
  };

  /// @param most_bytes on their way to the other end at a time. @param seed of its pauses.
  link_core(const link_timing& timing, std::uint64_t most_bytes, std::uint64_t seed)
      : timing_(timing), most_bytes_(most_bytes), chance_(seed) {}

  phase now_in() const {
    return phase_;
  }

  bool up() const {
    return phase_ == phase::up;
  }

  /// @param progressed the kernel has taken bytes of a backlog since the last tick, so the other
  /// end has taken some too: as good as a pong, which may wait behind them.
  step on_tick(time_point now, bool progressed);

  step connected(time_point now);

  /// The other end said hello, and both accepted.
  step greeted(time_point now);

  /// No connection, or none any more.
  step failed(time_point now);

  step refused(time_point now);

  /// A message of about this size is to be passed on. @returns what to do after it; empty: drop it,
  /// because the link is not up or the other end has not confirmed enough of what came before. Of
  /// that every queue between here and there is a part: those of actors, the unsent bytes, the
  /// kernels' buffers.
  std::optional<step> pass(time_point now, std::uint64_t bytes);

  /// @returns the round trip time, if this ping was sent and not answered.
  std::optional<std::chrono::nanoseconds> pong(time_point now, std::uint64_t number);

private:
  step watch(time_point now, bool progressed);
  step ping(time_point now);
  step wait(time_point now, std::chrono::nanoseconds pause);
  std::chrono::nanoseconds next_pause();

  struct sent_ping {
    time_point at;
    /// What had been passed on before it.
    std::uint64_t passed = 0;
  };

  link_timing timing_;
  std::uint64_t most_bytes_;
  std::mt19937_64 chance_;
  phase phase_ = phase::waiting;
  /// When the present phase is over at the latest; of `waiting`, when the next attempt begins.
  time_point until_{};
  /// Failures since it was up.
  unsigned failures_ = 0;
  /// Only while it is up.
  time_point heard_{};
  time_point pinged_{};
  std::uint64_t last_ping_ = 0;
  std::map<std::uint64_t, sent_ping> unanswered_;
  /// Bytes since it is up: passed on, passed on before the last ping, and confirmed by a pong.
  std::uint64_t passed_ = 0;
  std::uint64_t pinged_after_ = 0;
  std::uint64_t confirmed_ = 0;
};

} // namespace troupe::peer
