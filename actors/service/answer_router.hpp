#pragma once

#include "messages/rpc.hpp"
#include "messages/type_ids.hpp"

#include <caf/typed_actor.hpp>
#include <cstdint>
#include <map>
#include <vector>

namespace troupe::service {

/// What answering actors know of an edge: it takes answers, many at a time.
using edge_face = caf::typed_actor<caf::reacts_to<rpc_answers>>;

/// Introduces an edge to an actor that answers: calls of this number belong to it.
struct edge_joined {
  std::uint32_t edge = 0;
  edge_face handle;
};

/// Sends answers home: one message per edge and batch, however many calls it answers.
class answer_router {
public:
  void add(const edge_joined& edge) {
    edges_[edge.edge] = edge.handle;
  }

  /// Answers for an edge that never joined are dropped.
  void send(std::vector<rpc_answer>&& answers) const;

private:
  std::map<std::uint32_t, edge_face> edges_;
};

} // namespace troupe::service

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::service::edge_joined)
