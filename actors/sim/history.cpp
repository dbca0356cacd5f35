#include "actors/sim/history.hpp"

#include <array>
#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <string_view>
#include <utility>

namespace troupe::sim {

namespace {

using nlohmann::json;

template <class Enum>
using names = std::array<std::pair<std::string_view, Enum>, 5>;

constexpr names<kv_compare::field> field_names = {{
  {"version", kv_compare::field::version},
  {"create_revision", kv_compare::field::create_revision},
  {"mod_revision", kv_compare::field::mod_revision},
  {"value", kv_compare::field::value},
  {"lease", kv_compare::field::lease},
}};

constexpr std::array<std::pair<std::string_view, kv_compare::relation>, 4> relation_names = {{
  {"=", kv_compare::relation::equal},
  {"!=", kv_compare::relation::not_equal},
  {">", kv_compare::relation::greater},
  {"<", kv_compare::relation::less},
}};

constexpr std::array<std::pair<std::string_view, kv_request::type>, 3> request_names = {{
  {"range", kv_request::type::range},
  {"put", kv_request::type::put},
  {"delete", kv_request::type::delete_range},
}};

constexpr names<lease_operation::type> lease_names = {{
  {"grant", lease_operation::type::grant},
  {"keep_alive", lease_operation::type::keep_alive},
  {"time_to_live", lease_operation::type::time_to_live},
  {"revoke", lease_operation::type::revoke},
  {"gone", lease_operation::type::gone},
}};

template <class Names, class Enum>
std::string name_in(const Names& names, Enum value) {
  for (const auto& [name, named] : names)
    if (named == value)
      return std::string{name};
  throw history_error{"a value without a name"};
}

template <class Names>
auto value_in(const Names& names, const std::string& wanted) {
  for (const auto& [name, named] : names)
    if (name == wanted)
      return named;
  throw history_error{"\"" + wanted + "\" is not known here"};
}

/// JSON knows characters only: a byte is the character of its number, and back.
std::string text_of(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (unsigned char c : bytes) {
    if (c >= 0x80)
      text.push_back(static_cast<char>(0xc0 | c >> 6));
    text.push_back(static_cast<char>(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
  }
  return text;
}

std::string bytes_of(const std::string& text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0xc4)
      throw history_error{"a character above FF in a key or value"};
    if (c >= 0xc0) // the parser has seen to it that one more byte follows
      c = static_cast<unsigned char>(c << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f));
    bytes.push_back(static_cast<char>(c));
  }
  return bytes;
}

/// One JSON object; a member that nobody asked for is an error, so that no typing mistake makes a
/// history look simpler than it was.
class reader {
public:
  explicit reader(const json& object) : object_(object) {
    if (!object.is_object())
      throw history_error{"an object is missing"};
  }

  const json* find(const std::string& name) {
    asked_.insert(name);
    auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }

  std::int64_t number(const std::string& name, std::int64_t otherwise = 0) {
    const auto* found = find(name);
    if (found && !found->is_number_integer())
      throw history_error{"\"" + name + "\" is no integer"};
    return found ? found->get<std::int64_t>() : otherwise;
  }

  bool flag(const std::string& name, bool otherwise = false) {
    const auto* found = find(name);
    if (found && !found->is_boolean())
      throw history_error{"\"" + name + "\" is neither true nor false"};
    return found ? found->get<bool>() : otherwise;
  }

  std::string text(const std::string& name) {
    const auto* found = find(name);
    if (found && !found->is_string())
      throw history_error{"\"" + name + "\" is no text"};
    return found ? found->get<std::string>() : std::string{};
  }

  std::string bytes(const std::string& name) {
    return bytes_of(text(name));
  }

  template <class Element>
  auto list(const std::string& name, Element read) {
    std::vector<decltype(read(object_))> result;
    if (const auto* found = find(name)) {
      if (!found->is_array())
        throw history_error{"\"" + name + "\" is no list"};
      for (const auto& element : *found)
        result.push_back(read(element));
    }
    return result;
  }

