#include "apps/troupectl/commands/holding.hpp"

#include "apps/troupectl/exit.hpp"

namespace troupe::ctl {

holding::holding(context& it, const std::string& name, std::int64_t ttl_seconds)
    : interrupt_([this] { note(end::signal); }),
      session_(it.client(), ttl_seconds, [this] { note(end::lost); }),
      line_(it.client(), name, session_.lease()) {
  joined_ = &line_;
  std::lock_guard lock(mutex_);
  if (end_)
    line_.cancel();
}

holding::~holding() {
  std::lock_guard lock(mutex_);
  joined_ = nullptr;
}

void holding::note(end how) {
  std::lock_guard lock(mutex_);
  if (!end_)
    end_ = how;
  if (auto* line = joined_.load())
    line->cancel();
  changed_.notify_all();
}

void holding::acquire(const std::string& value) {
  line_.join(value);
  try {
    if (line_.wait())
      return;
  } catch (const call_failed&) {
    line_.leave();
    throw;
  }
  line_.leave();
  bool by_signal = wait_for_end() == end::signal;
  throw command_failed(exit_error, by_signal ? "context canceled" : "mutex: session is expired");
}

holding::end holding::wait_for_end() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return end_.has_value(); });
  return *end_;
}

} // namespace troupe::ctl
