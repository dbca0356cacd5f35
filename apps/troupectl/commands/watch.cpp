#include "apps/troupectl/commands/commands.hpp"
#include "apps/troupectl/commands/dialog.hpp"
#include "apps/troupectl/commands/kv_requests.hpp"
#include "apps/troupectl/commands/watch_arguments.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/process.hpp"
#include "apps/troupectl/watching.hpp"

#include <cstdlib>
#include <istream>
#include <list>
#include <mutex>
#include <ostream>
#include <thread>

namespace troupe::ctl {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

watch_environment environment_of_watch() {
  watch_environment result{variable("ETCDCTL_WATCH_KEY"), variable("ETCDCTL_WATCH_RANGE_END")};
  if (result.key.empty() && !result.range_end.empty())
    throw command_failed(exit_bad_arguments,
                         "ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END="
                           + go::quote(result.range_end));
  return result;
}

/// @throws bad_watch
pb::WatchCreateRequest request_of(const watch_target& target, const flag_values& flags) {
  if (target.keys.empty())
    throw bad_watch("bad number of arguments");
  bool prefix = flags.boolean("prefix");
  pb::WatchCreateRequest request;
  request.set_key(target.keys[0]);
  if (target.keys.size() == 2) {
    if (prefix)
      throw bad_watch("`range_end` and `--prefix` are mutually exclusive");
    request.set_range_end(target.keys[1]);
  }
  if (prefix)
    request.set_range_end(prefix_end(target.keys[0]));
  // Every key; on the wire that is a range from the byte 0 on.
  if (request.key().empty())
    request.set_key(std::string(1, '\0'));
  request.set_start_revision(flags.integer("rev"));
  request.set_prev_kv(flags.boolean("prev-kv"));
  request.set_progress_notify(flags.boolean("progress-notify"));
  return request;
}

std::string quoted(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words)
    out += (out.empty() ? "" : " ") + go::quote(word);
  return "[" + out + "]";
}

void run_for_each(const pb::WatchResponse& response, const std::vector<std::string>& program,
                  const context& it) {
  for (const auto& event : response.events()) {
    auto end = run_program(
      program, {"ETCD_WATCH_REVISION=" + std::to_string(response.header().revision()),
                "ETCD_WATCH_EVENT_TYPE=" + go::quote(mvccpb::Event::EventType_Name(event.type())),
                "ETCD_WATCH_KEY=" + go::quote(event.kv().key()),
                "ETCD_WATCH_VALUE=" + go::quote(event.kv().value())});
    if (end.problem.empty())
      continue;
    it.err << "command " << quoted(program) << " error (" << it.for_err(end.problem) << ")\n";
    throw command_failed(exit_error, "");
  }
}

/// Prints one watch to its end; `printing` keeps several apart.
void print_watch(context& it, watching& watch, const std::vector<std::string>& program,
                 std::mutex& printing) {
  pb::WatchResponse response;
  for (;;) {
    try {
      if (!watch.next(response))
        return;
    } catch (const call_failed& error) {
      std::lock_guard lock(printing);
      it.err << "watch was canceled (" << it.for_err(error.what()) << ")\n";
      // Go's client makes an answer of its own for the end.
      pb::WatchResponse end;
      end.set_canceled(true);
      return it.display().watch(end);
    }
    std::lock_guard lock(printing);
    if (response.canceled())
      it.err << "watch was canceled (" << it.for_err(cancel_reason(response)) << ")\n";
    else if (response.events().empty())
      it.out << "progress notify: " << response.header().revision() << '\n';
    it.display().watch(response);
    it.out.flush();
    if (!program.empty())
      run_for_each(response, program, it);
  }
}

/// While threads still run, so that nothing may be destroyed.
[[noreturn]] void end_process(context& it, const command_failed& error) {
  it.out.flush();
  if (*error.what() != 0)
    it.err << "Error: " << it.for_err(error.what()) << std::endl;
  std::_Exit(error.code);
}

/// The watches of `watch -i`, each with a thread. Its end is that of the process: only the end of
/// input and a failed program lead there.
class dialog {
public:
  explicit dialog(context& it) : it_(it), environment_(environment_of_watch()) {
    // Before there are threads.
    it_.client();
    it_.display();
  }

  [[noreturn]] void run() {
    for (std::string line; std::getline(it_.in, line) && !it_.in.eof();)
      take(line);
    throw command_failed(exit_invalid_input, "error reading watch request line: EOF");
  }

private:
  void take(const std::string& line);
  void start(const std::string& line, const std::vector<std::string>& words);
  void complain(const std::string& text) {
    std::lock_guard lock(printing_);
    it_.err << it_.for_err(text) << std::endl;
  }

  context& it_;
  watch_environment environment_;
  std::mutex printing_;
  std::list<watching> watches_;
};

void dialog::start(const std::string& line, const std::vector<std::string>& words) {
  if (words.size() < 2 && environment_.key.empty())
    return complain("Invalid command " + line + " (command type or key is not provided)");
  auto typed = [&] {
    try {
      return parse_typed_watch(words, environment_);
    } catch (const std::runtime_error& error) { // bad_watch or flag_error
      throw command_failed(exit_bad_arguments, error.what());
    }
  }();
  try {
    watches_.emplace_back(it_.client(), request_of(typed.target, typed.flags));
  } catch (const bad_watch& error) {
    return complain("Invalid command " + line + " (" + error.what() + ")");
  }
  std::thread([this, &watch = watches_.back(), program = typed.target.program] {
    try {
      print_watch(it_, watch, program, printing_);
    } catch (const command_failed& error) {
      end_process(it_, error);
    }
  }).detach();
}

void dialog::take(const std::string& line) {
  auto words = split_words(line);
  if (words.empty())
    complain("Invalid command: " + line + " (watch and progress supported)");
  else if (words[0] == "watch")
    start(line, words);
  else if (words[0] == "progress")
    for (auto& watch : watches_)
      watch.request_progress();
  else
    complain("Invalid command " + line + " (only support watch)");
}

[[noreturn]] void run_dialog(context& it) {
  // Its threads still use it when the process ends, so nothing of it may be destroyed.
  auto* typed = new dialog(it);
  try {
    typed->run();
  } catch (const command_failed& error) {
    end_process(it, error);
  }
}

} // namespace

int watch(context& it) {
  auto environment = environment_of_watch();
  if (it.flags().boolean("interactive"))
    run_dialog(it);
  watch_target target;
  try {
    target = parse_watch(it.how.arguments, it.arguments, environment);
    it.display();
    std::mutex printing;
    watching one(it.client(), request_of(target, it.flags()));
    print_watch(it, one, target.program, printing);
  } catch (const bad_watch& error) {
    throw command_failed(exit_bad_arguments, error.what());
  }
  throw command_failed(exit_interrupted, "watch is canceled by the server");
}

} // namespace troupe::ctl
