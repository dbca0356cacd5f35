#pragma once

#include "apps/troupectl/printer.hpp"

#include <google/protobuf/message.h>
#include <string>
#include <string_view>

/// Go's encoding/json of the structs that Go generates from a message: fields in the order of their
/// declaration under their names in the schema, zero values left out, 64 bit integers and
/// enumerations as plain numbers, bytes in base64. This is not the JSON form of Protobuf.
namespace troupe::ctl::go {

/// A string with its quotes; <, > and & escaped, what is not UTF-8 replaced by U+FFFD.
std::string json_string(std::string_view text);

std::string base64(std::string_view bytes);

/// Keys and values, with quotes and braces.
std::string json_bytes(std::string_view bytes, bytes_form form);

/// The whole object, braces included.
std::string json(const google::protobuf::Message& message, bytes_form form = bytes_form::base64);

/// Only its fields, `"name":value` joined by commas: what Go prints for an embedded struct.
std::string json_fields(const google::protobuf::Message& message,
                        bytes_form form = bytes_form::base64);

} // namespace troupe::ctl::go
