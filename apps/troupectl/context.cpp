#include "apps/troupectl/command.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/globals.hpp"

#include <unistd.h>

namespace troupe::ctl {

context::context(const invocation& how, parsed_arguments parsed, terminal streams)
    : how(how), arguments(std::move(parsed.positional)), in(streams.in), out(streams.out),
      err(streams.err), flags_(std::move(parsed.flags)) {}

void context::read_settings() {
  if (connection_)
    return;
  std::vector<std::string> environment;
  for (char** one = environ; *one != nullptr; ++one)
    environment.emplace_back(*one);
  apply_environment(flags_, environment, err);
  if (flags_.boolean("debug"))
    print_settings(flags_, err);
  auto connection = connection_of(flags_);
  printer_ = make_printer(flags_.text("write-out"), {.hex = flags_.boolean("hex")}, out, err);
  if (printer_ == nullptr)
    throw command_failed(exit_bad_feature, "unsupported output format");
  connection_ = std::move(connection);
}

const client_options& context::connection() {
  read_settings();
  return *connection_;
}

client& context::client() {
  if (client_ == nullptr)
    client_ = std::make_unique<ctl::client>(connection());
  return *client_;
}

std::unique_ptr<client> context::client_of(std::vector<std::string> endpoints) {
  auto options = connection();
  options.endpoints = std::move(endpoints);
  return std::make_unique<ctl::client>(std::move(options));
}

printer& context::display() {
  read_settings();
  return *printer_;
}

printer& context::display_values_only() {
  read_settings();
  printer_ = make_printer("simple", {.hex = flags_.boolean("hex"), .value_only = true}, out, err);
  return *printer_;
}

bool context::simple() {
  read_settings();
  return flags_.text("write-out") == "simple";
}

} // namespace troupe::ctl
