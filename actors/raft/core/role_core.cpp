#include "actors/raft/core/role_core.hpp"

#include "actors/raft/core/term_rules.hpp"

#include <utility>

namespace troupe::raft {

role_core::role_core(replica state) : state_(std::move(state)) {}

output role_core::on(const applied& done) {
  state_.on_applied(done.upto);
  return finish({});
}

output role_core::on(const propose& request) {
  output step;
  step.refused.push_back(refuse(request.proposals, errc::no_leader));
  return finish(std::move(step));
}

output role_core::on(const read_index_request& request) {
  output step;
  step.reads.push_back({request.round, errc::no_leader, {}});
  return finish(std::move(step));
}

output role_core::on(const forward_propose& request) {
  output step;
  auto refused = refuse(request.proposals, errc::not_leader);
  step.to_send_now.push_back(
    {request.from, forward_refused{request.boot, std::move(refused.counters), refused.reason}});
  return finish(std::move(step));
}

output role_core::on(const forward_read& request) {
  output step;
  step.to_send_now.push_back(
    {request.from, forward_read_reply{request.boot, request.round, errc::not_leader, {}}});
  return finish(std::move(step));
}

output role_core::on(const forward_refused& refused) {
  output step;
  if (refused.boot == state_.hard().boot)
    step.refused.push_back({refused.counters, refused.reason});
  return finish(std::move(step));
}

output role_core::on(const forward_read_reply&) {
  return finish({});
}

output role_core::on(const timeout_now&) {
  return finish({});
}

output role_core::on(const transfer_leadership& request) {
  output step;
  step.transfers.push_back({request.request, errc::not_leader});
  return finish(std::move(step));
}

output role_core::on(const link_lost&) {
  return finish({});
}

output role_core::on(const link_found&) {
  return finish({});
}

output role_core::on(const snapshot_result&) {
  return finish({});
}

output role_core::finish(output step) {
  state_.finish(step);
  return step;
}

raft_status role_core::status_as(raft_role role) const {
  return {role, state_.term(), state_.leader(), state_.commit_index(), state_.log().last().index};
}

} // namespace troupe::raft
