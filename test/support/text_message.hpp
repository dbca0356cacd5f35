#pragma once

#include <google/protobuf/text_format.h>
#include <stdexcept>
#include <string>

namespace troupe::test {

/// A message from protobuf's text format. @throws std::invalid_argument
template <class Message>
Message parse(const std::string& text) {
  Message message;
  if (!google::protobuf::TextFormat::ParseFromString(text, &message))
    throw std::invalid_argument{"not a message: " + text};
  return message;
}

} // namespace troupe::test
