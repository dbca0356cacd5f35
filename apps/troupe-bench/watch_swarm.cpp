#include "apps/troupe-bench/watch_swarm.hpp"

namespace troupe::bench {

/// The watchers number, number + streams, number + 2 * streams ...; the one at place i of these has
/// watch id i + 1.
class watch_swarm::stream : public stream_listener {
public:
  stream(watch_swarm& swarm, std::uint32_t number, connection& on)
      : swarm_{swarm}, number_{number}, on_{on}, watchers_{(swarm.shape_.watchers - number
                                                            + swarm.shape_.streams - 1)
                                                           / swarm.shape_.streams} {
    exists_.resize(watchers_);
  }

  void create() {
    for (std::uint32_t i = 0; i < swarm_.shape_.pipeline; ++i)
      create_next();
  }

  void stall() {
    if (stream_ != nullptr)
      connection::stall(*stream_);
  }

  void on_message(std::string_view message, instant at) override {
    const auto* answer = swarm_.decoder_.watch(message);
    if (answer == nullptr)
      throw run_failed("the server sent something that is no watch response");
    const auto place = static_cast<std::uint64_t>(answer->watch_id - 1);
    if (answer->created || answer->canceled) {
      take_state(*answer, place);
      return;
    }
    if (place >= watchers_)
      throw run_failed("events of a watch id that was never asked for: "
                       + std::to_string(answer->watch_id));
    for (const auto& each : answer->events)
      if (swarm_.listener_)
        swarm_.listener_(watcher_at(place), each, at);
  }

  void on_end(const stream_end& end, instant) override {
    stream_ = nullptr;
    const auto unborn = watchers_ - born_;
    swarm_.fail(watchers_, end.ok() ? "the server ended a watch stream" : end.describe());
    swarm_.created_ += unborn; // nobody need wait for them
    born_ = asked_ = watchers_;
  }

private:
  std::uint32_t watcher_at(std::uint64_t place) const {
    return number_ + static_cast<std::uint32_t>(place) * swarm_.shape_.streams;
  }

  void create_next() {
    if (asked_ == watchers_)
      return;
    const auto request = swarm_.create_request(watcher_at(asked_));
    if (asked_++ == 0)
      stream_ = &on_.open(watch_path, request, false, *this);
    else
      on_.send(*stream_, request);
  }

  void take_state(const watch_answer& answer, std::uint64_t place) {
    if (answer.canceled)
      swarm_.fail(1, "canceled: " + std::string{answer.cancel_reason});
    const bool known = place < watchers_ && !exists_[place];
    if (answer.created && !answer.canceled && !known)
      throw run_failed("a watcher was created with id " + std::to_string(answer.watch_id)
                       + ", which was not asked for");
    if (!answer.created)
      return;
    if (known)
      exists_[place] = true;
    ++born_;
    ++swarm_.created_;
    create_next();
  }

  watch_swarm& swarm_;
  std::uint32_t number_;
  connection& on_;
  connection::stream* stream_ = nullptr;
  std::uint32_t watchers_;
  std::uint32_t asked_ = 0, born_ = 0;
  std::vector<bool> exists_;
};

watch_swarm::watch_swarm(std::vector<connection*> over, const shape& shape, key_of keys,
                         std::string range_end)
    : shape_{shape}, keys_{std::move(keys)}, range_end_{std::move(range_end)} {
  for (std::uint32_t i = 0; i < shape.streams && i < shape.watchers; ++i)
    streams_.push_back(std::make_unique<stream>(*this, i, *over[i % over.size()]));
}

watch_swarm::~watch_swarm() = default;

void watch_swarm::create() {
  for (auto& each : streams_)
    each->create();
}

std::uint64_t watch_swarm::created() const {
  return created_;
}

std::uint64_t watch_swarm::failed() const {
  return failed_;
}

const std::map<std::string, std::uint64_t>& watch_swarm::errors() const {
  return errors_;
}

void watch_swarm::listen(on_event listener) {
  listener_ = std::move(listener);
}

void watch_swarm::stall() {
  for (std::uint32_t i = 0; i < shape_.stalled; ++i)
    streams_[i]->stall();
}

bool watch_swarm::is_stalled(std::uint32_t watcher) const {
  return watcher % shape_.streams < shape_.stalled;
}

std::string watch_swarm::create_request(std::uint32_t watcher) const {
  std::string result;
  const auto id = watcher / shape_.streams + 1;
  encode_watch_create(keys_(watcher), range_end_, id, result);
  return result;
}

void watch_swarm::fail(std::uint64_t watchers, const std::string& why) {
  failed_ += watchers;
  errors_[why] += watchers;
}

} // namespace troupe::bench
