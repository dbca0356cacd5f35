#pragma once

#include "messages/proto/rpc.pb.h"
#include "messages/rpc_method.hpp"

/// Which method a request goes to, and what comes back: one row per unary call that we make.
namespace troupe::ctl {

namespace pb = etcdserverpb;

template <class Request>
struct call_of;

template <rpc_method Method, class Response>
struct call_shape {
  using response = Response;
  static constexpr rpc_method method = Method;
};

template <>
struct call_of<pb::RangeRequest> : call_shape<rpc_method::kv_range, pb::RangeResponse> {};
template <>
struct call_of<pb::PutRequest> : call_shape<rpc_method::kv_put, pb::PutResponse> {};
template <>
struct call_of<pb::DeleteRangeRequest>
    : call_shape<rpc_method::kv_delete_range, pb::DeleteRangeResponse> {};
template <>
struct call_of<pb::TxnRequest> : call_shape<rpc_method::kv_txn, pb::TxnResponse> {};
template <>
struct call_of<pb::CompactionRequest> : call_shape<rpc_method::kv_compact, pb::CompactionResponse> {
};
template <>
struct call_of<pb::LeaseGrantRequest>
    : call_shape<rpc_method::lease_grant, pb::LeaseGrantResponse> {};
template <>
struct call_of<pb::LeaseRevokeRequest>
    : call_shape<rpc_method::lease_revoke, pb::LeaseRevokeResponse> {};
template <>
struct call_of<pb::LeaseTimeToLiveRequest>
    : call_shape<rpc_method::lease_time_to_live, pb::LeaseTimeToLiveResponse> {};
template <>
struct call_of<pb::LeaseLeasesRequest>
    : call_shape<rpc_method::lease_leases, pb::LeaseLeasesResponse> {};
template <>
struct call_of<pb::MemberAddRequest>
    : call_shape<rpc_method::cluster_member_add, pb::MemberAddResponse> {};
template <>
struct call_of<pb::MemberRemoveRequest>
    : call_shape<rpc_method::cluster_member_remove, pb::MemberRemoveResponse> {};
template <>
struct call_of<pb::MemberUpdateRequest>
    : call_shape<rpc_method::cluster_member_update, pb::MemberUpdateResponse> {};
template <>
struct call_of<pb::MemberListRequest>
    : call_shape<rpc_method::cluster_member_list, pb::MemberListResponse> {};
template <>
struct call_of<pb::MemberPromoteRequest>
    : call_shape<rpc_method::cluster_member_promote, pb::MemberPromoteResponse> {};
template <>
struct call_of<pb::AlarmRequest> : call_shape<rpc_method::maintenance_alarm, pb::AlarmResponse> {};
template <>
struct call_of<pb::StatusRequest> : call_shape<rpc_method::maintenance_status, pb::StatusResponse> {
};
template <>
struct call_of<pb::DefragmentRequest>
    : call_shape<rpc_method::maintenance_defragment, pb::DefragmentResponse> {};
template <>
struct call_of<pb::HashKVRequest>
    : call_shape<rpc_method::maintenance_hash_kv, pb::HashKVResponse> {};
template <>
struct call_of<pb::MoveLeaderRequest>
    : call_shape<rpc_method::maintenance_move_leader, pb::MoveLeaderResponse> {};

} // namespace troupe::ctl
