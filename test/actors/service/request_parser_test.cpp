// What etcd answers to bytes that are no request, observed on 3.4.23 unless said otherwise.

#include "actors/service/kv_checks.hpp"
#include "actors/service/request_parser.hpp"
#include "test/support/text_message.hpp"

#include <gtest/gtest.h>
#include <string>

namespace troupe::service {
namespace {

using etcdserverpb::CompactionRequest;
using etcdserverpb::DeleteRangeRequest;
using etcdserverpb::PutRequest;
using etcdserverpb::RangeRequest;
using etcdserverpb::TxnRequest;

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value > 0x7f; value >>= 7)
    bytes.push_back(static_cast<char>((value & 0x7f) | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::string tag(std::uint64_t field, unsigned kind) {
  return varint(field << 3 | kind);
}

/// "" for bytes that are accepted, else the text without what all such texts begin with.
template <class Message>
std::string fault(const std::string& bytes) {
  Message message;
  auto result = parse(message, bytes);
  if (result.error == errc::none)
    return {};
  EXPECT_EQ(result.error, errc::malformed_message);
  const std::string prefix = "grpc: error unmarshalling request: ";
  EXPECT_EQ(result.detail.substr(0, prefix.size()), prefix);
  return result.detail.substr(std::min(prefix.size(), result.detail.size()));
}

const std::string key_k{"\x0a\x01k"};

TEST(request_parser, takes_what_protobuf_writes) {
  auto request = test::parse<TxnRequest>(R"(
    compare { key: "a" target: VALUE value: "v" range_end: "b" }
    success { request_range { key: "a" limit: -1 sort_order: DESCEND serializable: true } }
    success { request_txn { failure { request_put { key: "b" lease: -7 } } } })");
  TxnRequest received;
  EXPECT_EQ(parse(received, request.SerializeAsString()).error, errc::none);
  EXPECT_EQ(received.DebugString(), request.DebugString());
  EXPECT_EQ(fault<PutRequest>(""), "");
}

TEST(request_parser, cut_anywhere_it_ends_too_early_or_is_shorter) {
  auto whole = test::parse<PutRequest>(R"(key: "key" value: "value" lease: 300 prev_kv: true)")
                 .SerializeAsString();
  int accepted = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    auto text = fault<PutRequest>(whole.substr(0, size));
    EXPECT_TRUE(text.empty() || text == "unexpected EOF") << size << text;
    accepted += text.empty() ? 1 : 0;
  }
  EXPECT_EQ(accepted, 5) << "behind each of four fields, and nothing";
}

TEST(request_parser, numbers_and_lengths) {
  const std::string endless(10, '\xff');
  EXPECT_EQ(fault<PutRequest>(key_k + tag(3, 0) + endless), "proto: integer overflow");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(3, 0) + endless + "\x01"), "proto: integer overflow");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(99, 0) + endless + "\x01"), "proto: integer overflow");
  EXPECT_EQ(fault<PutRequest>(key_k + endless + "\xff"), "proto: integer overflow");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(2, 2) + std::string(9, '\xff') + "\x01"),
            "proto: negative length found during unmarshaling");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(99, 2) + std::string(9, '\xff') + "\x01"),
            "proto: negative length found during unmarshaling");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(2, 2) + varint(INT64_MAX)),
            "proto: negative length found during unmarshaling")
    << "the position behind it is";
  EXPECT_EQ(fault<PutRequest>(key_k + tag(2, 2) + "\x7f"), "unexpected EOF");
}

TEST(request_parser, tags) {
  EXPECT_EQ(fault<PutRequest>(key_k + std::string("\0\1", 2)),
            "proto: PutRequest: illegal tag 0 (wire type 0)");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(std::uint64_t{1} << 31, 0) + "\x01"),
            "proto: PutRequest: illegal tag -2147483648 (wire type 17179869184)");
  EXPECT_EQ(fault<RangeRequest>(key_k + tag(99, 4)),
            "proto: RangeRequest: wiretype end group for non-group");
}

TEST(request_parser, a_known_field_in_another_encoding) {
  EXPECT_EQ(fault<PutRequest>(tag(1, 5) + "abcd"), "proto: wrong wireType = 5 for field Key");
  EXPECT_EQ(fault<RangeRequest>(key_k + tag(5, 2) + "\x01" + "a"),
            "proto: wrong wireType = 2 for field SortOrder");
  EXPECT_EQ(fault<DeleteRangeRequest>(key_k + tag(2, 0) + "\x01"),
            "proto: wrong wireType = 0 for field RangeEnd");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(3, 7)), "proto: wrong wireType = 7 for field Lease");
  EXPECT_EQ(fault<CompactionRequest>(tag(2, 3)), "proto: wrong wireType = 3 for field Physical");
  EXPECT_EQ(fault<TxnRequest>(tag(1, 0)), "proto: wrong wireType = 0 for field Compare");
}

TEST(request_parser, unknown_fields_are_skipped) {
  EXPECT_EQ(fault<PutRequest>(key_k + tag(99, 2) + "\x03" + "abc"), "");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(99, 0) + "\x01" + tag(98, 1) + "12345678"), "");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(99, 3) + tag(98, 3) + tag(1, 0) + "\x01" + tag(98, 4)
                              + tag(99, 4)),
            "");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(99, 3)), "unexpected EOF");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(99, 5) + "123"), "unexpected EOF");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(99, 6)), "proto: illegal wireType 6");
  EXPECT_EQ(fault<PutRequest>(key_k + tag(99, 3) + tag(98, 7)), "proto: illegal wireType 7");
}

TEST(request_parser, faults_inside_a_nested_message) {
  EXPECT_EQ(fault<TxnRequest>(tag(2, 2) + "\x03" + tag(1, 2) + "\x01" + tag(1, 0)),
            "proto: wrong wireType = 0 for field Key");
  EXPECT_EQ(fault<TxnRequest>(tag(2, 2) + "\x02" + tag(2, 2) + "\x05"), "unexpected EOF")
    << "a nested length ends with its parent's, whatever follows";
  EXPECT_EQ(fault<TxnRequest>(tag(2, 2) + "\x02" + tag(2, 2) + "\x05" + std::string(9, 'x')),
            "unexpected EOF");
}

/// A put in `levels` transactions in one another; as bytes, because the message itself would be
/// too deep to be written.
std::string nested(int levels) {
  auto field = [](int number, const std::string& content) {
    return tag(number, 2) + varint(content.size()) + content;
  };
  auto bytes = field(2, field(2, key_k));
  for (int i = 0; i < levels; ++i)
    bytes = field(2, field(4, bytes));
  return bytes;
}

TEST(request_parser, transactions_nest_as_deep_as_their_operations_allow) {
  TxnRequest received;
  auto accepted = nested(127);
  ASSERT_EQ(parse(received, accepted).error, errc::none);
  EXPECT_EQ(check(received), errc::none);
  EXPECT_EQ(received.SerializeAsString(), accepted);
  EXPECT_TRUE(parse_accepted(received, accepted));

  ASSERT_EQ(parse(received, nested(128)).error, errc::none);
  EXPECT_EQ(check(received), errc::too_many_ops);
  EXPECT_EQ(parse(received, nested(10'000)).error, errc::too_many_ops);
}

} // namespace
} // namespace troupe::service
