#include "apps/troupe-bench/call_load.hpp"

#include <utility>

namespace troupe::bench {

/// Room for one call at a time on one connection.
class call_load::slot : public stream_listener {
public:
  slot(call_load& load, connection& on) : load_{load}, on_{on} {}

  void start(std::uint64_t call, instant intended, instant now, std::string_view message) {
    call_ = call;
    intended_ = intended;
    sent_ = now;
    under_way_ = true;
    answered_ = false;
    error_.clear();
    const bool keep = load_.plan_.keep_streams;
    if (stream_ != nullptr && keep)
      on_.send(*stream_, message);
    else
      stream_ = &on_.open(load_.source_.path(), message, !keep, *this);
  }

  void on_message(std::string_view message, instant at) override {
    if (answered_ || !under_way_)
      throw run_failed("a second answer to one call");
    answered_ = true;
    error_ = load_.source_.judge(call_, message, sent_, at);
    if (load_.plan_.keep_streams)
      finish(at);
  }

  void on_end(const stream_end& end, instant at) override {
    stream_ = nullptr;
    if (!under_way_)
      return;
    if (!end.ok())
      error_ = end.describe();
    else if (!answered_)
      error_ = "the call ended without an answer";
    finish(at);
  }

private:
  void finish(instant at) {
    under_way_ = false;
    load_.ended(*this, intended_, at, error_);
  }

  call_load& load_;
  connection& on_;
  connection::stream* stream_ = nullptr;
  std::uint64_t call_ = 0;
  instant intended_, sent_;
  bool under_way_ = false, answered_ = false;
  std::string error_;
};

call_load::call_load(call_source& source, std::vector<connection*> over, const load_plan& plan)
    : source_{source}, plan_{plan}, pace_{instant{}, 0} {
  for (std::uint64_t i = 0; i < plan.streams; ++i) {
    slots_.push_back(std::make_unique<slot>(*this, *over[i % over.size()]));
    free_.push_back(slots_.back().get());
  }
}

call_load::~call_load() = default;

instant call_load::step(instant now) {
  if (!begun_) {
    begun_ = true;
    begin_ = result_begin_ = last_ended_ = now;
    pace_ = pace{now, plan_.rate};
    end_ = plan_.duration.count() > 0 ? now + plan_.duration : instant::max();
  }
  if (stopped_)
    return instant::max();
  const bool over = now >= end_;
  const auto last = over ? end_ - nanoseconds{1} : now; // a call meant for the very end is not ours
  // At a fixed rate also those that we are late for.
  const auto due = over && !pace_.open_loop() ? started_ : due_by(last);
  while (started_ < due && !free_.empty())
    start();
  if (over || (plan_.total > 0 && started_ == plan_.total))
    stop(last);
  if (stopped_)
    return instant::max();
  return free_.empty() || !pace_.open_loop() ? end_ : std::min(end_, pace_.intended(started_));
}

std::uint64_t call_load::due_by(instant when) const {
  const auto due = pace_.due(when);
  return plan_.total > 0 ? std::min(due, plan_.total) : due;
}

void call_load::start() {
  const auto call = plan_.first + started_;
  source_.request(call, message_);
  auto* next = free_.front();
  free_.pop_front();
  const auto sent = clock::now();
  const auto intended = pace_.open_loop() ? pace_.intended(started_) : sent;
  ++started_;
  next->start(call, intended, sent, message_);
}

void call_load::ended(slot& which, instant intended, instant at, const std::string& error) {
  free_.push_back(&which);
  result_.latency.record(at - intended);
  last_ended_ = at;
  if (error.empty())
    ++result_.succeeded;
  else
    result_.fail(error);
  if (plan_.ended != nullptr)
    plan_.ended->fetch_add(1, std::memory_order_relaxed);
}

void call_load::stop(instant now) {
  if (stopped_)
    return;
  stopped_ = true;
  if (!begun_ || !pace_.open_loop())
    return;
  const auto due = due_by(now);
  for (; started_ < due; ++started_) {
    ++result_.never_started;
    result_.latency.record(now - pace_.intended(started_));
  }
}

bool call_load::finished() const {
  return stopped_ && free_.size() == slots_.size();
}

load_result call_load::take(instant now) {
  auto result = std::exchange(result_, load_result{});
  // Of a load that is over, the time until its last answer.
  result.seconds = in_seconds((finished() ? last_ended_ : now) - result_begin_);
  result_begin_ = now;
  return result;
}

} // namespace troupe::bench
