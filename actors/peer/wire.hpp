#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace troupe::peer {

/// One connection, as those see it who do not own its socket: what moves on it, and a way to end
/// it. Shared by the scribe, in the I/O thread, and by the link or session that judges it.
class wire {
public:
  /// @param descriptor valid until `release`. @param max_message_bytes what the other end may
  /// announce at once.
  wire(int descriptor, std::size_t max_message_bytes)
      : max_message_bytes_(max_message_bytes), descriptor_(descriptor) {}

  /// Bytes that wait to be sent. Any thread; so are the next two.
  std::uint64_t backlog() const {
    auto sent = sent_.load(std::memory_order_relaxed);
    auto queued = queued_.load(std::memory_order_relaxed);
    return queued > sent ? queued - sent : 0;
  }

  /// Bytes that the kernel has taken. While there is a backlog, it takes more only as the other end
  /// does.
  std::uint64_t sent() const {
    return sent_.load(std::memory_order_relaxed);
  }

  std::uint64_t received() const {
    return received_.load(std::memory_order_relaxed);
  }

  /// Ends the connection; whoever waits for it on either side hears of it. Any thread, repeatable.
  void hang_up();

  // By the owner of the socket alone:

  /// Whether a message of this size may come. A refused one ends the connection.
  bool admit(std::size_t bytes);

  void queue(std::uint64_t bytes) {
    add(queued_, bytes);
  }

  void send(std::uint64_t bytes) {
    add(sent_, bytes);
  }

  void receive(std::uint64_t bytes) {
    add(received_, bytes);
  }

  bool hung_up() const {
    return hung_up_.load(std::memory_order_relaxed);
  }

  /// The socket is about to be closed; its number may soon be another's.
  void release();

private:
  static void add(std::atomic<std::uint64_t>& to, std::uint64_t bytes) {
    to.store(to.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  }

  const std::size_t max_message_bytes_;
  std::atomic<std::uint64_t> queued_{0};
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> received_{0};
  std::atomic<bool> hung_up_{false};
  std::mutex mutex_;
  /// Guarded by `mutex_`; negative once released.
  int descriptor_;
};

} // namespace troupe::peer
