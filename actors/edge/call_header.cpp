#include "actors/edge/call_header.hpp"

#include <utility>

namespace troupe {

namespace {

// What one call may leave behind in memory for the next, per field.
constexpr std::size_t max_kept_string = 512;

void forget(std::string& x) {
  x.clear();
  if (x.capacity() > max_kept_string)
    x.shrink_to_fit();
}

bool is_binary_metadata(std::string_view name) {
  return name.ends_with("-bin") && !name.starts_with("grpc-");
}

std::string quoted_behind(std::string text, std::string_view quoted) {
  append_quoted(text, quoted);
  return text;
}

} // namespace

void call_header::set_path(std::string_view path, const rpc_shape* shape) {
  shape_ = shape;
  if (shape == nullptr)
    path_.assign(path);
}

void call_header::add(std::string_view name, std::string_view value) {
  if (name == "content-type") {
    grpc_content_ = is_grpc_content_type(value);
    if (!grpc_content_)
      bad_content_type_.assign(value);
  } else if (name == ":method") {
    if (value != "POST")
      bad_method_.assign(value);
  } else if (name == "grpc-timeout") {
    add_timeout(value);
  } else if (name == "grpc-encoding") {
    encoding_.assign(value == "identity" ? std::string_view{} : value);
  } else if (name == "token") {
    token_.assign(value);
  } else if (name == "authorization") {
    authorization_.assign(value);
  } else if (name == "hasleader") {
    require_leader_ = value == "true";
  } else if (name == "client-api-version") {
    client_api_version_.assign(value);
  } else if (is_binary_metadata(name)) {
    add_binary(name, value);
  }
}

void call_header::add_timeout(std::string_view value) {
  std::string why;
  if (auto timeout = parse_grpc_timeout(value, why))
    timeout_ = *timeout;
  else if (bad_field_.empty())
    bad_field_ = "malformed grpc-timeout: " + why;
}

void call_header::add_binary(std::string_view name, std::string_view value) {
  auto bad = find_bad_base64(value);
  if (!bad || !bad_field_.empty())
    return;
  bad_field_ = quoted_behind("malformed binary metadata ", value);
  bad_field_ = quoted_behind(bad_field_ + " in header ", name);
  bad_field_ += ": illegal base64 data at input byte " + std::to_string(*bad);
}

std::optional<call_header::refused> call_header::refusal() const {
  if (!grpc_content_)
    return refused{"415",
                   {grpc_code::invalid_argument,
                    quoted_behind("invalid gRPC request content-type ", bad_content_type_)}};
  if (!bad_field_.empty())
    return refused{"400", {grpc_code::internal, bad_field_}};
  if (!bad_method_.empty())
    return refused{
      "405",
      {grpc_code::internal, quoted_behind("Received a HEADERS frame with :method ", bad_method_)
                              + " which should be POST"}};
  if (shape_ == nullptr)
    return refused{"200", refuse_path(path_)};
  if (!encoding_.empty())
    return refused{
      "200",
      {grpc_code::unimplemented,
       quoted_behind("grpc: Decompressor is not installed for grpc-encoding ", encoding_)}};
  return std::nullopt;
}

std::shared_ptr<const call_metadata>
call_header::metadata(std::shared_ptr<const call_metadata> last, const std::string& remote) const {
  const auto& token = token_.empty() ? authorization_ : token_;
  if (last && last->token == token && last->require_leader == require_leader_
      && last->client_api_version == client_api_version_)
    return last;
  return std::make_shared<const call_metadata>(
    call_metadata{token, require_leader_, client_api_version_, remote});
}

void call_header::reset() {
  shape_ = nullptr;
  timeout_ = std::chrono::nanoseconds::max();
  require_leader_ = false;
  grpc_content_ = false;
  forget_fields();
}

void call_header::forget_fields() {
  for (auto* x : {&path_, &encoding_, &token_, &authorization_, &client_api_version_,
                  &bad_content_type_, &bad_field_, &bad_method_})
    forget(*x);
}

} // namespace troupe
