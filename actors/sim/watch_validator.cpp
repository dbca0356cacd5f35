#include "actors/sim/watch_validator.hpp"

#include "messages/ensure.hpp"

#include <algorithm>
#include <utility>

namespace troupe::sim {

namespace {

using etcdserverpb::WatchCreateRequest;
using etcdserverpb::WatchResponse;

constexpr std::int64_t whole_stream = -1;

std::string name_of(std::uint64_t stream, std::int64_t watch_id) {
  return "stream " + std::to_string(stream) + " watch " + std::to_string(watch_id);
}

bool equal(const mvccpb::KeyValue& a, const mvcc::key_value& b) {
  return a.key() == b.key && a.value() == b.value && a.create_revision() == b.create_revision
         && a.mod_revision() == b.mod_revision && a.version() == b.version
         && a.lease() == b.lease.value;
}

bool wants(const WatchCreateRequest& request, WatchCreateRequest::FilterType unwanted) {
  return std::ranges::find(request.filters(), unwanted) == request.filters().end();
}

std::string shown(const mvcc::event& event) {
  return (event.kind == mvcc::event::type::put ? "put of " : "delete of ") + event.kv.key + " at "
         + std::to_string(event.at.main) + "." + std::to_string(event.at.sub);
}

std::string shown(const mvccpb::Event& event) {
  return (event.type() == mvccpb::Event::PUT ? "put of " : "delete of ") + event.kv().key() + " at "
         + std::to_string(event.kv().mod_revision());
}

} // namespace

void watch_validator::wrote(std::int64_t revision, std::vector<mvcc::event> changes) {
  ensure(revision == revision_ + 1, "revisions are told in order");
  revision_ = revision;
  for (const auto& change : changes) {
    auto& versions = versions_[change.kv.key];
    if (versions.empty() || versions.back().revision != revision)
      versions.push_back({revision, std::nullopt});
    versions.back().kv =
      change.kind == mvcc::event::type::put ? std::optional{change.kv} : std::nullopt;
  }
  history_[revision] = std::move(changes);
}

void watch_validator::compacted(std::int64_t floor) {
  floor_ = std::max(floor_, floor);
}

void watch_validator::asked(const created_watch& watch) {
  streams_[watch.stream].asked.push_back(watch.request);
}

void watch_validator::asked_to_cancel(std::uint64_t stream, std::int64_t watch_id) {
  auto& [asked, watches, over, ended] = streams_[stream];
  if (auto found = watches.find(watch_id); found != watches.end())
    found->second.cancelling = true;
  if (auto found = over.find(watch_id); found != over.end())
    found->second = true;
}

void watch_validator::ended(std::uint64_t stream) {
  streams_[stream].ended = true;
}

void watch_validator::received(std::uint64_t number, const WatchResponse& answer) {
  auto& in = streams_[number];
  auto name = name_of(number, answer.watch_id());
  if (in.ended) {
    violated(name, nullptr, "an answer after the end of its stream");
    return;
  }
  if (answer.header().revision() > revision_)
    violated(name, nullptr,
             "a header of revision " + std::to_string(answer.header().revision())
               + " when nothing above " + std::to_string(revision_) + " was written");
  if (answer.created()) {
    created(in, number, answer);
    return;
  }
  bool progress = !answer.canceled() && answer.events().empty();
  if (progress && answer.watch_id() == whole_stream) {
    for (auto& [id, watch] : in.watches)
      progressed(name_of(number, id), watch, answer.header().revision());
    return;
  }
  auto found = in.watches.find(answer.watch_id());
  if (found == in.watches.end()) {
    auto over = in.over.find(answer.watch_id());
    bool confirmed = over != in.over.end() && over->second && answer.canceled();
    if (confirmed)
      in.over.erase(over);
    else
      violated(name, nullptr, "an answer for a watch that is not there");
    return;
  }
  auto& watch = found->second;
  if (answer.canceled())
    canceled(in, name, watch, answer);
  else if (progress)
    progressed(name, watch, answer.header().revision());
  else
    changed(name, watch, answer);
}

void watch_validator::created(stream& in, std::uint64_t number, const WatchResponse& answer) {
  auto name = name_of(number, answer.watch_id());
  if (in.asked.empty()) {
    violated(name, nullptr, "created, and nobody asked");
    return;
  }
  auto request = in.asked.front();
  in.asked.erase(in.asked.begin());
  if (!answer.events().empty())
    violated(name, nullptr, "created with events");
  if (answer.canceled()) {
    if (answer.watch_id() != whole_stream || answer.cancel_reason().empty())
      violated(name, nullptr, "refused with an id or without a reason");
    return;
  }
  watch added;
  added.keys = request.key().empty()
                 ? mvcc::key_range::of(std::string_view{"\0", 1}, request.range_end())
                 : mvcc::key_range::of(request.key(), request.range_end());
  added.puts = wants(request, WatchCreateRequest::NOPUT);
  added.deletions = wants(request, WatchCreateRequest::NODELETE);
  added.previous = request.prev_kv();
  added.fragments = request.fragment();
  added.start =
    request.start_revision() > 0 ? request.start_revision() : answer.header().revision() + 1;
  added.next = added.start;
  if (request.watch_id() != 0 && request.watch_id() != answer.watch_id())
    violated(name, nullptr, "created under another id than asked");
  if (in.over.contains(answer.watch_id())
      || !in.watches.emplace(answer.watch_id(), std::move(added)).second)
    violated(name, nullptr, "created under an id that is in use");
}

void watch_validator::canceled(stream& in, const std::string& name, watch& of,
                               const WatchResponse& answer) {
  bool by_compaction = answer.compact_revision() != 0;
  if (!answer.events().empty())
    violated(name, nullptr, "canceled with events");
  if (!by_compaction && !of.cancelling)
    violated(name, nullptr, "canceled, and nobody asked");
  if (by_compaction && (answer.header().revision() != 0 || answer.compact_revision() > floor_))
    violated(name, nullptr, "canceled for a compaction that has not been");
  if (by_compaction && of.next >= answer.compact_revision())
    violated(name, nullptr, "canceled for a compaction of what it had seen");
  if (by_compaction)
    in.over[answer.watch_id()] = of.cancelling;
  in.watches.erase(answer.watch_id());
}

void watch_validator::progressed(const std::string& name, watch& of, std::int64_t revision) {
  // What is to end may be over for the server already: progress says nothing about it.
  if (of.failed || of.cancelling)
    return;
  if (of.torn)
    violated(name, &of, "progress between fragments");
  else if (const auto* missing = expected(of); missing && missing->at.main <= revision)
    violated(name, &of,
             "progress at " + std::to_string(revision) + " before the " + shown(*missing));
  else if (revision >= of.next) {
    of.next = revision + 1;
    of.next_sub = 0;
  }
}

void watch_validator::changed(const std::string& name, watch& of, const WatchResponse& answer) {
  if (of.failed)
    return;
  if (answer.fragment() && !of.fragments)
    violated(name, &of, "a fragment that nobody asked for");
  for (const auto& event : answer.events())
    if (!matches(name, of, event))
      return;
  auto last = answer.events().rbegin()->kv().mod_revision();
  if (answer.header().revision() < last)
    violated(name, &of, "a header below the event at " + std::to_string(last));
  of.torn = answer.fragment();
  if (of.torn)
    return;
  if (const auto* next = expected(of); next && next->at.main == last)
    violated(name, &of,
             "revision " + std::to_string(last) + " is split before the " + shown(*next));
  of.next = last + 1;
  of.next_sub = 0;
}

bool watch_validator::matches(const std::string& name, watch& of, const mvccpb::Event& event) {
  ++events_;
  const auto* truth = expected(of);
  auto main = event.kv().mod_revision();
  if (!truth || main != truth->at.main || event.kv().key() != truth->kv.key
      || (event.type() == mvccpb::Event::PUT) != (truth->kind == mvcc::event::type::put)) {
    violated(
      name, &of,
      "got the " + shown(event)
        + (truth ? " where the " + shown(*truth) + " comes next" : " where nothing comes next"));
    return false;
  }
  if (!payload_matches(of, *truth, event)) {
    violated(name, &of,
             "the " + shown(event)
               + " holds something else than was written: " + event.ShortDebugString());
    return false;
  }
  of.next = main;
  of.next_sub = truth->at.sub + 1;
  return true;
}

bool watch_validator::payload_matches(const watch& of, const mvcc::event& truth,
                                      const mvccpb::Event& event) const {
  auto kv = truth.kv;
  if (truth.kind == mvcc::event::type::deletion)
    kv = {.key = truth.kv.key, .value = {}, .mod_revision = truth.at.main, .lease = {}};
  return equal(event.kv(), kv) && previous_matches(of, truth, event);
}

bool watch_validator::previous_matches(const watch& of, const mvcc::event& truth,
                                       const mvccpb::Event& event) const {
  if (!event.has_prev_kv()) {
    bool may_lack = !of.previous || truth.at.main - 1 < floor_;
    if (may_lack)
      return true;
  }
  const auto& versions = versions_.find(truth.kv.key)->second;
  auto at = std::ranges::lower_bound(versions, truth.at.main, {}, &version::revision);
  bool existed = at != versions.begin() && std::prev(at)->kv;
  if (event.has_prev_kv())
    return of.previous && existed && equal(event.prev_kv(), *std::prev(at)->kv);
  return !existed;
}

const mvcc::event* watch_validator::expected(const watch& of) const {
  for (auto at = history_.lower_bound(of.next); at != history_.end(); ++at)
    for (const auto& change : at->second) {
      bool seen = at->first == of.next && change.at.sub < of.next_sub;
      if (!seen && concerns(of, change))
        return &change;
    }
  return nullptr;
}

bool watch_validator::concerns(const watch& of, const mvcc::event& change) const {
  return of.keys.contains(change.kv.key)
         && (change.kind == mvcc::event::type::put ? of.puts : of.deletions);
}

void watch_validator::settled() {
  for (auto& [number, in] : streams_) {
    if (in.ended)
      continue;
    for (auto [id, asked] : in.over)
      if (asked)
        violated(name_of(number, id), nullptr, "was to be canceled once more and was not");
    if (!in.asked.empty())
      violated("stream " + std::to_string(number), nullptr, "a create was never answered");
    for (auto& [id, watch] : in.watches) {
      if (watch.failed)
        continue;
      auto name = name_of(number, id);
      if (watch.cancelling)
        violated(name, &watch, "was to be canceled and never was");
      else if (const auto* missing = expected(watch))
        violated(name, &watch, "never got the " + shown(*missing));
    }
  }
}

std::int64_t watch_validator::next_revision(std::uint64_t stream, std::int64_t watch_id) const {
  auto in = streams_.find(stream);
  if (in == streams_.end())
    return 0;
  auto found = in->second.watches.find(watch_id);
  if (found == in->second.watches.end())
    return 0;
  // What came of an unfinished revision comes again.
  return found->second.next;
}

void watch_validator::violated(const std::string& name, watch* of, std::string what) {
  violations_.push_back(name + ": " + std::move(what));
  if (of)
    of->failed = true;
}

} // namespace troupe::sim
