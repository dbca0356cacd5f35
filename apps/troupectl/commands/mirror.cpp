#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/kv_requests.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/progress.hpp"
#include "apps/troupectl/watching.hpp"

#include <condition_variable>
#include <ostream>
#include <thread>

namespace troupe::ctl {

const std::vector<flag> make_mirror_flags{
  {"prefix", flag_kind::text, "", "Key-value prefix to mirror"},
  {"rev", flag_kind::integer, "0", "Specify the kv revision to start to mirror"},
  {"max-txn-ops", flag_kind::count, "128",
   "Maximum number of operations permitted in a transaction during syncing updates."},
  {"dest-prefix", flag_kind::text, "",
   "destination prefix to mirror a prefix to a different prefix in the destination cluster"},
  {"no-dest-prefix", flag_kind::boolean, "false",
   "mirror key-values to the root of the destination cluster"},
  {"dest-cert", flag_kind::text, "",
   "Identify secure client using this TLS certificate file for the destination cluster"},
  {"dest-key", flag_kind::text, "", "Identify secure client using this TLS key file"},
  {"dest-cacert", flag_kind::text, "",
   "Verify certificates of TLS enabled secure servers using this CA bundle"},
  {"dest-insecure-transport", flag_kind::boolean, "true",
   "Disable transport security for client connections"},
  {"dest-user", flag_kind::text, "",
   "Destination username[:password] for authentication (prompt if password is not supplied)", 0, "",
   "there is no authentication yet"},
  {"dest-password", flag_kind::text, "",
   "Destination password for authentication (if this option is used, --user option shouldn't "
   "include password)",
   0, "", "there is no authentication yet"},
};

namespace {

/// Prints a number every 30 s while it lives; a terminal that shows the progress all the time gets
/// none.
class reporter {
public:
  explicit reporter(context& it)
      : out_(it.out), silent_(it.out_is_terminal && it.err_is_terminal && !it.how.as_etcdctl()),
        progress_(it, "changes"), thread_([this] { run(); }) {}

  ~reporter() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    stopped_.notify_all();
    thread_.join();
  }

  void add(std::int64_t keys) {
    total_ += keys;
  }

  std::int64_t total() const {
    return total_;
  }

  /// How many there will be; 0 if nobody knows.
  void expect(std::int64_t keys) {
    expected_ = keys;
  }

private:
  void run() {
    constexpr std::chrono::milliseconds tick{250};
    constexpr int ticks_per_number = 120;
    std::unique_lock lock(mutex_);
    for (int i = 1; !stopped_.wait_for(lock, tick, [this] { return over_; }); ++i) {
      progress_.update(total_, expected_);
      if (i % ticks_per_number != 0 || silent_)
        continue;
      progress_.hide();
      out_ << total_.load() << std::endl;
    }
  }

  std::ostream& out_;
  bool silent_;
  progress progress_; // used by the thread alone
  std::atomic<std::int64_t> expected_ = 0;
  std::atomic<std::int64_t> total_ = 0;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool over_ = false;
  std::thread thread_;
};

class mirror {
public:
  mirror(context& it, client& destination)
      : source_(it.client()), destination_(destination), prefix_(it.flags().text("prefix")),
        destination_prefix_(it.flags().text("dest-prefix")),
        max_operations_(static_cast<int>(std::min<std::uint64_t>(
          std::max<std::uint64_t>(it.flags().count("max-txn-ops"), 1), 1u << 20))),
        reporter_(it) {
    if (destination_prefix_.empty() && !it.flags().boolean("no-dest-prefix"))
      destination_prefix_ = prefix_;
  }

  /// Everything as of one revision, which is returned.
  std::int64_t copy_base();

  /// All changes behind `revision`; ends only by an error.
  [[noreturn]] void copy_changes(std::int64_t revision);

private:
  /// The first occurrence of the prefix is replaced, as in etcdctl.
  std::string renamed(const std::string& key) const {
    auto at = key.find(prefix_);
    return at == key.npos ? key : std::string{key}.replace(at, prefix_.size(), destination_prefix_);
  }

