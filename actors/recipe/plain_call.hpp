#pragma once

#include "actors/recipe/recipe_call.hpp"

namespace troupe::recipe {

/// Unlock, Proclaim, Resign and Leader: one request, whose answer says it all.
class plain_call : public recipe_call {
public:
  plain_call(call_frame frame, blob body);

  void start(step s) override;

protected:
  void failed(const failure& why, step s) override;

private:
  void unlock(step s);
  void proclaim(step s);
  void publish(std::int64_t lease, step s);
  void resign(step s);
  void find_leader(step s);

  blob body_;
};

} // namespace troupe::recipe
