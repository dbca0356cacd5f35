#include "actors/sim/clients.hpp"

#include "actors/sim/kv_wire.hpp"
#include "messages/proto/rpc.pb.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace troupe::sim {

namespace {

using namespace std::chrono_literals;
using kind = kv_request::type;

/// The way between a client and its member.
constexpr sim_time way = 100us;

bool is_unknown(errc error) {
  return error >= errc::timeout;
}

bool is_read(const kv_call& call) {
  auto reads = [](const auto& list) {
    return std::ranges::all_of(list, [](const auto& x) { return x.kind == kind::range; });
  };
  return reads(call.success) && reads(call.failure);
}

std::string lease_key(lease_id lease) {
  return "lease/" + std::to_string(lease.value);
}

} // namespace

clients::clients(cluster& of, const client_plan& plan, std::uint64_t seed)
    : cluster_(of), plan_(plan), random_(seed), clients_(plan.clients + 1) {
  for (unsigned i = 0; i < clients_.size(); ++i)
    clients_[i].number = i + 1;
}

void clients::begin() {
  for (unsigned i = 0; i < plan_.clients; ++i)
    think(clients_[i]);
}

bool clients::is_quiet() const {
  return std::ranges::none_of(clients_, &client::waits);
}

history clients::recorded() const {
  auto result = history_;
  for (const auto& who : clients_) {
    if (who.waits && who.call && !is_read(who.call->call))
      result.operations.push_back(*who.call);
    if (who.waits && who.lease_call)
      result.leases.push_back(*who.lease_call);
  }
  return result;
}

std::string clients::name_of(const client& who) const {
  return fmt::format("c{}.{}", who.number, who.life);
}

node_number clients::pick_node() {
  auto leader = cluster_.leader();
  if (leader != 0 && chance(60))
    return leader;
  return 1 + static_cast<node_number>(below(cluster_.size()));
}

std::string clients::key() {
  return std::string(1, static_cast<char>('a' + below(plan_.keys)));
}

void clients::think(client& who) {
  auto pause = sim_time{static_cast<std::int64_t>(below(2 * plan_.think.count()) + 1)};
  cluster_.stage().after(pause, [this, number = who.number] {
    auto& who = at(number);
    if (!ending_ && !who.waits)
      act(who);
  });
}

void clients::act(client& who) {
  who.node = pick_node();
  if (!cluster_.node(who.node).is_up())
    return think(who);
  if (plan_.leases && chance(15) && act_on_lease(who))
    return;
  if (plan_.compactions && revision_ > 60 && chance(1)) {
    etcdserverpb::CompactionRequest request;
    request.set_revision(revision_ - 40);
    return send(who, rpc_method::kv_compact, request.SerializeAsString());
  }
  call(who, {.client = name_of(who), .call = random_call(who)});
}

kv_request clients::put_of(client& who, std::string to) {
  return {.kind = kind::put,
          .key = std::move(to),
          .value = fmt::format("{}-{}", name_of(who), ++last_value_),
          .prev_kv = chance(30)};
}

kv_call clients::random_call(client& who) {
  switch (below(10)) {
  case 0:
  case 1:
  case 2:
    return {.success = {put_of(who, key())}};
  case 3:
    return {.success = {{.kind = kind::delete_range, .key = key(), .prev_kv = chance(30)}}};
  case 4:
  case 5:
    return random_txn(who);
  case 6:
    return {.success = {{.key = "a", .range_end = "z"}}};
  default:
    return {.success = {{.key = key()}}, .serializable = chance(25)};
  }
}

kv_call clients::random_txn(client& who) {
  auto on = key();
  kv_call result;
  result.compares.push_back({.key = on,
                             .target = kv_compare::field::mod_revision,
                             .is = kv_compare::relation::less,
                             .number = revision_ + static_cast<std::int64_t>(below(3)) - 1});
  result.success.push_back(put_of(who, on));
  auto other = key();
  if (other != on && chance(50))
    result.success.push_back({.kind = kind::delete_range, .key = other});
  result.failure.push_back({.key = on});
  return result;
}

bool clients::act_on_lease(client& who) {
  lease_operation what{.client = name_of(who), .lease = who.lease};
  if (who.lease == lease_id{}) {
    etcdserverpb::LeaseGrantRequest request;
    request.set_id(++last_lease_);
    request.set_ttl(1 + static_cast<std::int64_t>(below(3)));
    what.kind = lease_operation::type::grant;
    what.lease = {request.id()};
    call(who, std::move(what), rpc_method::lease_grant, request.SerializeAsString());
    return true;
  }
  switch (below(8)) {
  case 0: {
    auto put = put_of(who, lease_key(who.lease));
    put.lease = who.lease;
    call(who, {.client = name_of(who), .call = {.success = {std::move(put)}}});
    return true;
  }
  case 1:
    call(who, {.client = name_of(who), .call = {.success = {{.key = lease_key(who.lease)}}}});
    return true;
  case 2: {
    etcdserverpb::LeaseTimeToLiveRequest request;
    request.set_id(who.lease.value);
    what.kind = lease_operation::type::time_to_live;
    call(who, std::move(what), rpc_method::lease_time_to_live, request.SerializeAsString());
    return true;
  }
  case 3: {
    if (!chance(30))
      return false;
    etcdserverpb::LeaseRevokeRequest request;
    request.set_id(who.lease.value);
    what.kind = lease_operation::type::revoke;
    call(who, std::move(what), rpc_method::lease_revoke, request.SerializeAsString());
    return true;
  }
  default: {
    etcdserverpb::LeaseKeepAliveRequest request;
    request.set_id(who.lease.value);
    what.kind = lease_operation::type::keep_alive;
    call(who, std::move(what), rpc_method::lease_keep_alive, request.SerializeAsString());
    return true;
  }
  }
}

