// check_history FILE [EARLY LATE]: judges a recorded history, whose form actors/sim/history.hpp
// has. EARLY (a part of a TTL) and LATE (seconds) are those of lease_bounds; without them no lease
// is too late. Exit status: 0 all promises kept, 1 one was broken, 2 undecided or not readable.
#include "actors/sim/lease_check.hpp"
#include "actors/sim/linearizability.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>

namespace {

using namespace troupe::sim;

constexpr double nanoseconds = 1e9;

int judge(const history& recorded, const lease_bounds& bounds) {
  auto verdict = check_linearizability(recorded.operations);
  for (const auto& violation : check_leases(recorded, bounds)) {
    std::cout << "BROKEN: " << violation << '\n';
    verdict.found = linearizability_verdict::outcome::violated;
  }
  if (!verdict.explanation.empty())
    std::cout << (verdict.found == linearizability_verdict::outcome::violated
                    ? "BROKEN: not linearizable: "
                    : "UNDECIDED: ")
              << verdict.explanation << '\n';
  auto open = std::count_if(recorded.operations.begin(), recorded.operations.end(),
                            [](const auto& x) { return !x.result; });
  std::cout << recorded.operations.size() << " operations, " << open << " without an answer, "
            << recorded.leases.size() << " of leases; " << verdict.choices << " choices, "
            << verdict.states << " states\n";
  return verdict.holds() ? 0 : verdict.found == linearizability_verdict::outcome::violated ? 1 : 2;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    std::cerr << "usage: check_history FILE [EARLY LATE]\n";
    return 2;
  }
  lease_bounds bounds;
  if (argc == 4) {
    bounds.early = std::atof(argv[2]);
    bounds.late = static_cast<history_time>(std::atof(argv[3]) * nanoseconds);
  }
  try {
    std::ifstream file{argv[1]};
    if (!file)
      throw history_error{"cannot be opened"};
    return judge(read_history(file), bounds);
  } catch (const history_error& error) {
    std::cerr << argv[1] << ": " << error.what() << '\n';
    return 2;
  }
}
