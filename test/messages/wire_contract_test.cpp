// The compiled-in messages are etcd's API, no more and no less: etcd_api.tsv lists every service,
// method, message, field, enum and enum value, one per line, and both directions must agree.

#include "messages/proto/auth.pb.h"
#include "messages/proto/kv.pb.h"
#include "messages/proto/rpc.pb.h"
#include "messages/proto/v3election.pb.h"
#include "messages/proto/v3lock.pb.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace troupe {
namespace {

namespace pb = google::protobuf;

/// Lines of the table, or descriptors rendered as such lines.
using row_set = std::set<std::string>;

/// The files of the five packages. Asking a message for its descriptor also keeps the linker from
/// dropping its file from the static library.
std::vector<const pb::FileDescriptor*> api_files() {
  const std::array<const pb::Descriptor*, 5> one_of_each{
    mvccpb::KeyValue::descriptor(), authpb::User::descriptor(),
    etcdserverpb::RangeRequest::descriptor(), v3lockpb::LockRequest::descriptor(),
    v3electionpb::LeaderKey::descriptor()};
  std::vector<const pb::FileDescriptor*> files;
  for (const auto* message : one_of_each)
    files.push_back(pb::DescriptorPool::generated_pool()->FindFileByName(message->file()->name()));
  return files;
}

/// The cells of one line; those that do not apply to a kind stay empty.
struct row {
  std::string package{}, kind{}, name{}, field_or_value{}, number{}, label{}, type{};
  std::string request{}, response{}, client_stream{}, server_stream{};

  std::string line() const {
    std::string result = package;
    for (const auto* cell : {&kind, &name, &field_or_value, &number, &label, &type, &request,
                             &response, &client_stream, &server_stream})
      result.append("\t").append(*cell);
    return result;
  }
};

/// `full_name` without `package`; names of other packages stay whole, as the table has them.
std::string relative(const std::string& full_name, const std::string& package) {
  return full_name.starts_with(package + ".") ? full_name.substr(package.size() + 1) : full_name;
}

std::string label_of(const pb::FieldDescriptor& field) {
  // The keyword changes nothing on the wire but gives the field a presence etcd's do not have.
  if (field.has_optional_keyword())
    return "optional keyword";
  if (const auto* oneof = field.real_containing_oneof())
    return "oneof " + oneof->name();
  if (field.is_map())
    return "map";
  return field.is_repeated() ? "repeated" : "optional";
}

std::string type_of(const pb::FieldDescriptor& field) {
  const auto& package = field.file()->package();
  if (field.type() == pb::FieldDescriptor::TYPE_MESSAGE)
    return relative(field.message_type()->full_name(), package);
  if (field.type() == pb::FieldDescriptor::TYPE_ENUM)
    return relative(field.enum_type()->full_name(), package);
  return field.type_name();
}

void add_enum(const pb::EnumDescriptor& type, row_set& rows) {
  const auto& package = type.file()->package();
  const auto name = relative(type.full_name(), package);
  rows.insert(row{.package = package, .kind = "enum", .name = name, .type = "enum"}.line());
  for (int i = 0; i < type.value_count(); ++i)
    rows.insert(row{.package = package,
                    .kind = "enum",
                    .name = name,
                    .field_or_value = type.value(i)->name(),
                    .number = std::to_string(type.value(i)->number()),
                    .label = "value"}
                  .line());
}

void add_message(const pb::Descriptor& type, row_set& rows) {
  const auto& package = type.file()->package();
  const auto name = relative(type.full_name(), package);
  rows.insert(row{.package = package, .kind = "message", .name = name, .type = "message"}.line());
  for (int i = 0; i < type.field_count(); ++i)
    rows.insert(row{.package = package,
                    .kind = "message",
                    .name = name,
                    .field_or_value = type.field(i)->name(),
                    .number = std::to_string(type.field(i)->number()),
                    .label = label_of(*type.field(i)),
                    .type = type_of(*type.field(i))}
                  .line());
  for (int i = 0; i < type.enum_type_count(); ++i)
    add_enum(*type.enum_type(i), rows);
  for (int i = 0; i < type.nested_type_count(); ++i)
    add_message(*type.nested_type(i), rows);
}

void add_service(const pb::ServiceDescriptor& service, row_set& rows) {
  const auto& package = service.file()->package();
  const auto yes_no = [](bool is) { return std::string{is ? "yes" : "no"}; };
  rows.insert(
    row{.package = package, .kind = "service", .name = service.name(), .type = "service"}.line());
  for (int i = 0; i < service.method_count(); ++i) {
    const auto& method = *service.method(i);
    rows.insert(row{.package = package,
                    .kind = "method",
                    .name = service.name(),
                    .field_or_value = method.name(),
                    .type = "rpc",
                    .request = relative(method.input_type()->full_name(), package),
                    .response = relative(method.output_type()->full_name(), package),
                    .client_stream = yes_no(method.client_streaming()),
                    .server_stream = yes_no(method.server_streaming())}
                  .line());
  }
}

row_set compiled_rows() {
  row_set rows;
  for (const auto* file : api_files()) {
    for (int i = 0; i < file->service_count(); ++i)
      add_service(*file->service(i), rows);
    for (int i = 0; i < file->message_type_count(); ++i)
      add_message(*file->message_type(i), rows);
    for (int i = 0; i < file->enum_type_count(); ++i)
      add_enum(*file->enum_type(i), rows);
  }
  return rows;
}

/// The table without its heading; empty if it cannot be read.
row_set table_rows() {
  std::ifstream table{ETCD_API_TABLE};
  std::string line;
  std::getline(table, line);
  row_set rows;
  while (std::getline(table, line))
    EXPECT_TRUE(rows.insert(line).second) << "twice in the table: " << line;
  return rows;
}

std::vector<std::string> minus(const row_set& left, const row_set& right) {
  std::vector<std::string> rest;
  std::ranges::set_difference(left, right, std::back_inserter(rest));
  return rest;
}

TEST(wire_contract, has_everything_the_table_lists) {
  const auto table = table_rows();
  ASSERT_FALSE(table.empty()) << "cannot read " << ETCD_API_TABLE;
  EXPECT_EQ(minus(table, compiled_rows()), std::vector<std::string>{});
}

TEST(wire_contract, has_nothing_the_table_lacks) {
  EXPECT_EQ(minus(compiled_rows(), table_rows()), std::vector<std::string>{});
}

// proto3 packs repeated enums, skips zero values on the wire and keeps unknown enum numbers.
TEST(wire_contract, is_proto3_throughout) {
  for (const auto* file : api_files())
    EXPECT_EQ(file->syntax(), pb::FileDescriptor::SYNTAX_PROTO3) << file->name();
}

} // namespace
} // namespace troupe