void clients::put_once(node_number to, std::function<void(bool)> done) {
  auto& who = clients_.back();
  who.node = to;
  who.done = std::move(done);
  call(who, {.client = name_of(who), .call = {.success = {put_of(who, "last")}}});
}

void clients::call(client& who, operation what) {
  what.member = fmt::format("n{}", who.node);
  what.invoked = cluster_.now().count();
  auto [method, body] = to_wire(what.call);
  who.call = std::move(what);
  send(who, method, std::move(body));
}

void clients::call(client& who, lease_operation what, rpc_method method, std::string body) {
  what.invoked = cluster_.now().count();
  who.lease_call = std::move(what);
  send(who, method, std::move(body));
}

void clients::send(client& who, rpc_method method, std::string body) {
  who.waits = true;
  call_id id{0, who.number, ++who.stream};
  call_batch calls;
  auto add = [&](call_event::what kind, blob bytes) {
    calls.events.push_back(
      {kind, id, method, std::move(bytes), std::make_shared<const call_metadata>()});
  };
  if (method == rpc_method::lease_keep_alive) {
    add(call_event::what::open, {});
    add(call_event::what::message, blob{std::move(body)});
    add(call_event::what::half_close, {});
  } else {
    add(call_event::what::request, blob{std::move(body)});
  }
  auto& stage = cluster_.stage();
  auto life = cluster_.node(who.node).life();
  stage.after(way, [this, to = who.node, life, calls = std::move(calls)] {
    if (cluster_.node(to).is_up() && cluster_.node(to).life() == life)
      cluster_.call(to, calls);
  });
  stage.after(plan_.patience, [this, id] {
    auto& who = at(id.connection);
    if (who.waits && who.stream == id.stream)
      give_up(who, true);
  });
}

void clients::answered(node_number, const rpc_answers& answers) {
  for (const auto& answer : answers.answers) {
    if (answer.call.connection == 0 || answer.call.connection > clients_.size())
      continue;
    auto& who = at(answer.call.connection);
    if (who.waits && who.stream == answer.call.stream && (answer.has_message || answer.ends))
      finish(who, answer);
  }
}

void clients::finish(client& who, const rpc_answer& answer) {
  if (answer.error != errc::none)
    return give_up(who, is_unknown(answer.error));
  if (who.lease_call)
    return finish_lease(who, answer);
  if (who.call) {
    auto result = from_wire(who.call->call, answer.message.view());
    if (!result)
      return cluster_.report("an answer is not of the kind of its call");
    ++(is_read(who.call->call) ? seen_.reads : seen_.writes);
    revision_ = std::max(revision_, result->revision);
    who.call->returned = cluster_.now().count();
    who.call->result = std::move(result);
    cluster_.log().line(cluster_.now(), describe(*who.call));
    history_.operations.push_back(std::move(*who.call));
  }
  rest(who, true);
}

void clients::finish_lease(client& who, const rpc_answer& answer) {
  auto& what = *who.lease_call;
  auto body = answer.message.view();
  auto read = [&](auto response) {
    return response.ParseFromArray(body.data(), static_cast<int>(body.size()))
             ? std::optional{response.ttl()}
             : std::nullopt;
  };
  switch (what.kind) {
  case lease_operation::type::grant:
    what.ttl_seconds = read(etcdserverpb::LeaseGrantResponse{});
    who.lease = what.lease;
    break;
  case lease_operation::type::keep_alive:
    what.ttl_seconds = read(etcdserverpb::LeaseKeepAliveResponse{});
    break;
  case lease_operation::type::time_to_live:
    what.ttl_seconds = read(etcdserverpb::LeaseTimeToLiveResponse{});
    break;
  default:
    what.ttl_seconds = 0;
  }
  bool gone = what.kind == lease_operation::type::revoke
              || (what.kind != lease_operation::type::grant && what.ttl_seconds.value_or(1) <= 0);
  if (gone)
    who.lease = {};
  what.returned = cluster_.now().count();
  cluster_.log().line(cluster_.now(), describe(what));
  history_.leases.push_back(std::move(what));
  rest(who, true);
}

void clients::give_up(client& who, bool unknown) {
  ++(unknown ? seen_.unknown : seen_.refused);
  if (unknown) {
    if (who.call && !is_read(who.call->call))
      history_.operations.push_back(*who.call);
    if (who.lease_call) {
      who.lease = {};
      history_.leases.push_back(*who.lease_call);
    }
    ++who.life;
  } else {
    who.lease = {};
  }
  rest(who, false);
}

void clients::rest(client& who, bool success) {
  who.waits = false;
  who.call.reset();
  who.lease_call.reset();
  if (auto done = std::exchange(who.done, nullptr))
    return done(success);
  if (who.number <= plan_.clients)
    think(who);
}

void clients::ended(node_number node) {
  for (auto& who : clients_)
    if (who.waits && who.node == node)
      give_up(who, true);
}

} // namespace troupe::sim
