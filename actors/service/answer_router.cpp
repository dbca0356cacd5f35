#include "actors/service/answer_router.hpp"

#include <algorithm>
#include <caf/send.hpp>

namespace troupe::service {

void answer_router::send(std::vector<rpc_answer>&& answers) const {
  if (answers.empty())
    return;
  auto edge_of_first = answers.front().call.edge;
  bool one_edge = std::all_of(answers.begin(), answers.end(), [=](const rpc_answer& answer) {
    return answer.call.edge == edge_of_first;
  });
  std::map<std::uint32_t, std::vector<rpc_answer>> by_edge;
  if (one_edge)
    by_edge[edge_of_first] = std::move(answers);
  else
    for (auto& answer : answers)
      by_edge[answer.call.edge].push_back(std::move(answer));
  for (auto& [edge, batch] : by_edge)
    if (auto found = edges_.find(edge); found != edges_.end())
      caf::anon_send(found->second, rpc_answers{std::move(batch)});
}

} // namespace troupe::service
