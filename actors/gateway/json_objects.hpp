#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::gateway {

/// Cuts a text that comes in pieces into the JSON objects that it holds one after another, with or
/// without white space between them. Looks only for where an object ends: whether it is valid is
/// for the parser to say.
///
///     {"a":"}"} {"b":     then     {}}      gives     {"a":"}"}   {"b":{}}
class json_objects {
public:
  void add(std::string_view bytes);

  /// The next object, once it is complete.
  std::optional<std::string> next();

  /// What comes next is no object; `next` gives nothing any more.
  bool malformed() const {
    return malformed_;
  }

  /// An object has begun and not ended, as far as `next` has looked.
  bool unfinished() const {
    return depth_ > 0;
  }

  /// Bytes kept.
  std::size_t size() const {
    return text_.size() - begin_;
  }

private:
  bool ends_object(char c);
  void drop_taken();

  std::string text_;
  /// What is before it was given out.
  std::size_t begin_ = 0;
  /// What is before it was looked at.
  std::size_t scanned_ = 0;
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool malformed_ = false;
};

} // namespace troupe::gateway
