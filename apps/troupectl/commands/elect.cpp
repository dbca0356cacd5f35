#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/holding.hpp"
#include "apps/troupectl/commands/kv_requests.hpp"
#include "apps/troupectl/exit.hpp"

#include <ostream>

namespace troupe::ctl {

const std::vector<flag> elect_flags{
  {"listen", flag_kind::boolean, "false", "observation mode", 'l'},
};

namespace {

constexpr std::int64_t session_ttl_seconds = 60;

/// Follows the leaders of one election and prints each value of each.
class observer {
public:
  observer(context& it, const std::string& name) : it_(it), name_(name) {}

  /// Until cancel(). @throws call_failed
  void run();

  void cancel();

private:
  pb::RangeResponse leader();
  pb::RangeResponse first_put(std::int64_t from_revision);
  void follow(const pb::RangeResponse& leader);
  bool next(watching& watch, pb::WatchResponse& response);
  void print(const pb::RangeResponse& leader);

  context& it_;
  std::string name_;
  std::mutex mutex_;
  watching* watch_ = nullptr;
  bool canceled_ = false;
};

void observer::cancel() {
  std::lock_guard lock(mutex_);
  canceled_ = true;
  if (watch_ != nullptr)
    watch_->cancel();
}

/// False when the watch is over.
bool observer::next(watching& watch, pb::WatchResponse& response) {
  {
    std::lock_guard lock(mutex_);
    watch_ = &watch;
    if (canceled_)
      watch.cancel();
  }
  bool more = watch.next(response) && !response.canceled();
  std::lock_guard lock(mutex_);
  watch_ = nullptr;
  return more;
}

void observer::print(const pb::RangeResponse& leader) {
  it_.display().get(leader);
  it_.out.flush();
}

/// As the answer to a read of the key alone.
pb::RangeResponse answer_of(const pb::ResponseHeader& header, const mvccpb::KeyValue& kv) {
  pb::RangeResponse result;
  *result.mutable_header() = header;
  *result.add_kvs() = kv;
  return result;
}

/// Empty if observing is over.
pb::RangeResponse observer::first_put(std::int64_t from_revision) {
  pb::WatchCreateRequest request;
  request.set_key(name_ + "/");
  request.set_range_end(prefix_end(name_ + "/"));
  request.set_start_revision(from_revision);
  watching watch(it_.client(), request);
  pb::WatchResponse response;
  while (next(watch, response)) {
    for (const auto& event : response.events()) {
      if (event.type() != mvccpb::Event::PUT)
        continue;
      auto header = response.header();
      header.set_revision(event.kv().mod_revision());
      return answer_of(header, event.kv());
    }
  }
  return {};
}

pb::RangeResponse observer::leader() {
  auto response = it_.client().call(first_in_line(name_), client::no_timeout);
  if (response.kvs().empty())
    return first_put(response.header().revision());
  return answer_of(response.header(), response.kvs(0));
}

/// New values of this leader, until its key is deleted.
void observer::follow(const pb::RangeResponse& leader) {
  pb::WatchCreateRequest request;
  request.set_key(leader.kvs(0).key());
  request.set_start_revision(leader.header().revision() + 1);
  watching watch(it_.client(), request);
  pb::WatchResponse response;
  while (next(watch, response)) {
    for (const auto& event : response.events()) {
      if (event.type() == mvccpb::Event::DELETE)
        return;
      print(answer_of(response.header(), event.kv()));
    }
  }
}

void observer::run() {
  for (;;) {
    auto now = leader();
    if (now.kvs().empty())
      return;
    print(now);
    follow(now);
    std::lock_guard lock(mutex_);
    if (canceled_)
      return;
  }
}

int observe(context& it) {
  it.display();
  observer watching_it(it, it.arguments[0]);
  interrupt on_signal([&] { watching_it.cancel(); });
  watching_it.run();
  return exit_success;
}

int campaign(context& it) {
  auto& display = it.display();
  holding hold(it, it.arguments[0], session_ttl_seconds);
  hold.acquire(it.arguments[1]);
  display.get(hold.line().own());
  it.out.flush();
  if (hold.wait_for_end() == holding::end::lost)
    throw command_failed(exit_error, "elect: session expired");
  hold.line().leave();
  return exit_success;
}

} // namespace

int elect(context& it) {
  auto count = it.arguments.size();
  bool listen = it.flags().boolean("listen");
  if (count != 1 && count != 2)
    throw command_failed(
      exit_bad_arguments,
      "elect takes one election name argument and an optional proposal argument");
  if (count == 1 && !listen)
    throw command_failed(exit_bad_arguments, "no proposal argument but -l not set");
  if (count == 2 && listen)
    throw command_failed(exit_bad_arguments, "proposal given but -l is set");
  return listen ? observe(it) : campaign(it);
}

} // namespace troupe::ctl
