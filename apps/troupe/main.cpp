#include "actors/log/protobuf_log.hpp"
#include "apps/troupe/help.hpp"
#include "apps/troupe/serve.hpp"
#include "apps/troupe/server_options.hpp"
#include "apps/troupe/version.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

using namespace troupe;

void print(std::FILE* to, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
}

/// As etcd: a command line that cannot be read shows the usage, a wrong setting is a line of the
/// log.
int refuse(const options::option_error& error) {
  if (error.exit_code == 2)
    print(stderr, std::string{error.what()} + "\n" + options::usage_text());
  else
    log::error("failed to verify flags",
               {{"error", error.what()}, {"hint", "see 'troupe --help'"}});
  return error.exit_code;
}

int run(const options::command& command) {
  switch (command.wanted) {
  case options::action::show_help:
    print(stdout, options::help_text());
    return 0;
  case options::action::show_version:
    print(stdout, version_text());
    return 0;
  case options::action::run:
    return serve(command.server);
  }
  return 1;
}

} // namespace

int main(int argc, char** argv) {
  // A client that goes away must not end the process, and only serve() takes signals.
  std::signal(SIGPIPE, SIG_IGN);
  block_end_signals();
  log::take_over_from_protobuf();
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    return run(options::read_command(arguments, options::process_environment()));
  } catch (const options::option_error& error) {
    return refuse(error);
  } catch (const std::exception& error) {
    log::fatal("failed to start", {{"error", error.what()}});
    return 1;
  }
}
