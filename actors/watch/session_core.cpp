#include "actors/watch/session_core.hpp"

#include "actors/service/request_parser.hpp"
#include "messages/ensure.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace troupe::watch {

namespace {

/// In answers that concern no one watch: refused creations, progress of the whole stream.
constexpr std::int64_t no_watch = -1;

watch_interest interest_of(const etcdserverpb::WatchCreateRequest& request) {
  constexpr std::string_view least_key{"\0", 1};
  std::string_view key = request.key();
  watch_interest result{.keys =
                          mvcc::key_range::of(key.empty() ? least_key : key, request.range_end()),
                        .previous = request.prev_kv()};
  for (auto filter : request.filters()) {
    if (filter == etcdserverpb::WatchCreateRequest::NOPUT)
      result.puts = false;
    else if (filter == etcdserverpb::WatchCreateRequest::NODELETE)
      result.deletions = false;
  }
  return result;
}

} // namespace

session_core::session_core(call_id call, response_identity identity, session_limits limits,
                           metrics::meter meter)
    : call_(call), identity_(identity), limits_(limits), meter_(std::move(meter)) {}

void session_core::on(const std::vector<call_event>& events, session_output& out) {
  for (const auto& event : events) {
    if (over_)
      return;
    switch (event.kind) {
    case call_event::what::message:
      on_message(event.body, out);
      break;
    case call_event::what::writable:
      set_unconfirmed(0);
      send_held(out);
      resume_some(out);
      break;
    case call_event::what::cancel:
      end(out);
      break;
    case call_event::what::open:
    case call_event::what::request:
    case call_event::what::half_close: // the client still listens
      break;
    }
  }
  enroll_collected(out);
  confirm_silence(out);
}

void session_core::on_message(const blob& body, session_output& out) {
  auto result = service::parse_streamed(request_, body.view());
  if (result.error != errc::none) {
    out.answers.push_back(refuse_with(call_, result.error, std::move(result.detail)));
    end(out);
    return;
  }
  switch (request_.request_union_case()) {
  case etcdserverpb::WatchRequest::kCreateRequest:
    create(request_.create_request());
    break;
  case etcdserverpb::WatchRequest::kCancelRequest:
    cancel(request_.cancel_request().watch_id(), out);
    break;
  case etcdserverpb::WatchRequest::kProgressRequest:
    enroll_collected(out);
    if (progress_requests_ < limits_.max_progress_requests)
      ++progress_requests_;
    else
      silent_ = true;
    start_round(out);
    break;
  case etcdserverpb::WatchRequest::REQUEST_UNION_NOT_SET:
    silent_ = true;
    break;
  }
}

const char* session_core::refusal_of(const etcdserverpb::WatchCreateRequest& request,
                                     const watch_interest& interest) const {
  if (request.start_revision() < 0)
    return "etcdserver: mvcc: required revision has been compacted";
  if (interest.keys.empty())
    return "mvcc: watcher range is empty";
  if (request.watch_id() != 0 && taken(request.watch_id()))
    return "mvcc: duplicate watch ID provided on the WatchStream";
  if (meter_->watches.watches.value() >= limits_.max_watches)
    return "etcdserver: too many watches on this member";
  return nullptr;
}

void session_core::create(const etcdserverpb::WatchCreateRequest& request) {
  auto interest = interest_of(request);
  if (const char* refusal = refusal_of(request, interest)) {
    collected_creations_.push_back({.refusal = refusal});
    return;
  }
  auto id = request.watch_id();
  if (id == 0) {
    while (taken(next_id_))
      ++next_id_;
    id = next_id_++;
  }
  watch x{.fragment = request.fragment(),
          .progress_notify = request.progress_notify(),
          .quiet = true,
          .epoch = ++next_epoch_,
          .from = request.start_revision()};
  if (free_slots_.empty()) {
    x.slot = slots_++;
  } else {
    x.slot = free_slots_.back();
    free_slots_.pop_back();
  }
  collected_creations_.push_back({id, x.epoch, x.from});
  collected_.watches.push_back({x.slot, id, x.epoch, std::move(interest), x.fragment, x.from == 0});
  watches_.emplace(id, x);
  meter_->watches.watches.add(1);
}

