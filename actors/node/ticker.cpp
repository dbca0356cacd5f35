#include "actors/node/ticker.hpp"

namespace troupe {

ticker_actor::behavior_type ticker_behavior(ticker_actor::pointer self,
                                            std::vector<tick_sink> sinks,
                                            std::chrono::milliseconds interval) {
  self->delayed_send(self, interval, tick{});
  return {
    [=](const tick&) {
      self->delayed_send(self, interval, tick{});
      for (const auto& sink : sinks)
        self->send(sink, tick{});
    },
  };
}

} // namespace troupe