  void finish() const {
    for (const auto& [name, value] : object_.items())
      if (!asked_.contains(name))
        throw history_error{"\"" + name + "\" is not known here"};
  }

private:
  const json& object_;
  std::set<std::string> asked_;
};

mvcc::key_value read_key_value(const json& object) {
  reader in{object};
  mvcc::key_value kv{.key = in.bytes("key"),
                     .value = in.bytes("value"),
                     .create_revision = in.number("create_revision"),
                     .mod_revision = in.number("mod_revision"),
                     .version = in.number("version"),
                     .lease = {in.number("lease")}};
  in.finish();
  return kv;
}

kv_request read_request(kv_request::type kind, const json& object) {
  reader in{object};
  kv_request x{.kind = kind, .key = in.bytes("key")};
  if (kind != kv_request::type::put)
    x.range_end = in.bytes("range_end");
  if (kind == kv_request::type::put) {
    x.value = in.bytes("value");
    x.lease.value = in.number("lease");
  }
  if (kind == kv_request::type::range) {
    x.revision = in.number("revision");
    x.limit = in.number("limit");
  } else {
    x.prev_kv = in.flag("prev_kv");
  }
  in.finish();
  if (x.key.empty())
    throw history_error{"a request without a key"};
  return x;
}

kv_request read_request_in_txn(const json& object) {
  if (!object.is_object() || object.size() != 1)
    throw history_error{"one request is missing in a branch"};
  auto name = object.begin().key();
  auto request = read_request(value_in(request_names, name), object.begin().value());
  if (request.revision != 0)
    throw history_error{"a range at a revision cannot stand in a txn"};
  return request;
}

kv_compare read_compare(const json& object) {
  reader in{object};
  kv_compare x{.key = in.bytes("key")};
  x.target = value_in(field_names, in.text("target"));
  x.is = value_in(relation_names, in.text("is"));
  if (x.target == kv_compare::field::value)
    x.value = in.bytes("to");
  else
    x.number = in.number("to");
  in.finish();
  return x;
}

kv_answer read_answer(const json& object) {
  reader in{object};
  kv_answer x{.count = in.number("count"), .kvs = in.list("kvs", read_key_value)};
  in.finish();
  return x;
}

kv_result read_result(const kv_call& call, const json& object) {
  reader in{object};
  kv_result x{.revision = in.number("revision"),
              .succeeded = in.flag("succeeded", true),
              .answers = in.list("answers", read_answer)};
  in.finish();
  const auto& branch = x.succeeded ? call.success : call.failure;
  if (x.answers.empty())
    x.answers.resize(branch.size());
  if (x.answers.size() != branch.size())
    throw history_error{"not one answer for each request"};
  return x;
}

/// The call on this line, if it is one.
std::optional<kv_call> read_call(reader& in) {
  std::vector<kv_call> calls;
  for (const auto& [name, kind] : request_names)
    if (const auto* request = in.find(std::string{name}))
      calls.push_back({.success = {read_request(kind, *request)}});
  if (const auto* object = in.find("txn")) {
    reader txn{*object};
    calls.push_back({.compares = txn.list("compare", read_compare),
                     .success = txn.list("success", read_request_in_txn),
                     .failure = txn.list("failure", read_request_in_txn)});
    txn.finish();
  }
  if (calls.size() > 1)
    throw history_error{"more than one request"};
  if (calls.empty())
    return std::nullopt;
  calls.front().serializable = in.flag("serializable");
  return std::move(calls.front());
}

lease_operation read_lease_operation(reader& in) {
  for (const auto& [name, kind] : lease_names)
    if (const auto* object = in.find(std::string{name})) {
      reader request{*object};
      lease_operation x{.kind = kind, .lease = {request.number("lease")}};
      request.finish();
      if (in.find("ttl"))
        x.ttl_seconds = in.number("ttl");
      return x;
    }
  throw history_error{"no request"};
}

void read_line(const json& line, history& to) {
  reader in{line};
  auto client = in.text("client");
  auto invoked = in.number("invoke");
  auto returned = in.number("return", open_end);
  if (returned < invoked)
    throw history_error{"it returned before it was invoked"};
  if (auto call = read_call(in)) {
    operation x{.client = std::move(client),
                .member = in.text("member"),
                .invoked = invoked,
                .returned = returned,
                .call = std::move(*call)};
    if (const auto* result = in.find("result"))
      x.result = read_result(x.call, *result);
    else
      x.returned = open_end;
    if (x.result && returned == open_end)
      throw history_error{"an answer without the time of it"};
    to.operations.push_back(std::move(x));
  } else {
    auto x = read_lease_operation(in);
    x.client = std::move(client);
    x.invoked = invoked;
    x.returned = x.ttl_seconds ? returned : open_end;
    to.leases.push_back(std::move(x));
  }
  in.finish();
}

json json_of(const mvcc::key_value& kv) {
  return {{"key", text_of(kv.key)},
          {"value", text_of(kv.value)},
          {"create_revision", kv.create_revision},
          {"mod_revision", kv.mod_revision},
          {"version", kv.version},
          {"lease", kv.lease.value}};
}

json json_of(const kv_request& x) {
  json out{{"key", text_of(x.key)}};
  if (!x.range_end.empty())
    out["range_end"] = text_of(x.range_end);
  if (x.kind == kv_request::type::put)
    out["value"] = text_of(x.value);
  if (x.lease.value != 0)
    out["lease"] = x.lease.value;
  if (x.revision != 0)
    out["revision"] = x.revision;
  if (x.limit != 0)
    out["limit"] = x.limit;
  if (x.prev_kv)
    out["prev_kv"] = true;
  return out;
}

json json_of(const kv_compare& x) {
  json out{{"key", text_of(x.key)},
           {"target", name_in(field_names, x.target)},
           {"is", name_in(relation_names, x.is)}};
  if (x.target == kv_compare::field::value)
    out["to"] = text_of(x.value);
  else
    out["to"] = x.number;
  return out;
}

json json_of(const kv_result& x) {
  json answers = json::array();
  for (const auto& answer : x.answers) {
    json one = json::object();
    if (answer.count != 0)
      one["count"] = answer.count;
    for (const auto& kv : answer.kvs)
      one["kvs"].push_back(json_of(kv));
    answers.push_back(std::move(one));
  }
  json out{{"revision", x.revision}, {"answers", std::move(answers)}};
  if (!x.succeeded)
    out["succeeded"] = false;
  return out;
}

/// A txn is what cannot be told as a single request.
bool is_txn(const kv_call& call) {
  return call.success.size() != 1 || !call.compares.empty() || !call.failure.empty();
}

void add_call(const kv_call& call, json& line) {
  if (call.serializable)
    line["serializable"] = true;
  if (!is_txn(call)) {
    const auto& request = call.success.front();
    line[name_in(request_names, request.kind)] = json_of(request);
    return;
  }
  auto& txn = line["txn"] = json::object();
  for (const auto& x : call.compares)
    txn["compare"].push_back(json_of(x));
  for (const auto& x : call.success)
    txn["success"].push_back({{name_in(request_names, x.kind), json_of(x)}});
  for (const auto& x : call.failure)
    txn["failure"].push_back({{name_in(request_names, x.kind), json_of(x)}});
}

json json_of(const operation& x) {
  json line{{"client", x.client}, {"invoke", x.invoked}};
  if (!x.member.empty())
    line["member"] = x.member;
  add_call(x.call, line);
  if (x.result) {
    line["return"] = x.returned;
    line["result"] = json_of(*x.result);
  }
  return line;
}

json json_of(const lease_operation& x) {
  json line{{"client", x.client}, {"invoke", x.invoked}};
  line[name_in(lease_names, x.kind)] = {{"lease", x.lease.value}};
  if (x.ttl_seconds) {
    line["return"] = x.returned;
    line["ttl"] = *x.ttl_seconds;
  }
  return line;
}

constexpr std::size_t shown_bytes = 320;

std::string shown(json line) {
  std::string text = "client " + line["client"].get<std::string>() + ", invoked "
                     + line["invoke"].dump() + ", "
                     + (line.contains("return") ? "returned " + line["return"].dump()
                                                : std::string{"never answered"})
                     + ": ";
  line.erase("client");
  line.erase("invoke");
  line.erase("return");
  auto rest = line.dump();
  if (rest.size() > shown_bytes)
    rest = rest.substr(0, shown_bytes) + "...";
  return text + rest;
}

} // namespace

history read_history(std::istream& lines) {
  history result;
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    try {
      if (!line.empty())
        read_line(json::parse(line), result);
    } catch (const history_error& error) {
      throw history_error{"line " + std::to_string(number) + ": " + error.what()};
    } catch (const json::exception& error) {
      throw history_error{"line " + std::to_string(number) + ": " + error.what()};
    }
  }
  return result;
}

void write_line(std::ostream& out, const operation& x) {
  out << json_of(x).dump() << '\n';
}

void write_line(std::ostream& out, const lease_operation& x) {
  out << json_of(x).dump() << '\n';
}

std::string describe(const operation& x) {
  return shown(json_of(x));
}

std::string describe(const lease_operation& x) {
  return shown(json_of(x));
}

} // namespace troupe::sim
