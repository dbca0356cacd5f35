// A node in this process with many subscribers of one key. Prints a line of JSON when it serves,
// one when all subscribers are there, and one each time all of them have heard of a change. Ends
// when its input does.
//
// Usage: subscribers COUNT DATA_DIRECTORY
#include "actors/node/node.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

/// Counts what arrives; told by whichever subscriber is the last of a round.
class round_counter {
public:
  explicit round_counter(std::uint64_t subscribers) : subscribers_(subscribers) {}

  void heard(std::uint64_t events) {
    auto before = heard_.fetch_add(events);
    if (before / subscribers_ != (before + events) / subscribers_)
      std::cout << "{\"rounds\": " << (before + events) / subscribers_ << "}" << std::endl;
  }

private:
  const std::uint64_t subscribers_;
  std::atomic<std::uint64_t> heard_ = 0;
};

void serve(std::uint64_t count, const std::string& directory) {
  troupe::node_config config;
  config.data_dir = directory;
  config.listen_client = {{"127.0.0.1", 0}};
  auto node = troupe::node::launch(config);
  std::cout << "{\"port\": " << node->client_addresses().front().port << "}" << std::endl;

  round_counter counter{count};
  troupe::watch::subscriber_callbacks calls{
    .on_events = [&](const troupe::watch::watch_events& events) { counter.heard(events.size()); },
    .on_end =
      [](const troupe::watch::cursor_end&) { std::cout << "{\"ended\": true}" << std::endl; }};
  auto start = clock_type::now();
  std::vector<troupe::watch::subscription> subscriptions;
  subscriptions.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i)
    subscriptions.push_back(
      node->subscribe({.keys = troupe::mvcc::key_range::of("subscribed", "")}, 0, calls));
  std::cout << "{\"subscribed_seconds\": " << seconds_since(start) << "}" << std::endl;

  std::string line;
  while (std::getline(std::cin, line))
    continue;
  node->shutdown(std::chrono::milliseconds{0});
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: subscribers COUNT DATA_DIRECTORY\n";
    return 2;
  }
  try {
    serve(std::strtoull(argv[1], nullptr, 10), argv[2]);
  } catch (const std::exception& failure) {
    std::cerr << "subscribers: " << failure.what() << '\n';
    return 1;
  }
}
