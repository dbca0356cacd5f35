/// A member in a process of its own, for tests that stop, kill or cut off processes:
///
///   peer_child ID HOST PORT BOOT ID=URL...
///
/// Writes the port that it listens on. Tells the others, by requests for a vote, how many bytes of
/// entries have come so far: that is the term. Writes "up" when it has reached all others. Ends
/// with its standard input.

#include "test/actors/peer/member_stand_in.hpp"

#include <cstdlib>
#include <iostream>
#include <thread>
#include <unistd.h>

namespace {

using namespace troupe;
using namespace troupe::peer;

std::map<member_id, std::vector<std::string>> members_in(int count, char** arguments) {
  std::map<member_id, std::vector<std::string>> result;
  for (int i = 0; i < count; ++i) {
    std::string text{arguments[i]};
    auto equals = text.find('=');
    result[member_id{std::stoull(text)}] = {text.substr(equals + 1)};
  }
  return result;
}

/// Again and again: what is said while a link is down is lost.
void answer(member_stand_in& self, const std::map<member_id, std::vector<std::string>>& others) {
  std::size_t answered = 0;
  while (true) {
    self.await([&](const heard& x) { return x.append_bytes > answered; },
               std::chrono::milliseconds{100});
    answered = self.now().append_bytes;
    if (answered > 0)
      for (const auto& [id, urls] : others)
        self.say(id, request_vote{.term = {answered}, .candidate = self.id()});
  }
}

} // namespace

int main(int count, char** arguments) {
  if (count < 5)
    return 2;
  auto others = members_in(count - 5, arguments + 5);
  member_stand_in self{
    std::stoull(arguments[1]), [&](peer_config& config) {
      config.listen = {{arguments[2], static_cast<std::uint16_t>(std::stoul(arguments[3]))}};
      config.own.boot = {std::stoull(arguments[4])};
      config.own.incarnation = static_cast<std::uint64_t>(getpid());
    }};
  self.configure(others);
  std::cout << self.port() << std::endl;
  std::thread{[&] {
    for (const auto& [id, urls] : others)
      self.await_link(id, std::chrono::hours{24});
    std::cout << "up" << std::endl;
    answer(self, others);
  }}.detach();
  char unused;
  while (read(STDIN_FILENO, &unused, 1) > 0) {
  }
  // Without a farewell, as a process ends that is killed.
  std::_Exit(0);
}
