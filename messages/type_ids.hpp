#pragma once

#include "messages/errc.hpp"
#include "messages/membership.hpp"
#include "messages/peer.hpp"
#include "messages/raft.hpp"
#include "messages/rpc.hpp"
#include "messages/service.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/error.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>
#include <caf/type_id.hpp>

namespace troupe {

/// From member to role: the last message a role gets; it quits (DESIGN 5, roles).
struct retire {};

/// Asks member for its present `raft_status`.
struct get_raft_status {};

// messages/subscription.hpp
struct subscribe_v1;
struct started_v1;
struct changes_v1;
struct lost_v1;
struct credit_v1;
struct unsubscribe_v1;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe, first_custom_type_id)
// Between members: what crosses processes.
CAF_ADD_TYPE_ID(troupe, (troupe::request_vote))
CAF_ADD_TYPE_ID(troupe, (troupe::request_vote_reply))
CAF_ADD_TYPE_ID(troupe, (troupe::append))
CAF_ADD_TYPE_ID(troupe, (troupe::append_reply))
CAF_ADD_TYPE_ID(troupe, (troupe::timeout_now))
CAF_ADD_TYPE_ID(troupe, (troupe::forward_propose))
CAF_ADD_TYPE_ID(troupe, (troupe::forward_refused))
CAF_ADD_TYPE_ID(troupe, (troupe::forward_read))
CAF_ADD_TYPE_ID(troupe, (troupe::forward_read_reply))
CAF_ADD_TYPE_ID(troupe, (troupe::hello_v1))
CAF_ADD_TYPE_ID(troupe, (troupe::hello_refused_v1))
CAF_ADD_TYPE_ID(troupe, (troupe::ping_v1))
CAF_ADD_TYPE_ID(troupe, (troupe::pong_v1))
// Between a node and the programs that watch it as remote actors.
CAF_ADD_TYPE_ID(troupe, (troupe::subscribe_v1))
CAF_ADD_TYPE_ID(troupe, (troupe::started_v1))
CAF_ADD_TYPE_ID(troupe, (troupe::changes_v1))
CAF_ADD_TYPE_ID(troupe, (troupe::lost_v1))
CAF_ADD_TYPE_ID(troupe, (troupe::credit_v1))
CAF_ADD_TYPE_ID(troupe, (troupe::unsubscribe_v1))
CAF_END_TYPE_ID_BLOCK(troupe)

// caf::make_error(errc::..., context...) gives an error of this category.
CAF_ERROR_CODE_ENUM(troupe::errc, "troupe")

// Inside one node: these never leave the process, share buffers and need no inspect().
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::retire)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::persist)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::persisted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::release_log)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::committed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::applied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::propose)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::propose_refused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::read_index_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::read_index_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::transfer_leadership)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::transfer_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::link_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::link_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::snapshot_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::snapshot_result)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::configuration_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::raft_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::get_raft_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::call_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::rpc_answers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::await_applied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::read_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::read_stream_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::defragment)

namespace caf {

class actor_system_config;

} // namespace caf

namespace troupe {

/// Makes a configuration know every message that crosses processes and the texts of `errc`. Each
/// actor system of a node needs it before it starts.
void register_messages(caf::actor_system_config& config);

} // namespace troupe
