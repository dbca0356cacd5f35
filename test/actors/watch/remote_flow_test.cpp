#include "actors/watch/remote_flow.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::watch {
namespace {

/// What the size of a message counts beside the bytes of a key and its value.
constexpr std::size_t overhead = 64;

/// One change of each given revision, with the value of the given size and a key of one byte.
watch_events puts(std::vector<std::pair<std::int64_t, std::size_t>> changes) {
  auto batch = std::make_shared<event_batch>();
  std::int64_t sub = 0;
  for (const auto& [revision, size] : changes) {
    auto& change = batch->events.emplace_back().change;
    change.at = {revision, sub++};
    change.kv = {.key = "k", .value = std::string(size, 'v'), .mod_revision = revision};
  }
  return {.batch = std::move(batch)};
}

/// The size of an event in `puts`.
std::size_t size_of(std::size_t value) {
  return overhead + 1 + value;
}

using shape = std::vector<std::pair<std::int64_t, std::size_t>>;

/// `upto` and the number of events of each message.
shape shape_of(const remote_flow::packed& packed) {
  shape result;
  for (const auto& message : packed.messages)
    result.emplace_back(message.upto, message.events.size());
  return result;
}

TEST(remote_flow, transactions_share_a_message_that_says_how_far_it_reaches) {
  remote_flow flow{watch_interest{}};
  auto packed = flow.pack(puts({{5, 1}, {5, 1}, {7, 1}}), 9);
  EXPECT_EQ(shape_of(packed), (shape{{9, 3}}));
  EXPECT_EQ(packed.next, 10);
  EXPECT_EQ(packed.messages[0].number, 1U);
  EXPECT_EQ(flow.pack(puts({{11, 1}}), 11).messages.at(0).number, 2U);
}

TEST(remote_flow, a_transaction_that_does_not_fit_begins_the_next_message) {
  remote_flow flow{watch_interest{}, {.window_bytes = 10'000, .message_bytes = 3 * size_of(10)}};
  auto packed = flow.pack(puts({{5, 10}, {5, 10}, {6, 10}, {6, 10}, {7, 10}}), 7);
  EXPECT_EQ(shape_of(packed), (shape{{5, 2}, {7, 3}}));
}

TEST(remote_flow, only_the_last_part_of_a_large_transaction_reaches_it) {
  remote_flow flow{watch_interest{}, {.window_bytes = 10'000, .message_bytes = 2 * size_of(10)}};
  auto packed = flow.pack(puts({{4, 10}, {6, 10}, {6, 10}, {6, 10}, {7, 10}}), 8);
  EXPECT_EQ(shape_of(packed), (shape{{5, 1}, {5, 2}, {8, 2}}));
}

TEST(remote_flow, an_event_larger_than_a_message_goes_alone) {
  remote_flow flow{watch_interest{}, {.window_bytes = 10'000, .message_bytes = 200}};
  auto packed = flow.pack(puts({{4, 10}, {5, 500}, {6, 10}}), 6);
  EXPECT_EQ(shape_of(packed), (shape{{4, 1}, {5, 1}, {6, 1}}));
}

TEST(remote_flow, a_full_window_stops_before_a_transaction) {
  remote_flow flow{watch_interest{}, {.window_bytes = 3 * size_of(10)}};
  auto packed = flow.pack(puts({{4, 10}, {5, 10}, {6, 10}, {6, 10}, {7, 10}}), 9);
  EXPECT_EQ(shape_of(packed), (shape{{5, 2}}));
  EXPECT_EQ(packed.next, 6);
  EXPECT_EQ(flow.in_flight_bytes(), 2 * size_of(10));
  EXPECT_FALSE(flow.worth_resuming());
  EXPECT_EQ(flow.pack(puts({{6, 10}, {6, 10}}), 6).next, 6) << "still no room";
}

TEST(remote_flow, credit_makes_room) {
  remote_flow flow{watch_interest{},
                   {.window_bytes = 4 * size_of(10), .message_bytes = size_of(10)}};
  EXPECT_EQ(flow.pack(puts({{4, 10}, {5, 10}, {6, 10}, {7, 10}}), 7).messages.size(), 4U);
  flow.on_credit(1);
  EXPECT_FALSE(flow.worth_resuming());
  flow.on_credit(2);
  EXPECT_TRUE(flow.worth_resuming());
  EXPECT_EQ(shape_of(flow.pack(puts({{8, 10}, {9, 10}, {10, 10}}), 10)), (shape{{8, 1}, {9, 1}}));
  flow.on_credit(6);
  EXPECT_EQ(flow.in_flight_bytes(), 0U) << "one credit for all before it";
}

TEST(remote_flow, credit_for_what_is_not_under_way_means_nothing) {
  remote_flow flow{watch_interest{}};
  flow.on_credit(7);
  EXPECT_EQ(flow.pack(puts({{4, 10}}), 4).messages.size(), 1U);
  flow.on_credit(0);
  EXPECT_EQ(flow.in_flight_bytes(), size_of(10));
  flow.on_credit(1);
  flow.on_credit(1);
  EXPECT_EQ(flow.in_flight_bytes(), 0U);
}

TEST(remote_flow, a_transaction_larger_than_the_window_goes_alone) {
  remote_flow flow{watch_interest{}, {.window_bytes = 200, .message_bytes = 100}};
  EXPECT_EQ(flow.pack(puts({{4, 10}, {5, 90}, {5, 90}}), 5).next, 5);
  flow.on_credit(1);
  auto packed = flow.pack(puts({{5, 90}, {5, 90}, {6, 10}}), 6);
  EXPECT_EQ(shape_of(packed), (shape{{4, 1}, {5, 1}}));
  EXPECT_EQ(packed.next, 6);
}

TEST(remote_flow, only_what_was_asked_for_is_sent) {
  auto batch = std::make_shared<event_batch>();
  batch->events.resize(2);
  auto& put = batch->events[0];
  put.change.at = {4, 0};
  put.change.kv = {"k", "new", 2, 4, 2, lease_id{8}};
  put.previous = mvcc::key_value{"k", "old", 2, 2, 1, {}};
  auto& deletion = batch->events[1];
  deletion.change = {mvcc::event::type::deletion, {5, 0}, {"k", "", 0, 5, 0, {}}};
  deletion.previous = put.change.kv;
  watch_events events{.batch = batch};

  remote_flow puts_only{watch_interest{.deletions = false}};
  auto packed = puts_only.pack(events, 5);
  ASSERT_EQ(shape_of(packed), (shape{{5, 1}}));
  EXPECT_EQ(packed.messages[0].events[0], (event_v1{.kv = {"k", "new", 2, 4, 2, 8}}));

  remote_flow deletions_only{watch_interest{.puts = false, .previous = true}};
  packed = deletions_only.pack(events, 5);
  ASSERT_EQ(shape_of(packed), (shape{{5, 1}}));
  EXPECT_EQ(packed.messages[0].events[0],
            (event_v1{true, {"k", "", 0, 5, 0, 0}, true, {"k", "new", 2, 4, 2, 8}}));
  EXPECT_EQ(deletions_only.pack({.batch = std::make_shared<event_batch>()}, 7).next, 8);
}

} // namespace
} // namespace troupe::watch
