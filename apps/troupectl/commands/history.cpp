#include "apps/troupectl/commands/added.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/printers/go_json.hpp"
#include "apps/troupectl/watching.hpp"

#include <condition_variable>
#include <iomanip>
#include <ostream>
#include <thread>

namespace troupe::ctl {

namespace {

/// While it lives it asks a watch again and again how far that is, since a server answers nothing
/// before the watch has caught up, and ends the watch when no answer has come for `patience`.
///
/// Servers before 3.4.25 and 3.5.8 answer too early; the first question leaves them time.
class asking {
public:
  asking(watching& watch, std::chrono::nanoseconds patience)
      : watch_(watch), patience_(patience), thread_([this] { run(); }) {}

  ~asking() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    ended_.notify_all();
    thread_.join();
  }

  void heard() {
    std::lock_guard lock(mutex_);
    silent_ = {};
  }

private:
  void run() {
    constexpr std::chrono::milliseconds interval{200};
    std::unique_lock lock(mutex_);
    while (!ended_.wait_for(lock, interval, [this] { return over_; })) {
      silent_ += interval;
      bool lost = silent_ > patience_;
      lock.unlock();
      if (lost)
        watch_.cancel();
      else
        watch_.request_progress();
      lock.lock();
    }
  }

  watching& watch_;
  std::chrono::nanoseconds patience_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::chrono::nanoseconds silent_{};
  bool over_ = false;
  std::thread thread_;
};

/// What a store still knows about one key. A watch from the compacted revision on has it all,
/// deletions too; a Range at that revision has what a compaction left of the time before.
class key_history {
public:
  key_history(context& it, std::string key)
      : it_(it), key_(std::move(key)), json_(it.json_lines()) {}

  void print() {
    auto now = at(0);
    until_ = now.header().revision();
    exists_ = !now.kvs().empty();
    if (exists_)
      until_ = now.kvs(0).mod_revision();
    std::int64_t from = 1;
    while (!done_ && from <= until_)
      from = print_from(from);
  }

private:
  pb::RangeResponse at(std::int64_t revision) {
    pb::RangeRequest request;
    request.set_key(key_);
    request.set_revision(revision);
    return it_.client().call(request);
  }

  /// Returns where to go on if the revisions from `from` on are compacted.
  std::int64_t print_from(std::int64_t from) {
    pb::WatchCreateRequest request;
    request.set_key(key_);
    request.set_start_revision(from);
    watching watch(it_.client(), request);
    asking progress(watch, it_.client().options().command_timeout);
    pb::WatchResponse response;
    while (!done_ && watch.next(response)) {
      progress.heard();
      if (response.canceled() && response.compact_revision() >= from && !any_)
        return print_compacted(response.compact_revision());
      if (response.canceled())
        throw command_failed(exit_error, cancel_reason(response));
      for (const auto& event : response.events())
        add(event);
      bool caught_up = response.events().empty() && response.header().revision() >= until_;
      done_ = done_ || (!exists_ && caught_up);
      it_.check_output();
    }
    if (!done_)
      throw call_failed(status_deadline_exceeded, "Deadline Exceeded");
    return until_ + 1;
  }

  std::int64_t print_compacted(std::int64_t revision) {
    mvccpb::Event event;
    auto left = at(revision);
    for (const auto& kv : left.kvs()) {
      *event.mutable_kv() = kv;
      add(event);
    }
    return revision + 1;
  }

  void add(const mvccpb::Event& event) {
    auto revision = event.kv().mod_revision();
    if (revision <= until_)
      line(event);
    done_ = done_ || revision > until_ || (exists_ && revision == until_);
  }

  void line(const mvccpb::Event& event) {
    if (json_)
      json_line(event);
    else
      text_line(event);
    any_ = true;
  }

  void text_line(const mvccpb::Event& event) {
    const auto& kv = event.kv();
    if (!any_)
      it_.out << "  REVISION  VERSION             LEASE  VALUE\n";
    it_.out << std::setw(10) << kv.mod_revision() << ' ';
    if (event.type() == mvccpb::Event::DELETE)
      it_.out << std::setw(8) << '-' << ' ' << std::setw(17) << '-' << "  (deleted)\n";
    else
      it_.out << std::setw(8) << kv.version() << ' ' << std::setw(17)
              << (kv.lease() == 0 ? "-" : go::hex(kv.lease(), 16)) << "  " << it_.shown(kv.value())
              << '\n';
  }

  void json_line(const mvccpb::Event& event) {
    const auto& kv = event.kv();
    bool put = event.type() == mvccpb::Event::PUT;
    it_.out << "{\"revision\":" << kv.mod_revision() << ",\"type\":\"" << (put ? "PUT" : "DELETE")
            << '"';
    if (put)
      it_.out << ",\"create_revision\":" << kv.create_revision() << ",\"version\":" << kv.version();
    if (kv.lease() != 0)
      it_.out << ",\"lease\":\"" << go::hex(kv.lease()) << '"';
    if (put)
      it_.out << ",\"value\":" << go::json_bytes(kv.value(), it_.form());
    it_.out << "}\n";
  }

  context& it_;
  std::string key_;
  bool json_;
  std::int64_t until_ = 0; // the last revision to show: of the key if it exists, else of the store
  bool exists_ = false;
  bool any_ = false;
  bool done_ = false;
};

} // namespace

int history(context& it) {
  if (it.arguments.size() != 1)
    throw command_failed(exit_bad_arguments, "history needs one argument: the key");
  key_history(it, it.arguments[0]).print();
  return exit_success;
}

} // namespace troupe::ctl
