#pragma once

#include "actors/recipe/queue_call.hpp"
#include "actors/recipe/recipe_call.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace troupe::recipe {

struct recipe_limits {
  /// `call_id::edge` of the inner calls: the recipes stand where an edge stands.
  std::uint32_t edge = 0;
  /// Calls of clients that may be open; one more is refused.
  std::size_t max_calls = 20'000;
  /// Bytes of their requests, and of what waits for clients that read slowly.
  std::size_t max_bytes = std::size_t{64} << 20;
  /// After this an inner call has failed. Longer than the service takes to say so itself.
  std::chrono::nanoseconds inner_timeout = std::chrono::seconds{8};
  std::chrono::nanoseconds pause = std::chrono::milliseconds{500};
};

/// The lock and election services: for each call of a client a small state machine that is itself a
/// client of the service (etcd-semantics 12). Pure: time comes in, work goes out.
class recipe_core {
public:
  explicit recipe_core(recipe_limits limits);

  /// Calls of clients, from the service.
  void on(const call_batch& batch, time_point now, recipe_output& out);

  /// Answers to inner calls; all others are passed over.
  void on(const rpc_answers& answers, time_point now, recipe_output& out);

  void on_tick(time_point now, recipe_output& out);

  /// Calls that are not done: of clients that wait, and of those that have gone but left something
  /// behind.
  std::size_t calls() const {
    return calls_.size();
  }

private:
  struct open_call {
    std::unique_ptr<recipe_call> call;
    /// As last put into `timers_`; max: it is not there.
    time_point wake = time_point::max();
    std::size_t bytes = 0;
  };

  using call_map = std::map<std::uint64_t, open_call>;

  void start(const call_event& event, step s);
  std::unique_ptr<recipe_call> make(const call_event& event);
  /// After every step of a call: keeps its timer, or forgets it.
  void settle(call_map::iterator where);

  recipe_limits limits_;
  std::shared_ptr<byte_budget> bytes_;
  std::shared_ptr<places_in_line> places_ = std::make_shared<places_in_line>();
  /// By `call_id::connection` of the inner calls, which is never used again.
  call_map calls_;
  std::uint64_t last_ = 0;
  std::map<call_id, std::uint64_t> by_client_;
  std::set<std::pair<time_point, std::uint64_t>> timers_;
};

} // namespace troupe::recipe
