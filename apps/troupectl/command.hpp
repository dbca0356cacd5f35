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
  const bool in_is_terminal, out_is_terminal, err_is_terminal;

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

  /// Of the commands beyond etcdctl: whether they write JSON, an object per line, or their simple
  /// form. @throws command_failed for any other format
  bool json_lines();

  /// How JSON shows bytes.
  bytes_form form();

  /// `bytes` in one line of simple output: \x.. with --hex, else with all escaped that is no
  /// visible text.
  std::string shown(std::string_view bytes);

  /// Text that came from elsewhere, made safe if `out` or `err` is a terminal of ours.
  std::string for_out(std::string_view text) const;
  std::string for_err(std::string_view text) const;

  /// To be called now and then by who writes a lot. @throws command_failed if that is in vain
  void check_output();

private:
  void read_settings();

  flag_values flags_;
  std::optional<client_options> connection_;
  std::unique_ptr<ctl::client> client_;
  std::unique_ptr<printer> printer_;
  print_options printing_;
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
  bool added = false;                // beyond etcdctl: unknown when called as that
};

/// Those beyond etcdctl.
std::span<const command> added_commands();

/// Groups stand before their commands; those beyond etcdctl come last.
std::span<const command> commands();

/// Those below `path` ("": of the first level) by one word.
std::vector<const command*> commands_below(std::string_view path, bool as_etcdctl = false);

const command* find_command(std::string_view path);

/// The last word of its path.
std::string_view name_of(const command& one);

} // namespace troupe::ctl
