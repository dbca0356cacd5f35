#pragma once

#include "apps/troupectl/client.hpp"
#include "apps/troupectl/flags.hpp"
#include "apps/troupectl/printer.hpp"
#include "apps/troupectl/run.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::ctl {

/// What a command works with. The connection and the format are read from the global flags (and
/// their environment) when first asked for: mistakes in the command's own arguments come first.
class context {
public:
  context(const invocation& how, parsed_arguments parsed, terminal streams);

  const invocation& how;
  const std::vector<std::string> arguments; // what is neither command nor flag
  std::istream& in;
  std::ostream& out;
  std::ostream& err;

  const flag_values& flags() const {
    return flags_;
  }

  /// To the endpoints of --endpoints. @throws command_failed
  ctl::client& client();

  /// The same to others. @throws command_failed
  std::unique_ptr<ctl::client> client_of(std::vector<std::string> endpoints);

  /// What the global flags say about the connection. @throws command_failed
  const client_options& connection();

  /// @throws command_failed if there is no such format
  printer& display();

  /// display() with --print-value-only.
  printer& display_values_only();

  bool simple();

private:
  void read_settings();

  flag_values flags_;
  std::optional<client_options> connection_;
  std::unique_ptr<ctl::client> client_;
  std::unique_ptr<printer> printer_;
};

/// One line of the table in command_table.cpp.
struct command {
  std::string_view path;  // "get", "lease grant"
  std::string_view usage; // behind the path: "[options] <key> [range_end]"
  std::string_view brief; // one line
  /// Returns the exit code; throws command_failed and call_failed. Null: a group, which shows its
  /// help.
  int (*run)(context&) = nullptr;
  std::span<const flag> flags = {};
  std::string_view examples = {};    // one per line, without the program's name
  std::string_view description = {}; // more about it
  std::string_view alias = {};       // another last word of the path
};

/// Groups stand before their commands.
std::span<const command> commands();

/// Those below `path` ("": of the first level) by one word.
std::vector<const command*> commands_below(std::string_view path);

const command* find_command(std::string_view path);

/// The last word of its path.
std::string_view name_of(const command& one);

} // namespace troupe::ctl
