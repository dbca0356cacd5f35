// Clients that mean harm (checklist 108).

#include "test/actors/edge/conversation.hpp"

#include <gtest/gtest.h>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr auto watch = "/etcdserverpb.Watch/Watch";
constexpr auto put = "/etcdserverpb.KV/Put";

TEST(abuse, rapid_reset_ends_the_connection) {
  conversation c;
  std::size_t calls = 0;
  for (int i = 0; i < 100'000 && !c.link.finished(); ++i) {
    auto id = c.peer.call(watch, framed("x"), false);
    c.link.receive(c.peer.output(), c.now, c.out);
    c.peer.reset(id);
    c.link.receive(c.peer.output(), c.now, c.out);
    calls += count(c.take(), what::open);
    c.flush();
  }
  EXPECT_TRUE(c.link.finished());
  EXPECT_LE(calls, 2'600u);
}

TEST(abuse, endless_continuation_ends_the_connection) {
  conversation c;
  c.link.receive(preface_and_settings() + frame(1, 0, 1, "\x83"), c.now, c.out);
  std::size_t sent = 0;
  for (; sent < 1'000 && !c.link.finished(); ++sent) {
    c.link.receive(frame(9, 0, 1, std::string(1'000, '\x83')), c.now, c.out);
    c.flush();
  }
  EXPECT_TRUE(c.link.finished());
  EXPECT_LE(sent, 20u);
}

class floods : public testing::TestWithParam<std::string> {};

// A client that reads nothing cannot make us collect answers to its control frames.
TEST_P(floods, end_the_connection) {
  conversation c;
  c.link.receive(preface_and_settings(), c.now, c.out);
  std::size_t sent = 0;
  for (; sent < 100'000 && !c.link.finished(); ++sent)
    c.link.receive(GetParam(), c.now, c.out);
  EXPECT_TRUE(c.link.finished());
  EXPECT_LE(sent, 3'000u);
}

INSTANTIATE_TEST_SUITE_P(all, floods,
                         testing::Values(frame(6, 0, 0, "12345678"), frame(4, 0, 0, ""),
                                         frame(4, 0, 0, std::string{"\0\1\0\0\0\0", 6})));

TEST(abuse, a_broken_frame_is_answered_with_goaway) {
  conversation c;
  c.run();
  // DATA on stream 0.
  c.link.receive(frame(0, 0, 0, "x"), c.now, c.out);
  c.flush();
  ASSERT_EQ(c.peer.goaways.size(), 1u);
  EXPECT_EQ(c.peer.goaways[0].first, std::uint32_t{NGHTTP2_PROTOCOL_ERROR});
  EXPECT_TRUE(c.link.finished());
}

TEST(abuse, after_the_end_nothing_is_heard) {
  conversation c;
  c.run();
  c.link.receive(std::string(100, '\xff'), c.now, c.out);
  c.flush();
  c.peer.call(put, framed("x"));
  c.link.receive(c.peer.output(), c.now, c.out);
  EXPECT_TRUE(c.take().empty());
}

TEST(abuse, tls_is_refused) {
  conversation c;
  c.link.receive(std::string{"\x16\x03\x01\x02\x00", 5}, c.now, c.out);
  EXPECT_TRUE(c.link.finished());
  EXPECT_FALSE(c.link.wants_write());
}

TEST(abuse, a_256_mib_body_leaves_memory_flat) {
  conversation c;
  auto id = c.peer.call(put, std::string{"\0\x10\0\0\0", 5}, false);
  std::size_t peak = 0;
  for (int i = 0; i < 256; ++i) {
    c.peer.send(id, std::string(1 << 20, 'x'));
    c.run();
    peak = std::max(peak, c.link.buffered_bytes());
  }
  EXPECT_LE(peak, 100u);
  EXPECT_TRUE(c.take().empty());
}

} // namespace
