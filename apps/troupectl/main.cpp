#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/run.hpp"

#include <csignal>
#include <iostream>
#include <unistd.h>

int main(int argc, char** argv) {
  using namespace troupe::ctl;
  std::ios::sync_with_stdio(false);
  std::signal(SIGPIPE, SIG_DFL);
  std::string program = argc > 0 ? argv[0] : "troupectl";
  invocation how{program.substr(program.rfind('/') + 1), {argv + (argc > 0 ? 1 : 0), argv + argc}};
  auto is_terminal = [](int descriptor) { return isatty(descriptor) == 1; };
  auto code = run(how, {std::cin, std::cout, std::cerr, is_terminal(STDIN_FILENO),
                        is_terminal(STDOUT_FILENO), is_terminal(STDERR_FILENO)});
  std::cout.flush();
  return std::cout ? code : exit_io;
}
