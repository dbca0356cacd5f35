#include "actors/sim/fault_script.hpp"

#include <gtest/gtest.h>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

std::string refusal(std::string_view text) {
  try {
    parse_faults(text);
  } catch (const fault_text_error& error) {
    return error.what();
  }
  return {};
}

TEST(fault_script, what_is_printed_is_read_again) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    auto script = generate_faults(seed, {.nodes = 5, .kinds = all_fault_kinds()});
    EXPECT_FALSE(script.empty());
    EXPECT_EQ(parse_faults(print(script)), script) << print(script);
  }
}

TEST(fault_script, the_seed_decides) {
  const fault_plan plan{.kinds = all_fault_kinds()};
  EXPECT_EQ(generate_faults(7, plan), generate_faults(7, plan));
  EXPECT_NE(generate_faults(7, plan), generate_faults(8, plan));
}

TEST(fault_script, every_kind_is_drawn_within_the_plan) {
  std::set<fault_kind> drawn;
  for (std::uint64_t seed = 1; seed <= 300; ++seed)
    for (const auto& each : generate_faults(
           seed, {.nodes = 3, .begin = 500ms, .end = 800ms, .kinds = all_fault_kinds()})) {
      drawn.insert(each.kind);
      EXPECT_GE(each.at, 500ms);
      EXPECT_LE(each.at, 800ms);
      EXPECT_LE(each.node, 3u);
    }
  EXPECT_EQ(drawn, all_fault_kinds());
}

TEST(fault_script, a_plan_without_kinds_has_no_faults) {
  EXPECT_TRUE(generate_faults(1, {.kinds = {}}).empty());
}

TEST(fault_script, comments_and_order_do_not_matter) {
  auto script = parse_faults("# a script\n\n20 pause node=2 lasts=5 # short\n10 cut node=1\n");
  ASSERT_EQ(script.size(), 2u);
  EXPECT_EQ(script[0], (fault{.at = 10ms, .kind = fault_kind::cut, .node = 1}));
  EXPECT_EQ(script[1], (fault{.at = 20ms, .kind = fault_kind::pause, .node = 2, .lasts = 5ms}));
}

TEST(fault_script, wrong_text_is_told_where_and_how) {
  EXPECT_EQ(refusal("10 pause\nsoon cut"), "line 2: 'soon' is no whole number from 0");
  EXPECT_EQ(refusal("10"), "line 1: a fault is 'MILLISECONDS KIND [FIELD=NUMBER ...]'");
  EXPECT_EQ(refusal("10 flood").substr(0, 34), "line 1: no fault is called 'flood'");
  EXPECT_EQ(refusal("10 cut noed=1"),
            "line 1: 'noed=1' is not FIELD=NUMBER with a field of node, peer, lasts, amount, kept, "
            "flips, lost");
  EXPECT_EQ(refusal("10 cut node=-1"), "line 1: '-1' is no whole number from 0");
}

} // namespace
} // namespace troupe::sim
