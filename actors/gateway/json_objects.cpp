#include "actors/gateway/json_objects.hpp"

namespace troupe::gateway {

namespace {

// Taken text is dropped from the front in steps, not object by object.
constexpr std::size_t drop_step_bytes = 65'536;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

} // namespace

void json_objects::add(std::string_view bytes) {
  text_ += bytes;
}

std::optional<std::string> json_objects::next() {
  while (!malformed_ && scanned_ < text_.size()) {
    auto c = text_[scanned_++];
    if (depth_ == 0) {
      begin_ = scanned_ - 1;
      malformed_ = c != '{' && !is_space(c);
      depth_ = c == '{' ? 1 : 0;
    } else if (ends_object(c)) {
      auto result = text_.substr(begin_, scanned_ - begin_);
      begin_ = scanned_;
      drop_taken();
      return result;
    }
  }
  if (depth_ == 0)
    begin_ = scanned_;
  drop_taken();
  return std::nullopt;
}

bool json_objects::ends_object(char c) {
  if (in_string_) {
    if (escaped_)
      escaped_ = false;
    else if (c == '\\')
      escaped_ = true;
    else if (c == '"')
      in_string_ = false;
    return false;
  }
  if (c == '"')
    in_string_ = true;
  else if (c == '{' || c == '[')
    ++depth_;
  else if (c == '}' || c == ']')
    --depth_;
  return depth_ == 0;
}

void json_objects::drop_taken() {
  if (begin_ < drop_step_bytes && begin_ < text_.size())
    return;
  text_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
}

} // namespace troupe::gateway
