#include "actors/apply/pending_calls.hpp"
#include "messages/ensure.hpp"

#include <gtest/gtest.h>

namespace troupe::apply {
namespace {

using namespace std::chrono_literals;

awaited_call call(std::uint64_t counter, std::chrono::nanoseconds deadline) {
  return {counter, {.stream = static_cast<std::int32_t>(counter)}, time_point{deadline}};
}

TEST(pending_calls, each_call_leaves_exactly_once) {
  pending_calls pending;
  pending.add(call(1, 7s));
  EXPECT_EQ(pending.take(1)->stream, 1);
  EXPECT_FALSE(pending.take(1));
  EXPECT_TRUE(pending.expire(time_point{9s}).empty());
}

TEST(pending_calls, expired_call_is_not_answered_again) {
  pending_calls pending;
  pending.add(call(1, 7s));
  pending.add(call(2, 8s));
  auto expired = pending.expire(time_point{7s});
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].stream, 1);
  EXPECT_FALSE(pending.take(1));
  EXPECT_TRUE(pending.take(2));
}

TEST(pending_calls, proposal_of_another_member_or_boot_has_nobody) {
  pending_calls pending;
  EXPECT_FALSE(pending.take(42));
}

TEST(pending_calls, counter_cannot_wait_twice) {
  pending_calls pending;
  pending.add(call(1, 7s));
  EXPECT_THROW(pending.add(call(1, 7s)), invariant_error);
}

} // namespace
} // namespace troupe::apply
