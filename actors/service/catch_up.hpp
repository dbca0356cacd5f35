#pragma once

#include "messages/ids.hpp"

namespace troupe::service {

/// Whether the state has come to where it was before this member started: until then answers could
/// go back behind earlier ones (checklist 23). How far it was is not on disk. But whatever was
/// applied stood in the own log, so it ends with the log as it was found; and where a newer leader
/// has cut that log, the first entry of its term has everything before it that was ever committed
/// (paper 5.4.3).
class catch_up {
public:
  /// @param last the last entry of the log at the start, committed or not.
  catch_up(entry_id applied, entry_id last) : applied_(applied), last_(last) {}

  void on_applied(entry_id upto) {
    applied_ = upto;
  }

  bool done() const {
    return applied_.index >= last_.index || applied_.term > last_.term;
  }

  log_index applied() const {
    return applied_.index;
  }

private:
  entry_id applied_;
  entry_id last_;
};

} // namespace troupe::service
