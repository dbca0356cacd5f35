#include "actors/watch/cursor.hpp"

#include "messages/ensure.hpp"

#include <algorithm>
#include <utility>

namespace troupe::watch {

namespace {

std::int64_t revision_of(const watch_events& events, std::size_t i) {
  return events[i].change.at.main;
}

/// The events at or above `first`.
watch_events cut(const watch_events& events, std::int64_t first) {
  auto which = std::make_shared<std::vector<std::uint32_t>>();
  for (std::size_t i = 0; i < events.size(); ++i)
    if (revision_of(events, i) >= first)
      which->push_back(events.which ? (*events.which)[i] : static_cast<std::uint32_t>(i));
  return {.batch = events.batch, .which = std::move(which)};
}

std::size_t bytes_of(const watch_events& events) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& event = events[i];
    bytes += event.change.kv.key.size() + event.change.kv.value.size();
    if (event.previous)
      bytes += event.previous->value.size();
  }
  return bytes;
}

} // namespace

cursor cursor::registered_by_another() {
  cursor result;
  result.mode_ = mode::live;
  return result;
}

void cursor::resume(std::int64_t from, cursor_output& out) {
  ensure(mode_ == mode::paused || mode_ == mode::ended, "only a cursor at rest is resumed");
  next_ = from;
  enroll(out);
}

void cursor::pause(cursor_output& out) {
  if (mode_ == mode::paused || mode_ == mode::ended)
    return;
  forget_kept();
  mode_ = mode::paused;
  out.drop = true;
}

void cursor::on_registered(std::int64_t published, std::int64_t floor, cursor_output& out) {
  ensure(unanswered_ > 0, "the hub answers what was asked");
  if (--unanswered_ > 0 || mode_ != mode::registering)
    return;
  target_ = published;
  if (next_ == 0)
    next_ = published + 1;
  if (next_ < floor)
    end(errc::compacted, floor, out);
  else if (next_ <= target_)
    read(out);
  else
    mode_ = mode::live;
}

void cursor::on_live(const watch_events& live, cursor_output& out, const limits& bounds) {
  if (mode_ == mode::live && live.gap) {
    next_ = std::max(next_, live.batch->first);
    enroll(out);
  } else if (mode_ == mode::live) {
    deliver(live, live.batch->last, false, out);
  } else if (mode_ == mode::reading && !must_enroll_) {
    keep(live, out, bounds);
  }
}

void cursor::on_history(std::uint64_t request, const watch_events& events, std::int64_t last,
                        errc error, std::int64_t floor, cursor_output& out) {
  if (mode_ != mode::reading || request != request_)
    return;
  if (error != errc::none) {
    end(error, floor, out);
    return;
  }
  ensure(last >= next_ && last <= target_, "the history answers what was asked");
  deliver(events, last, true, out);
  if (next_ <= target_) {
    read(out);
  } else if (must_enroll_) {
    enroll(out);
  } else {
    mode_ = mode::live;
    for (const auto& kept : kept_)
      deliver(kept, kept.batch->last, false, out);
    forget_kept();
  }
}

void cursor::enroll(cursor_output& out) {
  forget_kept();
  mode_ = mode::registering;
  has_enrolled_ = true;
  ++unanswered_;
  out.enroll = true;
}

void cursor::read(cursor_output& out) {
  mode_ = mode::reading;
  out.read = {++request_, next_, target_};
}

void cursor::deliver(const watch_events& events, std::int64_t upto, bool from_history,
                     cursor_output& out) {
  if (upto < next_)
    return;
  if (events.batch && events.size() > 0) {
    bool all = revision_of(events, 0) >= next_;
    auto wanted = all ? events : cut(events, next_);
    if (wanted.size() > 0)
      out.events.push_back({std::move(wanted), upto, from_history});
  }
  next_ = upto + 1;
}

void cursor::keep(const watch_events& live, cursor_output& out, const limits& bounds) {
  // Sent before the registration: the history has it.
  if (live.batch->last <= target_)
    return;
  auto bytes = kept_bytes_ + bytes_of(live);
  if (live.gap || kept_.size() == bounds.kept_batches || bytes > bounds.kept_bytes) {
    forget_kept();
    must_enroll_ = true;
    out.drop = true;
    return;
  }
  kept_.push_back(live);
  kept_bytes_ = bytes;
}

void cursor::forget_kept() {
  kept_ = {};
  kept_bytes_ = 0;
  must_enroll_ = false;
}

void cursor::end(errc error, std::int64_t floor, cursor_output& out) {
  forget_kept();
  mode_ = mode::ended;
  out.drop = true;
  out.ended = cursor_end{error, floor};
}

} // namespace troupe::watch
