#include "actors/log/protobuf_log.hpp"

#include "actors/log/log.hpp"

#include <google/protobuf/stubs/logging.h>
#include <string>

namespace troupe::log {

namespace {

level level_of(google::protobuf::LogLevel theirs) {
  switch (theirs) {
  case google::protobuf::LOGLEVEL_INFO:
    return level::info;
  case google::protobuf::LOGLEVEL_WARNING:
    return level::warn;
  case google::protobuf::LOGLEVEL_ERROR:
    return level::error;
  case google::protobuf::LOGLEVEL_FATAL:
    return level::fatal;
  }
  return level::error;
}

void write_line(google::protobuf::LogLevel theirs, const char* file, int line,
                const std::string& text) {
  write(level_of(theirs), "protobuf",
        {{"text", text}, {"source", std::string{file} + ":" + std::to_string(line)}});
}

} // namespace

void take_over_from_protobuf() {
  google::protobuf::SetLogHandler(write_line);
}

} // namespace troupe::log