  void add(const mvccpb::Event& event, pb::TxnRequest& request) const;
  void send(pb::TxnRequest& request);
  void copy(const pb::WatchResponse& response);

  client& source_;
  client& destination_;
  std::string prefix_;
  std::string destination_prefix_;
  int max_operations_;
  reporter reporter_;
};

std::int64_t mirror::copy_base() {
  pb::RangeRequest probe;
  probe.set_key(prefix_.empty() ? "foo" : prefix_);
  auto revision = source_.call(probe).header().revision();
  pb::RangeRequest request;
  request.set_key(prefix_.empty() ? std::string(1, '\0') : prefix_);
  request.set_range_end(prefix_end(prefix_));
  request.set_limit(1000);
  request.set_revision(revision);
  for (;;) {
    auto page = source_.call(request);
    reporter_.expect(reporter_.total() + page.count());
    for (const auto& kv : page.kvs()) {
      pb::PutRequest put;
      put.set_key(renamed(kv.key()));
      put.set_value(kv.value());
      destination_.call(put);
      reporter_.add(1);
    }
    if (!page.more()) {
      reporter_.expect(0);
      return revision;
    }
    request.set_key(page.kvs().rbegin()->key() + std::string(1, '\0'));
  }
}

void mirror::add(const mvccpb::Event& event, pb::TxnRequest& request) const {
  auto* operation = request.add_success();
  if (event.type() == mvccpb::Event::PUT) {
    operation->mutable_request_put()->set_key(renamed(event.kv().key()));
    operation->mutable_request_put()->set_value(event.kv().value());
  } else {
    operation->mutable_request_delete_range()->set_key(renamed(event.kv().key()));
  }
}

void mirror::send(pb::TxnRequest& request) {
  if (request.success().empty())
    return;
  destination_.call(request);
  reporter_.add(request.success_size());
  request.Clear();
}

/// One transaction per revision, and no larger than allowed.
void mirror::copy(const pb::WatchResponse& response) {
  pb::TxnRequest request;
  std::int64_t revision = 0;
  for (const auto& event : response.events()) {
    if (event.kv().mod_revision() != revision || request.success_size() == max_operations_)
      send(request);
    revision = event.kv().mod_revision();
    add(event, request);
  }
  send(request);
}

void mirror::copy_changes(std::int64_t revision) {
  pb::WatchCreateRequest request;
  request.set_key(prefix_.empty() ? std::string(1, '\0') : prefix_);
  request.set_range_end(prefix_end(prefix_));
  request.set_start_revision(revision + 1);
  watching watch(source_, request);
  pb::WatchResponse response;
  while (watch.next(response)) {
    if (response.canceled())
      throw command_failed(exit_error, cancel_reason(response));
    copy(response);
  }
  throw command_failed(exit_error, "the watch ended");
}

client_options destination_of(context& it) {
  auto options = it.connection();
  options.endpoints = {it.arguments[0]};
  options.insecure = it.flags().boolean("dest-insecure-transport");
  options.tls = {.ca = it.flags().text("dest-cacert"),
                 .certificate = it.flags().text("dest-cert"),
                 .key = it.flags().text("dest-key")};
  return options;
}

} // namespace

int make_mirror(context& it) {
  if (it.arguments.size() != 1)
    throw command_failed(exit_bad_arguments, "make-mirror takes one destination argument");
  if (it.flags().boolean("no-dest-prefix") && !it.flags().text("dest-prefix").empty())
    throw command_failed(
      exit_bad_arguments,
      "`--dest-prefix` and `--no-dest-prefix` cannot be set at the same time, choose one");
  client destination(destination_of(it));
  mirror mirroring(it, destination);
  auto start = it.flags().integer("rev") - 1;
  mirroring.copy_changes(start > 0 ? start : mirroring.copy_base());
}

} // namespace troupe::ctl
