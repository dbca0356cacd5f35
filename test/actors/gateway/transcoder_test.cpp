// The conventions of etcd's gateway (etcd-semantics 17), and that every method has them.

#include "actors/gateway/request_json.hpp"
#include "actors/gateway/routes.hpp"
#include "actors/gateway/transcoder.hpp"
#include "messages/proto/rpc.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace troupe::gateway {
namespace {

namespace pb = google::protobuf;

const transcoder& json() {
  static const transcoder shared;
  return shared;
}

template <class Message>
Message read(rpc_method method, std::string_view text) {
  auto decoded = json().request(method, text);
  EXPECT_EQ(decoded.error, "") << text;
  Message result;
  EXPECT_TRUE(result.ParseFromString(decoded.message));
  return result;
}

std::string error_of(rpc_method method, std::string_view text) {
  return json().request(method, text).error;
}

TEST(transcoder, names_are_those_of_the_schema_or_in_lower_camel_case) {
  for (const char* text : {R"({"key":"YQ==","range_end":"Yg==","keys_only":true})",
                           R"({"key":"YQ==","rangeEnd":"Yg==","keysOnly":true})"}) {
    auto request = read<etcdserverpb::RangeRequest>(rpc_method::kv_range, text);
    EXPECT_EQ(request.key(), "a");
    EXPECT_EQ(request.range_end(), "b");
    EXPECT_TRUE(request.keys_only());
  }
  auto grant =
    read<etcdserverpb::LeaseGrantRequest>(rpc_method::lease_grant, R"({"TTL":9,"ID":"7"})");
  EXPECT_EQ(grant.ttl(), 9);
  EXPECT_EQ(grant.id(), 7);
  EXPECT_EQ(read<etcdserverpb::LeaseGrantRequest>(rpc_method::lease_grant, R"({"ttl":9})").ttl(), 0)
    << "case matters";
}

TEST(transcoder, integers_are_numbers_or_strings) {
  for (const char* text :
       {R"({"revision":9007199254740993})", R"({"revision":"9007199254740993"})"})
    EXPECT_EQ(read<etcdserverpb::RangeRequest>(rpc_method::kv_range, text).revision(),
              9007199254740993)
      << text;
  EXPECT_NE(error_of(rpc_method::kv_range, R"({"limit":"x"})"), "");
  EXPECT_NE(error_of(rpc_method::kv_range, R"({"limit":1.5})"), "");
  EXPECT_NE(error_of(rpc_method::kv_range, R"({"limit":"99999999999999999999"})"), "");
}

TEST(transcoder, integers_may_have_a_point_or_an_exponent) {
  for (const char* text : {R"({"limit":2e3})", R"({"limit":"2e3"})", R"({"limit":2000.0})"})
    EXPECT_EQ(read<etcdserverpb::RangeRequest>(rpc_method::kv_range, text).limit(), 2'000) << text;
}

TEST(transcoder, bytes_are_base64_of_either_alphabet_with_or_without_padding) {
  for (const char* text :
       {R"({"key":"+/8="})", R"({"key":"-_8="})", R"({"key":"+/8"})", R"({"key":"-_8"})"})
    EXPECT_EQ(read<etcdserverpb::RangeRequest>(rpc_method::kv_range, text).key(), "\xfb\xff")
      << text;
  EXPECT_NE(error_of(rpc_method::kv_range, R"({"key":"Z"})"), "");
  EXPECT_NE(error_of(rpc_method::kv_range, R"({"key":"a$b="})"), "");
  EXPECT_NE(error_of(rpc_method::kv_range, R"({"key":"Y Q=="})"), "");
  EXPECT_NE(error_of(rpc_method::kv_range, R"({"key":7})"), "");
}

TEST(transcoder, enum_values_are_names_or_numbers) {
  for (const char* text : {R"({"sort_order":"DESCEND"})", R"({"sort_order":2})"})
    EXPECT_EQ(read<etcdserverpb::RangeRequest>(rpc_method::kv_range, text).sort_order(),
              etcdserverpb::RangeRequest::DESCEND)
      << text;
}

// Passed over, a comparison would be another one.
TEST(transcoder, unknown_names_of_enum_values_are_refused) {
  EXPECT_NE(error_of(rpc_method::kv_range, R"({"sort_order":"DOWN"})"), "");
  EXPECT_NE(error_of(rpc_method::kv_range, R"({"sort_order":"DOWN","nothing":1})"), "");
  EXPECT_NE(
    error_of(rpc_method::kv_txn, R"({"compare":[{"target":"VALEU","key":"YQ==","value":"YQ=="}]})"),
    "");
}

TEST(transcoder, unknown_fields_are_passed_over) {
  auto request = read<etcdserverpb::PutRequest>(
    rpc_method::kv_put, R"({"key":"YQ==","nothing":{"x":[1,"{}",null]},"value":"Yg=="})");
  EXPECT_EQ(request.key(), "a");
  EXPECT_EQ(request.value(), "b");
}

// A pass whose cost grows with the square of the number of fields would take minutes.
TEST(transcoder, as_many_fields_as_a_request_can_hold_are_read) {
  std::string text = "{";
  for (int i = 0; i < 150'000; ++i)
    text += "\"u" + std::to_string(i) + "\":{},";
  auto request = read<etcdserverpb::PutRequest>(rpc_method::kv_put, text + R"("key":"YQ=="})");
  EXPECT_EQ(request.key(), "a");
}

TEST(transcoder, text_that_is_no_json_is_refused) {
  for (const char* text : {"{", "{\"key\":}", "{\"key\" \"a\"}", "{\"key\":\"YQ==\"", "[]", ""})
    EXPECT_NE(error_of(rpc_method::kv_put, text), "") << text;
}

TEST(transcoder, nesting_without_end_is_refused) {
  std::string deep = R"({"x":)";
  for (int i = 0; i < 100'000; ++i)
    deep += "[";
  EXPECT_NE(error_of(rpc_method::kv_put, deep), "");
}

TEST(transcoder, a_transaction_is_read_with_all_its_parts) {
  auto txn = read<etcdserverpb::TxnRequest>(rpc_method::kv_txn, R"({
    "compare":[{"result":"EQUAL","target":"CREATE","key":"YQ==","create_revision":"0"}],
    "success":[{"requestPut":{"key":"YQ==","value":"Yg=="}},
               {"request_delete_range":{"key":"Yw=="}}],
    "failure":[{"request_txn":{"success":[{"request_range":{"key":"YQ=="}}]}}]})");
  ASSERT_EQ(txn.compare_size(), 1);
  EXPECT_EQ(txn.compare(0).target_union_case(), etcdserverpb::Compare::kCreateRevision);
  ASSERT_EQ(txn.success_size(), 2);
  EXPECT_EQ(txn.success(0).request_put().value(), "b");
  EXPECT_EQ(txn.success(1).request_delete_range().key(), "c");
  EXPECT_EQ(txn.failure(0).request_txn().success(0).request_range().key(), "a");
}

TEST(transcoder, answers_leave_out_what_is_at_its_default) {
  etcdserverpb::RangeResponse range;
  range.mutable_header()->set_revision(5);
  range.mutable_header()->set_cluster_id(13455796455940752355U);
  auto* kv = range.add_kvs();
  kv->set_key("\xfb\xff");
  kv->set_mod_revision(5);
  range.set_count(1);
  EXPECT_EQ(json().answer(rpc_method::kv_range, range.SerializeAsString()),
            R"({"header":{"cluster_id":"13455796455940752355","revision":"5"},)"
            R"("kvs":[{"key":"+/8=","mod_revision":"5"}],"count":"1"})");
  EXPECT_EQ(json().answer(rpc_method::kv_range, ""), "{}");
}

TEST(transcoder, answers_use_the_names_of_the_schema) {
  etcdserverpb::LeaseTimeToLiveResponse lease;
  lease.set_id(7);
  lease.set_ttl(-1);
  lease.set_grantedttl(60);
  EXPECT_EQ(json().answer(rpc_method::lease_time_to_live, lease.SerializeAsString()),
            R"({"ID":"7","TTL":"-1","grantedTTL":"60"})");
  etcdserverpb::AlarmResponse alarms;
  auto* alarm = alarms.add_alarms();
  alarm->set_memberid(3);
  alarm->set_alarm(etcdserverpb::NOSPACE);
  EXPECT_EQ(json().answer(rpc_method::maintenance_alarm, alarms.SerializeAsString()),
            R"({"alarms":[{"memberID":"3","alarm":"NOSPACE"}]})");
  etcdserverpb::HashKVResponse hash;
  hash.set_hash(4'000'000'000U);
  EXPECT_EQ(json().answer(rpc_method::maintenance_hash_kv, hash.SerializeAsString()),
            R"({"hash":4000000000})");
}

TEST(transcoder, an_answer_that_is_nested_too_deep_cannot_be_written) {
  auto nested = [](int levels) {
    etcdserverpb::TxnResponse whole;
    auto* inner = &whole;
    for (int i = 0; i < levels; ++i)
      inner = inner->add_responses()->mutable_response_txn();
    inner->set_succeeded(true);
    return json().answer(rpc_method::kv_txn, whole.SerializeAsString());
  };
  EXPECT_EQ(nested(1), R"({"responses":[{"response_txn":{"succeeded":true}}]})");
  EXPECT_TRUE(nested(30));
  EXPECT_FALSE(nested(100));
}

/// A range in as many transactions within one another as make this number of messages.
std::string nested_request(std::size_t messages) {
  std::string text = R"({"success":[{"request_range":{"key":"YQ=="}}]})";
  for (; messages > 3; messages -= 2)
    text = R"({"success":[{"request_txn":)" + text + "}]}";
  return text;
}

std::string nested_answer(std::size_t messages) {
  etcdserverpb::TxnResponse whole;
  auto* range = whole.add_responses()->mutable_response_range();
  range->mutable_header()->set_revision(1);
  range->add_kvs()->set_key("a");
  for (; messages > 3; messages -= 2) {
    etcdserverpb::TxnResponse outer;
    *outer.add_responses()->mutable_response_txn() = std::move(whole);
    whole = std::move(outer);
  }
  return whole.SerializeAsString();
}

// Or it is carried out and its author is told that it failed.
TEST(transcoder, no_request_is_read_whose_answer_is_too_deep_to_be_written) {
  constexpr auto last = max_nested_messages - 1;
  EXPECT_EQ(error_of(rpc_method::kv_txn, nested_request(last)), "");
  EXPECT_TRUE(json().answer(rpc_method::kv_txn, nested_answer(last)));
  EXPECT_EQ(error_of(rpc_method::kv_txn, nested_request(last + 2)),
            "the request is nested too deeply");
  EXPECT_FALSE(json().answer(rpc_method::kv_txn, nested_answer(last + 2)))
    << "more could be allowed";
}

TEST(transcoder, errors_are_json_whatever_the_text) {
  EXPECT_EQ(status_json(grpc_code::not_found, "no \"x\"\n"),
            R"({"code":5,"message":"no \"x\"\n"})");
  EXPECT_EQ(status_json(grpc_code::internal, "\xff"), "{\"code\":13,\"message\":\"\xef\xbf\xbd\"}");
}

/// Sets every field, those of messages up to `depth`, to a value that is not its default.
void fill(pb::Message& message, int depth) {
  const auto* reflection = message.GetReflection();
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    auto put = [&](auto add, auto set, auto value) {
      field->is_repeated() ? (reflection->*add)(&message, field, value)
                           : (reflection->*set)(&message, field, value);
    };
    using R = pb::Reflection;
    switch (field->cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_INT32:
      put(&R::AddInt32, &R::SetInt32, -3 - i);
      break;
    case pb::FieldDescriptor::CPPTYPE_INT64:
      put(&R::AddInt64, &R::SetInt64, std::int64_t{-9'007'199'254'740'993} - i);
      break;
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      put(&R::AddUInt32, &R::SetUInt32, 4'000'000'000U + static_cast<unsigned>(i));
      break;
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      put(&R::AddUInt64, &R::SetUInt64, std::uint64_t{18'000'000'000'000'000'001U});
      break;
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      put(&R::AddDouble, &R::SetDouble, 0.25);
      break;
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      put(&R::AddFloat, &R::SetFloat, 0.25F);
      break;
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      put(&R::AddBool, &R::SetBool, true);
      break;
    case pb::FieldDescriptor::CPPTYPE_ENUM: {
      const auto* values = field->enum_type();
      const auto* last = values->value(values->value_count() - 1);
      field->is_repeated() ? reflection->AddEnum(&message, field, last)
                           : reflection->SetEnum(&message, field, last);
      break;
    }
    case pb::FieldDescriptor::CPPTYPE_STRING: {
      std::string value =
        field->type() == pb::FieldDescriptor::TYPE_BYTES ? std::string{"\0\xff{\"", 4} : "\"<ü>\\";
      field->is_repeated() ? reflection->AddString(&message, field, value)
                           : reflection->SetString(&message, field, value);
      break;
    }
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth > 0 && field->is_map() == false)
        fill(*(field->is_repeated() ? reflection->AddMessage(&message, field)
                                    : reflection->MutableMessage(&message, field)),
             depth - 1);
      break;
    }
  }
}

// Requests and answers have the same conventions, so that each type can be written by one method
// and read by another: here by protobuf's own functions.
TEST(transcoder, every_method_is_read_and_written_without_loss) {
  pb::util::JsonPrintOptions names_of_schema;
  names_of_schema.preserve_proto_field_names = true;
  for (const auto& route : routes()) {
    const auto& shape = shape_of(route.method);
    auto name = std::string{shape.service} + "." + std::string{shape.name};
    SCOPED_TRACE(name);
    const auto* method = pb::DescriptorPool::generated_pool()->FindMethodByName(name);
    ASSERT_NE(method, nullptr);
    EXPECT_EQ(method->client_streaming(), shape.client_stream);
    EXPECT_EQ(method->server_streaming(), shape.server_stream);
    auto* factory = pb::MessageFactory::generated_factory();
    std::unique_ptr<pb::Message> request{factory->GetPrototype(method->input_type())->New()};
    fill(*request, 3);
    std::string text;
    ASSERT_TRUE(pb::util::MessageToJsonString(*request, &text, names_of_schema).ok());
    auto decoded = json().request(route.method, text);
    EXPECT_EQ(decoded.error, "");
    std::unique_ptr<pb::Message> read{request->New()};
    ASSERT_TRUE(read->ParseFromString(decoded.message));
    EXPECT_TRUE(pb::util::MessageDifferencer::Equals(*request, *read)) << text;

    std::unique_ptr<pb::Message> answer{factory->GetPrototype(method->output_type())->New()};
    fill(*answer, 3);
    auto written = json().answer(route.method, answer->SerializeAsString());
    ASSERT_TRUE(written);
    std::unique_ptr<pb::Message> back{answer->New()};
    ASSERT_TRUE(pb::util::JsonStringToMessage(*written, back.get()).ok()) << *written;
    EXPECT_TRUE(pb::util::MessageDifferencer::Equals(*answer, *back)) << *written;
  }
}

} // namespace
} // namespace troupe::gateway
