#include "apps/troupe/help.hpp"

#include "apps/troupe/flag_table.hpp"

namespace troupe::options {

namespace {

std::string remark(const flag& which) {
  switch (which.treated) {
  case treatment::no_effect:
    return " (accepted, no effect)";
  case treatment::refused:
    return " (refused: " + std::string{which.missing} + ")";
  case treatment::old:
    return " (accepted with a warning)";
  default:
    return "";
  }
}

std::string describe(const flag& which) {
  auto result = "  --" + std::string{which.name};
  if (which.kind != flag_kind::ignored && which.name != "help" && which.name != "version")
    result += " '" + std::string{which.preset} + "'";
  return result + "\n    " + std::string{which.help} + remark(which) + "\n";
}

} // namespace

std::string usage_text() {
  return R"(Usage:

  troupe [flags]
    Start a node.

  troupe --version
    Show the versions of Troupe and of what it is built on.

  troupe -h | --help
    Show this help.

  troupe --config-file FILE
    Start a node as FILE says; all other flags and environment variables are ignored.

Each flag also has the environment variables ETCD_X and TROUPE_X: --data-dir is ETCD_DATA_DIR.
)";
}

std::string help_text() {
  auto result = usage_text();
  for (const auto& section : flag_sections()) {
    result += "\n" + std::string{section.title} + ":\n";
    for (const auto& one : section.flags)
      result += describe(one);
  }
  return result;
}

} // namespace troupe::options