void session_core::enroll_collected(session_output& out) {
  if (collected_creations_.empty())
    return;
  awaited_.push_back({std::exchange(collected_creations_, {}), {}});
  out.steps.emplace_back(std::exchange(collected_, {}));
}

void session_core::cancel(std::int64_t id, session_output& out) {
  if (!taken(id)) {
    silent_ = true;
    return;
  }
  enroll_collected(out);
  if (ended_.erase(id) > 0) {
    end_step(out, true);
    awaited_.back().cancellations.push_back(id);
    return;
  }
  forget(id, out, true);
  resume_some(out);
}

// One after the other cancelled share a message to the hub.
end_watches& session_core::end_step(session_output& out, bool confirm) {
  auto* last = out.steps.empty() ? nullptr : std::get_if<end_watches>(&out.steps.back());
  if (last == nullptr || last->confirm != confirm) {
    last = &std::get<end_watches>(out.steps.emplace_back(end_watches{{}, confirm}));
    if (confirm)
      awaited_.emplace_back();
  }
  return *last;
}

void session_core::forget(std::int64_t id, session_output& out, bool confirm) {
  auto& x = watches_.at(id);
  end_step(out, confirm).watches.push_back({x.slot, x.resumed});
  if (confirm)
    awaited_.back().cancellations.push_back(id);
  else if (ended_.size() < limits_.max_ended)
    ended_.insert(id);
  move_to(x, state::live);
  auto was_marked = x.marked;
  free_slots_.push_back(x.slot);
  watches_.erase(id);
  meter_->watches.watches.add(-1);
  if (was_marked && --round_.unpassed == 0)
    finish_round(out);
}

void session_core::on_registered(std::int64_t published, std::int64_t floor, term_t term,
                                 session_output& out) {
  if (over_)
    return;
  ensure(!awaited_.empty() && !awaited_.front().creations.empty(), "the hub answers in order");
  auto creations = std::move(awaited_.front().creations);
  awaited_.pop_front();
  term_ = term;
  for (const auto& x : creations)
    created(x, published, floor, out);
  resume_some(out);
}

void session_core::created(const creation& x, std::int64_t published, std::int64_t floor,
                           session_output& out) {
  auto message = response(x.watch, published);
  message.set_created(true);
  if (x.refusal != nullptr) {
    message.set_canceled(true);
    message.set_cancel_reason(x.refusal);
  }
  answer(message, out);
  auto* created = current(x.watch, x.epoch);
  if (created == nullptr)
    return; // refused, or cancelled meanwhile
  if (x.start == 0) {
    created->from = published + 1;
    move_to(*created, state::live);
  } else if (x.start < floor)
    end_compacted(x.watch, floor, out);
  else
    enqueue(x.watch, *created, x.start);
}

void session_core::end_compacted(std::int64_t id, std::int64_t floor, session_output& out) {
  auto message = response(id, 0);
  message.set_canceled(true);
  message.set_compact_revision(floor);
  answer(message, out);
  forget(id, out, false);
}

void session_core::on_dropped(std::int64_t published, term_t term, session_output& out) {
  if (over_)
    return;
  ensure(!awaited_.empty() && !awaited_.front().cancellations.empty(), "the hub answers in order");
  term_ = term;
  for (auto id : awaited_.front().cancellations) {
    auto message = response(id, published);
    message.set_canceled(true);
    answer(message, out);
  }
  awaited_.pop_front();
}

session_core::watch* session_core::current(std::int64_t id, std::uint64_t epoch) {
  auto found = watches_.find(id);
  return found != watches_.end() && found->second.epoch == epoch ? &found->second : nullptr;
}

void session_core::on_delivery(watch_delivery&& delivery, session_output& out) {
  auto* x = current(delivery.watch, delivery.epoch);
  if (x == nullptr)
    return;
  ensure(x->now == state::live || x->now == state::catching_up,
         "events come after the answer that says created");
  if (slow()) {
    enqueue(delivery.watch, *x, delivery.first);
    out.steps.emplace_back(order_watcher{x->slot, {watch_order::what::pause, x->epoch, 0}});
    return;
  }
  x->quiet = false;
  meter_->watches.events.add(delivery.events);
  for (auto& piece : delivery.pieces)
    answer(std::move(piece), out);
}

