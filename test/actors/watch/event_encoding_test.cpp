#include "actors/watch/event_encoding.hpp"
#include "messages/proto/rpc.pb.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>

namespace troupe::watch {
namespace {

using event_type = mvcc::event::type;

void assign(mvccpb::KeyValue& to, const mvcc::key_value& from) {
  to.set_key(from.key);
  to.set_value(from.value);
  to.set_create_revision(from.create_revision);
  to.set_mod_revision(from.mod_revision);
  to.set_version(from.version);
  to.set_lease(from.lease.value);
}

/// What the generated classes write for a response with this one event.
std::string by_protobuf(const mvcc::event& change, const mvcc::key_value* previous) {
  etcdserverpb::WatchResponse response;
  auto& event = *response.add_events();
  if (change.kind == event_type::deletion) {
    event.set_type(mvccpb::Event::DELETE);
    event.mutable_kv()->set_key(change.kv.key);
    event.mutable_kv()->set_mod_revision(change.kv.mod_revision);
  } else {
    assign(*event.mutable_kv(), change.kv);
  }
  if (previous)
    assign(*event.mutable_prev_kv(), *previous);
  return response.SerializeAsString();
}

std::string encoded(const mvcc::event& change, const mvcc::key_value* previous = nullptr) {
  return std::string{encode_event(change, previous).view()};
}

TEST(event_encoding, writes_the_bytes_that_protobuf_writes) {
  std::mt19937_64 random{7};
  auto number = [&]() -> std::int64_t {
    switch (random() % 4) {
    case 0:
      return 0;
    case 1:
      return static_cast<std::int64_t>(random() % 300);
    case 2:
      return static_cast<std::int64_t>(random()) | std::numeric_limits<std::int64_t>::min();
    default:
      return static_cast<std::int64_t>(random() >> (1 + random() % 63));
    }
  };
  auto text = [&] {
    static constexpr std::size_t sizes[] = {0, 1, 2, 127, 128, 129, 16383, 16384, 20000};
    return std::string(sizes[random() % std::size(sizes)], static_cast<char>(random()));
  };
  auto kv = [&]() -> mvcc::key_value {
    return {text(), text(), number(), number(), number(), {number()}};
  };
  for (int round = 0; round < 2000; ++round) {
    mvcc::event change{random() % 3 == 0 ? event_type::deletion : event_type::put, {}, kv()};
    auto before = kv();
    const auto* previous = random() % 2 == 0 ? &before : nullptr;
    ASSERT_EQ(encoded(change, previous), by_protobuf(change, previous)) << "round " << round;
  }
}

TEST(event_encoding, entries_that_follow_each_other_are_a_list) {
  mvcc::event put{event_type::put, {5, 0}, {"a", "1", 5, 5, 1, {}}};
  mvcc::event deletion{event_type::deletion, {6, 0}, {"a", "", 0, 6, 0, {}}};
  etcdserverpb::WatchResponse response;
  ASSERT_TRUE(response.ParseFromString(encoded(put) + encoded(deletion, &put.kv)));
  ASSERT_EQ(response.events_size(), 2);
  EXPECT_EQ(response.events(0).kv().value(), "1");
  EXPECT_EQ(response.events(1).type(), mvccpb::Event::DELETE);
  EXPECT_EQ(response.events(1).prev_kv().value(), "1");
}

TEST(event_encoding, only_a_creation_has_nothing_before) {
  EXPECT_FALSE(has_previous({event_type::put, {5, 0}, {"a", "1", 5, 5, 1, {}}}));
  EXPECT_TRUE(has_previous({event_type::put, {6, 0}, {"a", "1", 5, 6, 2, {}}}));
  EXPECT_TRUE(has_previous({event_type::deletion, {7, 0}, {"a", "", 0, 7, 0, {}}}));
}

} // namespace
} // namespace troupe::watch
