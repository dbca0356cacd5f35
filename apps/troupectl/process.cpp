#include "apps/troupectl/process.hpp"

#include "apps/troupectl/go_text.hpp"

#include <csignal>
#include <cstring>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::ctl {

namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& one : texts)
    result.push_back(one.data());
  result.push_back(nullptr);
  return result;
}

/// A later variable of a name hides the earlier one.
std::vector<std::string> environment_with(const std::vector<std::string>& variables) {
  std::vector<std::string> result = variables;
  auto name = [](const std::string& one) { return one.substr(0, one.find('=')); };
  for (char** one = environ; *one != nullptr; ++one) {
    bool hidden = false;
    for (const auto& variable : variables)
      hidden = hidden || name(variable) == name(*one);
    if (!hidden)
      result.emplace_back(*one);
  }
  return result;
}

std::string spawn_problem(int error, const std::string& program) {
  if (error == ENOENT && program.find('/') == program.npos)
    return "exec: " + go::quote(program) + ": executable file not found in $PATH";
  std::string text = std::strerror(error);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return "fork/exec " + program + ": " + text;
}

std::string signal_problem(int number) {
  std::string text = strsignal(number);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return "signal: " + text;
}

} // namespace

program_end run_program(const std::vector<std::string>& command,
                        const std::vector<std::string>& variables) {
  auto arguments = command;
  auto environment = environment_with(variables);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t child = 0;
  auto error = posix_spawnp(&child, command[0].c_str(), nullptr, &attributes,
                            pointers(arguments).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return {-1, spawn_problem(error, command[0])};
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status))
    return {-1, signal_problem(WTERMSIG(status))};
  if (WEXITSTATUS(status) == 0)
    return {};
  return {WEXITSTATUS(status), "exit status " + std::to_string(WEXITSTATUS(status))};
}

} // namespace troupe::ctl
