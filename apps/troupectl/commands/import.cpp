#include "apps/troupectl/commands/added.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/interrupt.hpp"
#include "apps/troupectl/json_line.hpp"
#include "apps/troupectl/progress.hpp"
#include "apps/troupectl/put_batch.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <istream>
#include <ostream>
#include <set>

namespace troupe::ctl {

const std::vector<flag> import_flags{
  {"from-line", flag_kind::integer, "1", "Pass over the lines before this one"},
  {"with-leases", flag_kind::boolean, "false",
   "Grant the leases of the file where they are missing and attach the keys to them"},
  {"max-txn-ops", flag_kind::integer, "128", "Puts in one transaction; not above the server's own"},
};

namespace {

constexpr std::size_t max_batch_bytes = 1 << 20; // a server takes 1.5 MiB by default
constexpr std::size_t max_line_bytes = 256 << 20;

/// Puts what the lines of `in` say.
class importer {
public:
  importer(context& it, std::istream& in, std::int64_t bytes)
      : it_(it), in_(in), with_leases_(it.flags().boolean("with-leases")),
        first_line_(it.flags().integer("from-line")),
        batch_(
          static_cast<int>(std::clamp<std::int64_t>(it.flags().integer("max-txn-ops"), 1, 1 << 20)),
          max_batch_bytes),
        done_line_(first_line_ - 1), progress_(it, bytes > 0 ? "bytes" : "lines"),
        total_bytes_(bytes) {}

  /// @throws command_failed that says from where to go on
  void run();

  /// Says what is imported. From any thread.
  std::string report() const;

private:
  void read_all();
  [[noreturn]] void stop(int code, const std::string& problem);
  bool read_line(std::string& line);
  void import_line(const std::string& line);
  bool attach(const exported_key& one, pb::PutRequest& put);
  void send();

  context& it_;
  std::istream& in_;
  bool with_leases_;
  std::int64_t first_line_;
  put_batch batch_;
  std::int64_t line_ = 0;
  std::atomic<std::int64_t> done_line_; // all up to here is in the store or passed over
  std::int64_t keys_ = 0;
  std::int64_t expired_ = 0;
  std::set<std::int64_t> granted_;
  progress progress_;
  std::int64_t total_bytes_; // 0: not known
  std::int64_t read_bytes_ = 0;
};

bool importer::read_line(std::string& line) {
  line.clear();
  constexpr int end = std::char_traits<char>::eof();
  auto& from = *in_.rdbuf();
  int next = from.sbumpc();
  if (next == end)
    return false;
  for (; next != end && next != '\n'; next = from.sbumpc()) {
    if (line.size() == max_line_bytes)
      throw bad_line("longer than 256 MiB");
    line += static_cast<char>(next);
  }
  read_bytes_ += static_cast<std::int64_t>(line.size()) + 1;
  return true;
}

/// False if the key went with its lease.
bool importer::attach(const exported_key& one, pb::PutRequest& put) {
  if (!with_leases_ || one.lease == 0)
    return true;
  if (!one.ttl_seconds)
    throw bad_line(R"(a "lease" without its "ttl" cannot be granted)");
  if (*one.ttl_seconds == 0)
    return false;
  put.set_lease(one.lease);
  constexpr std::size_t most = 100'000; // a lease that is there is no error, so forgetting is none
  if (granted_.size() >= most)
    granted_.clear();
  if (!granted_.insert(one.lease).second)
    return true;
  pb::LeaseGrantRequest grant;
  grant.set_id(one.lease);
  grant.set_ttl(*one.ttl_seconds);
  try {
    it_.client().call(grant);
  } catch (const call_failed& error) {
    if (error.message != "etcdserver: lease already exists")
      throw;
  }
  return true;
}

void importer::import_line(const std::string& line) {
  if (line.find_first_not_of(" \t\r") == line.npos)
    return;
  auto one = parse_json_line(line);
  pb::PutRequest put;
  if (!attach(one, put)) {
    ++expired_;
    return;
  }
  put.set_key(std::move(one.key));
  put.set_value(std::move(one.value));
  if (!batch_.takes(put))
    send();
  batch_.add(std::move(put), line_);
}

void importer::send() {
  if (batch_.size() == 1) // alone it may be as large as a server takes
    it_.client().call(batch_.request().success(0).request_put());
  else if (batch_.size() > 1)
    it_.client().call(batch_.request());
  keys_ += batch_.size();
  if (batch_.size() > 0)
    done_line_ = batch_.last_line();
  batch_.clear();
}

void importer::read_all() {
  std::string line;
  try {
    while (++line_, read_line(line)) {
      if (line_ >= first_line_)
        import_line(line);
      progress_.update(total_bytes_ > 0 ? read_bytes_ : line_, total_bytes_);
    }
    send();
  } catch (const bad_line& error) {
    send();
    done_line_ = std::max(line_, first_line_) - 1;
    stop(exit_invalid_input, "line " + std::to_string(line_) + ": " + error.what());
  }
}

void importer::stop(int code, const std::string& problem) {
  progress_.hide();
  throw command_failed(code, problem + "\n" + report());
}

void importer::run() {
  try {
    read_all();
  } catch (const call_failed& error) {
    stop(exit_error, error.what() + (error.detail.empty() ? "" : ": " + error.detail));
  }
  progress_.hide();
  it_.out << "imported " << keys_ << (keys_ == 1 ? " key" : " keys");
  if (expired_ > 0)
    it_.out << ", left out " << expired_ << " of leases that had expired";
  it_.out << '\n';
}

std::string importer::report() const {
  auto done = done_line_.load();
  if (done < first_line_)
    return "no line is imported";
  return "lines " + std::to_string(first_line_) + " to " + std::to_string(done)
         + " are imported; go on with --from-line " + std::to_string(done + 1);
}

} // namespace

int import_keys(context& it) {
  if (it.arguments.size() > 1)
    throw command_failed(exit_bad_arguments, "import takes one file at most: import [FILE]");
  if (it.flags().integer("from-line") < 1)
    throw command_failed(exit_bad_arguments, "--from-line must be at least 1");
  std::ifstream file;
  std::int64_t bytes = 0;
  bool from_file = !it.arguments.empty() && it.arguments[0] != "-";
  if (from_file) {
    const auto& name = it.arguments[0];
    file.open(name, std::ios::binary);
    std::error_code problem;
    if (!file || std::filesystem::is_directory(name, problem))
      throw command_failed(exit_bad_arguments, "cannot read " + name);
    auto size = std::filesystem::file_size(name, problem);
    bytes = problem ? 0 : static_cast<std::int64_t>(size);
  }
  importer importing(it, from_file ? file : it.in, bytes);
  interrupt stopping([&] {
    it.err << "\nError: interrupted\n" << importing.report() << '\n' << std::flush;
    std::_Exit(exit_interrupted);
  });
  importing.run();
  return exit_success;
}

} // namespace troupe::ctl
