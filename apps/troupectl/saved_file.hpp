#pragma once

#include <string>
#include <string_view>

/// Files that are there whole or not at all.
namespace troupe::ctl {

/// Written as `path`.part, readable by the owner alone, and renamed when it is on disk; a file that
/// has the name already stays until then. Everything throws std::system_error.
class saved_file {
public:
  /// What a killed program left of an earlier one is written over. A second program at the same
  /// name is refused.
  explicit saved_file(std::string path);

  /// Removes what was written, unless it was kept.
  ~saved_file();

  saved_file(const saved_file&) = delete;
  saved_file& operator=(const saved_file&) = delete;

  void write(std::string_view bytes);

  /// Once, when all is written.
  void keep();

private:
  [[noreturn]] void fail(int error) const;

  const std::string path_;
  const std::string part_;
  int descriptor_ = -1;
};

} // namespace troupe::ctl
