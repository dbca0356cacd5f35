#include "messages/type_ids.hpp"
#include "test/support/actor_fixture.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <gtest/gtest.h>

namespace troupe {

namespace {

class raft_message : public test::actor_fixture {
protected:
  /// What the receiver in another process gets.
  template <class Message>
  Message over_the_wire(Message sent) {
    std::vector<char> bytes;
    caf::binary_serializer save{system, bytes};
    EXPECT_EQ(save(sent), caf::none);
    Message received;
    caf::binary_deserializer load{system, bytes};
    EXPECT_EQ(load(received), caf::none);
    return received;
  }
};

/// Every field differs from its default, so that one that is not sent shows.
TEST_F(raft_message, arrives_as_it_was_sent) {
  auto expect_unchanged = [this](const auto& sent) { EXPECT_EQ(over_the_wire(sent), sent); };
  expect_unchanged(request_vote{{2}, {3}, {{4}, {5}}, true, false});
  expect_unchanged(request_vote{{2}, {3}, {{4}, {5}}, false, true});
  expect_unchanged(request_vote_reply{{2}, {3}, true, false});
  expect_unchanged(request_vote_reply{{2}, {3}, false, true});
  const entry first{{{1}, {2}}, entry_kind::configuration, {{3}, {4}, 5}, blob{"x"}};
  expect_unchanged(append{{6}, {7}, {{8}, {9}}, {first, first}, {10}, 11});
  expect_unchanged(append_reply{{2}, {3}, true, {4}, 5});
  expect_unchanged(timeout_now{{2}, {3}});
  const proposal wanted{6, entry_kind::configuration, blob{"y"}};
  expect_unchanged(forward_propose{{2}, {3}, {wanted, {7, entry_kind::command, blob{"z"}}}});
  expect_unchanged(forward_refused{{2}, {3, 4}, errc::too_many_requests});
  expect_unchanged(forward_read{{2}, {3}, 4});
  expect_unchanged(forward_read_reply{{2}, 3, errc::leader_changed, {4}});
}

} // namespace

} // namespace troupe
