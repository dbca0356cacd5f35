#include "actors/peer/connector.hpp"

#include "actors/failure/failure.hpp"

#include <utility>

namespace troupe::peer {

connector_actor::behavior_type connector_behavior(connector_actor::pointer self,
                                                  const std::shared_ptr<dialer>& with) {
  block_sigpipe();
  self->set_exception_handler(failure_of);
  return {
    [=](const dial&) {
      dialed result;
      if (auto opened = with->dial(result.why))
        result.opened = std::make_shared<connection>(std::move(*opened));
      return result;
    },
  };
}

} // namespace troupe::peer