void session_core::on_notice(const watch_notice& notice, session_output& out) {
  auto* x = current(notice.watch, notice.epoch);
  if (x == nullptr)
    return;
  switch (notice.kind) {
  case watch_notice::what::caught_up:
    move_to(*x, state::live);
    break;
  case watch_notice::what::fell_behind:
    // What was left out may begin before the watch does.
    enqueue(notice.watch, *x, std::max(notice.revision, x->from));
    break;
  case watch_notice::what::ended:
    if (notice.error == errc::compacted) {
      end_compacted(notice.watch, notice.revision, out);
    } else {
      auto message = response(notice.watch, 0);
      message.set_canceled(true);
      message.set_cancel_reason("etcdserver: the history cannot be read: "
                                + to_string(notice.error));
      answer(message, out);
      forget(notice.watch, out, false);
    }
    break;
  }
  resume_some(out);
}

void session_core::enqueue(std::int64_t id, watch& x, std::int64_t from) {
  move_to(x, state::queued);
  x.from = from;
  x.epoch = ++next_epoch_;
  queue_.emplace_back(id, x.epoch);
}

void session_core::move_to(watch& x, state next) {
  auto behind = [](state s) { return s == state::queued || s == state::catching_up; };
  if (x.now == state::catching_up)
    --catching_up_;
  if (next == state::catching_up)
    ++catching_up_;
  if (!behind(x.now) && behind(next)) {
    ++behind_;
    meter_->watches.slow_watches.add(1);
  } else if (behind(x.now) && !behind(next)) {
    --behind_;
    meter_->watches.slow_watches.add(-1);
  }
  x.now = next;
}

void session_core::resume_some(session_output& out) {
  while (held_.empty() && !queue_.empty() && catching_up_ < limits_.max_catching_up) {
    auto [id, epoch] = queue_.front();
    queue_.pop_front();
    auto* x = current(id, epoch);
    if (x == nullptr)
      continue;
    move_to(*x, state::catching_up);
    x->resumed = true;
    out.steps.emplace_back(order_watcher{x->slot, {watch_order::what::resume, x->epoch, x->from}});
  }
}

void session_core::on_progress_due(session_output& out) {
  progress_due_ = true;
  start_round(out);
}

// One at a time: what comes meanwhile joins the next.
void session_core::start_round(session_output& out) {
  if (round_.runs || over_ || (progress_requests_ == 0 && !progress_due_))
    return;
  round_ = {.runs = true,
            .number = ++rounds_,
            .requests = std::exchange(progress_requests_, 0),
            .periodic = std::exchange(progress_due_, false)};
  out.steps.emplace_back(begin_round{round_.number});
}

void session_core::on_progress_point(std::uint64_t round, std::int64_t published, term_t term,
                                     session_output& out) {
  if (over_)
    return;
  ensure(round_.runs && round == round_.number, "the hub answers the present round");
  term_ = term;
  round_.published = published;
  round_.all_in_sync = !watches_.empty() && behind_ == 0;
  bool whole_stream = round_.requests > 0 && round_.all_in_sync;
  mark_watchers marks{{}, {round, published}};
  for (auto& [id, x] : watches_) {
    // Not before the revision that the answer to its creation named.
    x.due = round_.periodic && x.progress_notify && x.quiet && x.from <= published + 1;
    x.quiet = x.quiet || round_.periodic;
    if (x.now == state::live && (whole_stream || x.due)) {
      x.marked = true;
      marks.slots.push_back(x.slot);
    } else if (x.now != state::live) {
      round_.all_in_sync = false;
    }
  }
  round_.unpassed = marks.slots.size();
  if (marks.slots.empty())
    finish_round(out);
  else
    out.steps.emplace_back(std::move(marks));
}

void session_core::on_marker(const marker_passed& passed, session_output& out) {
  auto found = watches_.find(passed.watch);
  if (found == watches_.end() || !found->second.marked || passed.round != round_.number)
    return; // cancelled meanwhile: counted then
  auto& x = found->second;
  x.marked = false;
  bool in_sync = passed.in_sync && x.epoch == passed.epoch && x.now == state::live;
  round_.all_in_sync = round_.all_in_sync && in_sync;
  if (in_sync && x.due && !slow())
    answer(response(passed.watch, round_.published), out);
  if (--round_.unpassed == 0)
    finish_round(out);
}

