#include "actors/edge/field_rules.hpp"
#include "actors/edge/grpc_wire.hpp"
#include "actors/edge/status_table.hpp"
#include "actors/edge/unsent_messages.hpp"

#include <gtest/gtest.h>
#include <malloc.h>
#include <set>

using namespace std::chrono_literals;
using namespace troupe;

namespace {

TEST(grpc_timeout, has_a_number_and_a_unit) {
  std::string why;
  EXPECT_EQ(parse_grpc_timeout("1H", why), 1h);
  EXPECT_EQ(parse_grpc_timeout("2M", why), 2min);
  EXPECT_EQ(parse_grpc_timeout("30S", why), 30s);
  EXPECT_EQ(parse_grpc_timeout("4m", why), 4ms);
  EXPECT_EQ(parse_grpc_timeout("5u", why), 5us);
  EXPECT_EQ(parse_grpc_timeout("0n", why), 0ns);
  EXPECT_EQ(parse_grpc_timeout("99999999H", why), std::chrono::nanoseconds::max())
    << "too long to count";
  EXPECT_EQ(why, "");
  for (auto bad : {"", "S", "5", "5s", "+5S", "-5S", "5 S", "S5", "123456789S", "1.5S"})
    EXPECT_FALSE(parse_grpc_timeout(bad, why)) << bad;
}

TEST(grpc_message, is_percent_encoded) {
  std::string text;
  append_percent_encoded(text, "a b~%\x7f\x1f\xff");
  EXPECT_EQ(text, "a b~%25%7F%1F%FF");
}

TEST(base64, names_the_first_bad_byte) {
  EXPECT_EQ(find_bad_base64(""), std::nullopt);
  EXPECT_EQ(find_bad_base64("TWFu"), std::nullopt);
  EXPECT_EQ(find_bad_base64("TWE="), std::nullopt);
  EXPECT_EQ(find_bad_base64("TQ=="), std::nullopt);
  EXPECT_EQ(find_bad_base64("TQ"), std::nullopt) << "gRPC leaves out the padding";
  EXPECT_EQ(find_bad_base64("TQ="), 2u);
  EXPECT_EQ(find_bad_base64("T!=="), 1u);
  EXPECT_EQ(find_bad_base64("T==="), 1u);
  EXPECT_EQ(find_bad_base64("TWFuT"), 5u);
}

TEST(content_type, is_grpc_with_or_without_a_codec) {
  EXPECT_TRUE(is_grpc_content_type("application/grpc"));
  EXPECT_TRUE(is_grpc_content_type("application/grpc+proto"));
  EXPECT_TRUE(is_grpc_content_type("application/grpc;x=y"));
  EXPECT_FALSE(is_grpc_content_type("application/grpc-web"));
  EXPECT_FALSE(is_grpc_content_type("application/json"));
}

using verdict = field_rules::verdict;

TEST(field_rules, take_a_request) {
  field_rules rules;
  EXPECT_EQ(rules.on(":method", "POST"), verdict::good);
  EXPECT_EQ(rules.on(":scheme", "http"), verdict::good);
  EXPECT_FALSE(rules.complete());
  EXPECT_EQ(rules.on(":path", "/a/b"), verdict::good);
  EXPECT_TRUE(rules.complete()) << "the authority may be missing";
  EXPECT_EQ(rules.on(":authority", "http://a:1"), verdict::good);
  EXPECT_EQ(rules.on("te", "trailers"), verdict::good);
  EXPECT_EQ(rules.on("a-b_c", ""), verdict::good);
}

TEST(field_rules, know_what_is_malformed) {
  const std::string_view with_zero{"/a\0", 3};
  EXPECT_EQ(field_rules{}.on(":status", "200"), verdict::malformed);
  EXPECT_EQ(field_rules{}.on(":path", ""), verdict::malformed);
  EXPECT_EQ(field_rules{}.on(":path", with_zero), verdict::malformed);
  EXPECT_EQ(field_rules{}.on(":authority", "a\r\nb"), verdict::malformed);
  EXPECT_EQ(field_rules{}.on("Token", "x"), verdict::malformed);
  EXPECT_EQ(field_rules{}.on("transfer-encoding", "chunked"), verdict::malformed);
  EXPECT_EQ(field_rules{}.on("te", "gzip"), verdict::malformed);
  field_rules twice;
  EXPECT_EQ(twice.on(":path", "/a"), verdict::good);
  EXPECT_EQ(twice.on(":path", "/b"), verdict::malformed);
  field_rules late;
  EXPECT_EQ(late.on("a", "x"), verdict::good);
  EXPECT_EQ(late.on(":path", "/a"), verdict::malformed);
}

TEST(field_rules, pass_over_what_cannot_be_a_field) {
  EXPECT_EQ(field_rules{}.on("a b", "x"), verdict::ignored);
  EXPECT_EQ(field_rules{}.on("", "x"), verdict::ignored);
  EXPECT_EQ(field_rules{}.on("token", "x\ny"), verdict::ignored);
}

TEST(unsent_messages, leave_in_any_pieces) {
  const std::string expected{"\0\0\0\0\3abc\0\0\0\0\0\0\0\0\0\2de", 20};
  for (std::size_t piece = 1; piece <= expected.size(); ++piece) {
    unsent_messages queue;
    queue.push(blob{std::string{"ab"}}, blob{std::string{"c"}});
    queue.push(blob{}, blob{});
    queue.push(blob{}, blob{std::string{"de"}});
    ASSERT_EQ(queue.bytes(), expected.size());
    std::vector<char> to;
    while (!queue.empty())
      queue.move_to(to, std::min(piece, queue.bytes()));
    EXPECT_EQ((std::string{to.begin(), to.end()}), expected) << "pieces of " << piece;
  }
}

// Texts that Go's client compares, and codes as they arrive on the wire.
TEST(status_table, says_what_etcd_says) {
  EXPECT_EQ(status_of(errc::empty_key).text, "etcdserver: key is not provided");
  EXPECT_EQ(status_of(errc::empty_key).code, grpc_code::invalid_argument);
  EXPECT_EQ(status_of(errc::too_many_requests).code, grpc_code::unknown);
  EXPECT_EQ(status_of(errc::not_enough_started_members).code, grpc_code::unknown);
  EXPECT_EQ(status_of(errc::timeout).text, "etcdserver: request timed out");
  EXPECT_EQ(status_of(errc::range_stream_sort).text,
            "RangeStream does not support custom sort orders");
  EXPECT_EQ(status_of(errc::range_stream_filter).code, grpc_code::unimplemented);
  EXPECT_EQ(status_of(errc::lock_lost).text, "mutex: session is expired");
  EXPECT_EQ(status_of(errc::leadership_missing).text, "\"leader\" field must be provided");
  for (auto i = static_cast<int>(errc::lock_lost); i <= static_cast<int>(errc::recipe_failed); ++i)
    EXPECT_EQ(status_of(static_cast<errc>(i)).code, grpc_code::unknown) << i;
}

TEST(status_table, has_a_text_for_every_error) {
  std::set<std::string_view> texts;
  for (auto i = 1; i <= static_cast<int>(errc::data_foreign); ++i) {
    const auto& row = status_of(static_cast<errc>(i));
    EXPECT_NE(row.code, grpc_code::ok) << i;
    EXPECT_TRUE(texts.insert(row.text).second) << row.text << " is there twice";
  }
}

TEST(status_table, maps_codes_to_http) {
  EXPECT_EQ(http_status_of(grpc_code::ok), 200u);
  EXPECT_EQ(http_status_of(grpc_code::failed_precondition), 400u);
  EXPECT_EQ(http_status_of(grpc_code::canceled), 499u);
  EXPECT_EQ(http_status_of(grpc_code::unimplemented), 501u);
  EXPECT_EQ(http_status_of(grpc_code::deadline_exceeded), 504u);
}

std::size_t allocated_bytes() {
  auto all = mallinfo2();
  return all.uordblks + all.hblkhd;
}

TEST(unsent_messages, a_queue_that_is_never_empty_does_not_grow) {
  unsent_messages queue;
  const blob text{std::string{"text"}};
  constexpr auto size = unsent_messages::prefix_size + 4;
  queue.push(text, {});
  auto before = allocated_bytes();
  std::vector<char> sent;
  for (int i = 0; i < 100'000; ++i) {
    queue.push(text, {});
    sent.clear();
    queue.move_to(sent, size);
    ASSERT_EQ((std::string_view{sent.data() + unsent_messages::prefix_size, 4}), "text");
  }
  EXPECT_EQ(queue.bytes(), size);
  EXPECT_LT(allocated_bytes(), before + 100'000);
}

} // namespace
