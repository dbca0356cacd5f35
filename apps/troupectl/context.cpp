#include "apps/troupectl/command.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/globals.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/safe_text.hpp"

#include <unistd.h>

namespace troupe::ctl {

context::context(const invocation& how, parsed_arguments parsed, terminal streams)
    : how(how), arguments(std::move(parsed.positional)), in(streams.in), out(streams.out),
      err(streams.err), in_is_terminal(streams.in_is_terminal),
      out_is_terminal(streams.out_is_terminal), err_is_terminal(streams.err_is_terminal),
      flags_(std::move(parsed.flags)) {}

void context::read_settings() {
  if (connection_)
    return;
  bool ours = !how.as_etcdctl() && flags_.given("output");
  if (ours && flags_.given("write-out"))
    throw command_failed(exit_bad_arguments,
                         "`--output` and `--write-out` cannot be set at the same time, choose one");
  std::vector<std::string> environment;
  for (char** one = environ; *one != nullptr; ++one)
    environment.emplace_back(*one);
  apply_environment(flags_, environment, err);
  if (ours)
    flags_.set(*flags_.find("write-out"), flags_.text("output"), "output");
  if (flags_.boolean("debug"))
    print_settings(flags_, err);
  auto connection = connection_of(flags_);
  printing_ = {.hex = flags_.boolean("hex"),
               .safe = how.makes_safe(out_is_terminal),
               .safe_errors = how.makes_safe(err_is_terminal),
               .bytes =
                 ours && !flags_.boolean("base64") ? bytes_form::readable : bytes_form::base64};
  printer_ = make_printer(flags_.text("write-out"), printing_, out, err);
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
  auto values_only = printing_;
  values_only.value_only = true;
  printer_ = make_printer("simple", values_only, out, err);
  return *printer_;
}

bool context::simple() {
  read_settings();
  return flags_.text("write-out") == "simple";
}

bool context::json_lines() {
  if (simple())
    return false;
  if (flags_.text("write-out") != "json")
    throw command_failed(exit_bad_feature, flags_.text("write-out")
                                             + " not supported as output format; choose simple or "
                                               "json");
  return true;
}

bytes_form context::form() {
  read_settings();
  return printing_.bytes;
}

std::string context::shown(std::string_view bytes) {
  read_settings();
  return printing_.hex ? go::escaped_hex(bytes) : safe_line(bytes);
}

std::string context::for_out(std::string_view text) const {
  return safe_text_if(how.makes_safe(out_is_terminal), text);
}

std::string context::for_err(std::string_view text) const {
  return safe_text_if(how.makes_safe(err_is_terminal), text);
}

void context::check_output() {
  if (!out)
    throw command_failed(exit_io, "the output cannot be written");
}

} // namespace troupe::ctl