void session_core::finish_round(session_output& out) {
  if (round_.all_in_sync && !watches_.empty() && behind_ == 0 && !slow())
    for (std::size_t i = 0; i < round_.requests; ++i)
      answer(response(no_watch, round_.published), out);
  else if (round_.requests > 0)
    silent_ = true;
  confirm_silence(out);
  round_.runs = false;
  start_round(out);
}

void session_core::end(session_output& out) {
  if (over_)
    return;
  enroll_collected(out);
  over_ = true;
  end_watches all;
  all.watches.reserve(watches_.size());
  for (auto& [id, x] : watches_) {
    all.watches.push_back({x.slot, x.resumed});
    move_to(x, state::live);
  }
  meter_->watches.watches.add(-static_cast<std::int64_t>(watches_.size()));
  watches_.clear();
  hold(-static_cast<std::int64_t>(held_bytes_));
  held_.clear();
  set_unconfirmed(0);
  if (!all.watches.empty())
    out.steps.emplace_back(std::move(all));
  out.over = true;
}

etcdserverpb::WatchResponse session_core::response(std::int64_t id, std::int64_t revision) const {
  return response_of(identity_, {id, revision, term_});
}

void session_core::answer(const etcdserverpb::WatchResponse& response, session_output& out) {
  answer({blob{response.SerializeAsString()}, {}}, out);
}

void session_core::answer(watch_piece&& piece, session_output& out) {
  if (held_.empty() && unconfirmed_ <= limits_.max_unconfirmed_bytes) {
    send(std::move(piece), out);
    return;
  }
  // A tail that several answers in a row share costs its memory once.
  bool shared = !held_.empty() && held_.back().piece.tail.view().data() == piece.tail.view().data();
  auto cost = sizeof(held_answer) + piece.head.size() + (shared ? 0 : piece.tail.size());
  held_.push_back({std::move(piece), cost});
  hold(static_cast<std::int64_t>(cost));
  send_held(out);
}

void session_core::send_held(session_output& out) {
  while (!held_.empty() && unconfirmed_ <= limits_.max_unconfirmed_bytes) {
    auto [piece, cost] = std::move(held_.front());
    held_.pop_front();
    hold(-static_cast<std::int64_t>(cost));
    send(std::move(piece), out);
  }
}

void session_core::send(watch_piece&& piece, session_output& out) {
  set_unconfirmed(unconfirmed_ + piece.head.size() + piece.tail.size());
  silent_ = false;
  out.answers.push_back({.call = call_,
                         .has_message = true,
                         .message = std::move(piece.head),
                         .tail = std::move(piece.tail)});
}

// Nothing to do while an answer is to come, be it the hub or the client it waits for: that says it
// too, and until then the client shall not send much more.
void session_core::confirm_silence(session_output& out) {
  if (over_ || !awaited_.empty() || !collected_creations_.empty() || !held_.empty()
      || !std::exchange(silent_, false))
    return;
  out.answers.push_back({.call = call_});
}

void session_core::hold(std::int64_t bytes) {
  held_bytes_ += static_cast<std::size_t>(bytes);
  meter_->watches.held_bytes.add(bytes);
}

// The node is told of larger steps only: all streams share that number.
void session_core::set_unconfirmed(std::size_t bytes) {
  constexpr std::int64_t step = 16 << 10;
  unconfirmed_ = bytes;
  auto change = static_cast<std::int64_t>(unconfirmed_) - told_unconfirmed_;
  if (bytes != 0 && std::abs(change) < step)
    return;
  if (change != 0)
    meter_->watches.unconfirmed_bytes.add(change);
  told_unconfirmed_ += change;
}

// Where the node is short of memory, a stream may owe its client one answer and no more.
bool session_core::slow() const {
  const auto& node = meter_->watches;
  bool node_is_full = node.held_bytes.value() > limits_.max_held_bytes_of_node
                      || node.unconfirmed_bytes.value() > limits_.max_unconfirmed_bytes_of_node;
  return held_bytes_ > limits_.max_held_bytes
         || (node_is_full && (held_bytes_ > 0 || unconfirmed_ > 0));
}

} // namespace troupe::watch
