#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/printer.hpp"
#include "apps/troupectl/printers/go_json.hpp"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <sstream>

// The expected texts are what etcdctl prints for these answers.
namespace troupe::ctl {
namespace {

template <class Message>
Message message(const std::string& text) {
  Message result;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &result)) << text;
  return result;
}

const std::string header = "header { cluster_id: 11 member_id: 12 revision: 3 raft_term: 2 } ";
const std::string kv =
  R"({ key: "a" create_revision: 2 mod_revision: 3 version: 2 value: "x\"<" lease: 31 } )";

/// What `print` writes in this format; "refused: ..." if there is no such form.
template <class Print>
std::string printed(const char* format, Print print, print_options options = {}) {
  std::ostringstream out, err;
  auto display = make_printer(format, options, out, err);
  try {
    print(*display);
  } catch (const command_failed& error) {
    return "refused: " + std::to_string(error.code) + " " + error.what();
  }
  return out.str() + err.str();
}

TEST(Printer, KnowsFiveFormats) {
  std::ostringstream out;
  for (const auto* format : {"simple", "json", "fields", "table", "protobuf"})
    EXPECT_NE(make_printer(format, {}, out, out), nullptr);
  EXPECT_EQ(make_printer("yaml", {}, out, out), nullptr);
}

TEST(Printer, Get) {
  auto response = message<pb::RangeResponse>(header + "kvs " + kv + "more: true count: 5");
  auto get = [&](printer& to) { to.get(response); };
  EXPECT_EQ(printed("simple", get), "a\nx\"<\n");
  EXPECT_EQ(printed("simple", get, {.hex = true}), "\\x61\n\\x78\\x22\\x3c\n");
  EXPECT_EQ(printed("simple", get, {.value_only = true}), "x\"<\n");
  EXPECT_EQ(printed("json", get),
            R"({"header":{"cluster_id":11,"member_id":12,"revision":3,"raft_term":2},)"
            R"("kvs":[{"key":"YQ==","create_revision":2,"mod_revision":3,"version":2,)"
            R"("value":"eCI8","lease":31}],"more":true,"count":5})"
            "\n");
  EXPECT_EQ(printed("fields", get),
            "\"ClusterID\" : 11\n\"MemberID\" : 12\n\"Revision\" : 3\n\"RaftTerm\" : 2\n"
            "\"Key\" : \"a\"\n\"CreateRevision\" : 2\n\"ModRevision\" : 3\n\"Version\" : 2\n"
            "\"Value\" : \"x\\\"<\"\n\"Lease\" : 31\n\"More\" : true\n\"Count\" : 5\n");
  EXPECT_NE(printed("fields", get, {.hex = true}).find("\"Lease\" : 000000000000001f\n"),
            std::string::npos);
  EXPECT_EQ(printed("protobuf", get), response.SerializeAsString());
  EXPECT_EQ(printed("table", get), "refused: 4 table not supported as output format");
}

TEST(Printer, PutAndDelete) {
  auto put = message<pb::PutResponse>(header + "prev_kv " + kv);
  EXPECT_EQ(printed("simple", [&](printer& to) { to.put(put); }), "OK\na\nx\"<\n");
  auto del = message<pb::DeleteRangeResponse>(header + "deleted: 1 prev_kvs " + kv);
  EXPECT_EQ(printed("simple", [&](printer& to) { to.del(del); }), "1\na\nx\"<\n");
  EXPECT_EQ(printed("json", [&](printer& to) { to.del(message<pb::DeleteRangeResponse>(header)); }),
            R"({"header":{"cluster_id":11,"member_id":12,"revision":3,"raft_term":2}})"
            "\n");
}

TEST(Printer, Txn) {
  auto response = message<pb::TxnResponse>(
    header
    + "succeeded: true responses { response_put { header { revision: 3 } } } "
      "responses { response_range { kvs "
    + kv + "} } responses { response_delete_range { deleted: 2 } }");
  auto txn = [&](printer& to) { to.txn(response); };
  EXPECT_EQ(printed("simple", txn), "SUCCESS\n\nOK\n\na\nx\"<\n\n2\n");
  EXPECT_EQ(printed("json",
                    [&](printer& to) {
                      to.txn(message<pb::TxnResponse>("responses { response_put {} }"));
                    }),
            R"({"responses":[{"Response":{"response_put":{}}}]})"
            "\n");
}

TEST(Printer, Watch) {
  auto response =
    message<pb::WatchResponse>(header + "watch_id: 4 events { kv " + kv + "prev_kv " + kv
                               + R"(} events { type: DELETE kv { key: "b" mod_revision: 4 } })");
  auto watch = [&](printer& to) { to.watch(response); };
  EXPECT_EQ(printed("simple", watch), "PUT\na\nx\"<\na\nx\"<\nDELETE\nb\n\n");
  EXPECT_EQ(
    printed("json",
            [&](printer& to) {
              to.watch(message<pb::WatchResponse>(
                header + R"(events { type: DELETE kv { key: "b" mod_revision: 4 } })"));
            }),
    R"({"Header":{"cluster_id":11,"member_id":12,"revision":3,"raft_term":2},"Events":[{"type":1,)"
    R"("kv":{"key":"Yg==","mod_revision":4}}],"CompactRevision":0,"Canceled":false,"Created":false})"
    "\n");
  response.clear_watch_id();
  EXPECT_EQ(printed("protobuf", watch), response.SerializeAsString());
  EXPECT_EQ(
    printed("json", [](printer& to) { to.watch(message<pb::WatchResponse>("canceled: true")); }),
    R"({"Header":{},"Events":null,"CompactRevision":0,"Canceled":true,"Created":false})"
    "\n");
}

TEST(Printer, Leases) {
  auto grant = message<pb::LeaseGrantResponse>(header + "ID: 4660 TTL: 100");
  EXPECT_EQ(printed("simple", [&](printer& to) { to.grant(grant); }),
            "lease 0000000000001234 granted with TTL(100s)\n");
  EXPECT_EQ(
    printed("json", [&](printer& to) { to.grant(grant); }),
    R"({"cluster_id":11,"member_id":12,"revision":3,"raft_term":2,"ID":4660,"TTL":100,"Error":""})"
    "\n");
  EXPECT_EQ(printed("protobuf", [&](printer& to) { to.grant(grant); }),
            grant.header().SerializeAsString());
  auto live = message<pb::LeaseTimeToLiveResponse>(
    header + R"(ID: 4660 TTL: 9 grantedTTL: 10 keys: "a" keys: "b c")");
  EXPECT_EQ(
    printed("simple", [&](printer& to) { to.time_to_live(live, true); }),
    "lease 0000000000001234 granted with TTL(10s), remaining(9s), attached keys([a b c])\n");
  EXPECT_EQ(printed("json", [&](printer& to) { to.time_to_live(live, true); }),
            R"({"cluster_id":11,"member_id":12,"revision":3,"raft_term":2,"id":4660,"ttl":9,)"
            R"("granted-ttl":10,"keys":["YQ==","YiBj"]})"
            "\n");
  auto gone = message<pb::LeaseTimeToLiveResponse>(header + "ID: 4660 TTL: -1");
  EXPECT_EQ(printed("simple", [&](printer& to) { to.time_to_live(gone, true); }),
            "lease 0000000000001234 already expired\n");
  auto list = message<pb::LeaseLeasesResponse>(header + "leases { ID: 1 } leases { ID: 2 }");
  EXPECT_EQ(printed("simple", [&](printer& to) { to.leases(list); }),
            "found 2 leases\n0000000000000001\n0000000000000002\n");
  EXPECT_EQ(
    printed("json", [&](printer& to) { to.leases(list); }),
    R"({"cluster_id":11,"member_id":12,"revision":3,"raft_term":2,"leases":[{"id":1},{"id":2}]})"
    "\n");
}

TEST(Printer, Members) {
  auto list = message<pb::MemberListResponse>(
    "header { cluster_id: 11 member_id: 12 raft_term: 2 } "
    R"(members { ID: 171 name: "m1" peerURLs: "p1" peerURLs: "p2" clientURLs: "c1" } )"
    R"(members { ID: 172 peerURLs: "p3" isLearner: true })");
  auto print = [&](printer& to) { to.member_list(list); };
  EXPECT_EQ(printed("simple", print),
            "ab, started, m1, p1,p2, c1, false\nac, unstarted, , p3, , true\n");
  EXPECT_EQ(
    printed("json", print),
    R"({"header":{"cluster_id":11,"member_id":12,"raft_term":2},"members":[{"ID":171,)"
    R"("name":"m1","peerURLs":["p1","p2"],"clientURLs":["c1"]},{"ID":172,"peerURLs":["p3"],)"
    R"("isLearner":true}]})"
    "\n");
  EXPECT_EQ(printed("json", print, {.hex = true}),
            R"({"header":{"cluster_id":"b","member_id":"c","raft_term":2},"members":[{"ID":"ab",)"
            R"("name":"m1","peerURLs":["p1","p2"],"clientURLs":["c1"]},{"ID":"ac","name":"",)"
            R"("peerURLs":["p3"],"clientURLs":null}]})"
            "\n");
  EXPECT_EQ(printed("table", print),
            "+----+-----------+------+------------+--------------+------------+\n"
            "| ID |  STATUS   | NAME | PEER ADDRS | CLIENT ADDRS | IS LEARNER |\n"
            "+----+-----------+------+------------+--------------+------------+\n"
            "| ab |   started |   m1 |      p1,p2 |           c1 |      false |\n"
            "| ac | unstarted |      |         p3 |              |       true |\n"
            "+----+-----------+------+------------+--------------+------------+\n");
  auto added = message<pb::MemberAddResponse>(header + "member { ID: 171 isLearner: true }");
  EXPECT_EQ(printed("simple", [&](printer& to) { to.member_add(added); }),
            "Member               ab added as learner to cluster                b\n");
  EXPECT_EQ(printed("fields", [&](printer& to) { to.member_add(added); }),
            "refused: 4 fields not supported as output format");
}

TEST(Printer, Endpoints) {
  std::vector<endpoint_status> status{
    {"e:1", message<pb::StatusResponse>(
              header
              + R"(version: "3.6.14" dbSize: 20480 dbSizeInUse: 16384 leader: 12 raftIndex: 19 )"
                R"(raftTerm: 2 raftAppliedIndex: 18 storageVersion: "3.6.0" )"
                R"(dbSizeQuota: 2147483648 downgradeInfo { enabled: false })")}};
  EXPECT_EQ(
    printed("simple", [&](printer& to) { to.status(status); }),
    "e:1, c, 3.6.14, 3.6.0, 20 kB, 16 kB, 20%, 2.1 GB, true, false, 2, 19, 18, , , false\n");
  std::vector<endpoint_health> health{{"e:1", true, "1.5ms", ""}, {"e:2", false, "2s", "gone"}};
  EXPECT_EQ(printed("simple", [&](printer& to) { to.health(health); }),
            "e:1 is healthy: successfully committed proposal: took = 1.5ms\n"
            "e:2 is unhealthy: failed to commit proposal: gone\n");
  EXPECT_EQ(printed("json", [&](printer& to) { to.health(health); }),
            R"([{"endpoint":"e:1","health":true,"took":"1.5ms"},)"
            R"({"endpoint":"e:2","health":false,"took":"2s","error":"gone"}])"
            "\n");
  EXPECT_EQ(printed("json", [](printer& to) { to.status({}); }), "null\n");
  EXPECT_EQ(printed("protobuf", [&](printer& to) { to.health(health); }),
            "refused: 4 protobuf not supported as output format");
  auto alarms = message<pb::AlarmResponse>("alarms { memberID: 1 alarm: NOSPACE }");
  EXPECT_EQ(printed("simple", [&](printer& to) { to.alarms(alarms); }),
            "memberID:1 alarm:NOSPACE \n");
}

TEST(GoJson, EscapesAsGo) {
  EXPECT_EQ(go::json_string("a\"\\\n\t\x01<>&\xff\xe2\x80\xa8é"),
            "\"a\\\"\\\\\\n\\t\\u0001\\u003c\\u003e\\u0026\\ufffd\\u2028é\"");
  EXPECT_EQ(go::base64(""), "");
  EXPECT_EQ(go::base64("f"), "Zg==");
  EXPECT_EQ(go::base64("fo"), "Zm8=");
  EXPECT_EQ(go::base64("foo"), "Zm9v");
  EXPECT_EQ(go::base64("\xff\xfe\xfd\xfc"), "//79/A==");
}

TEST(Printer, SnapshotStatus) {
  const snapshot_status status{0x0a1b2c3d, 20, 26, 20'480, "3.6.0"};
  auto show = [&](printer& to) { to.snapshot(status); };
  EXPECT_EQ(printed("simple", show), "a1b2c3d, 20, 26, 20 kB, 3.6.0\n");
  EXPECT_EQ(printed("json", show), "{\"hash\":169552957,\"revision\":20,\"totalKey\":26,"
                                   "\"totalSize\":20480,\"version\":\"3.6.0\"}\n");
  EXPECT_EQ(printed("fields", show),
            "\"Hash\" : 169552957\n\"Revision\" : 20\n\"Keys\" : 26\n\"Size\" : 20480\n"
            "\"Version\" : 3.6.0\n");
  EXPECT_EQ(printed("table", show), "+---------+----------+------------+------------+---------+\n"
                                    "|  HASH   | REVISION | TOTAL KEYS | TOTAL SIZE | VERSION |\n"
                                    "+---------+----------+------------+------------+---------+\n"
                                    "| a1b2c3d |       20 |         26 |      20 kB |   3.6.0 |\n"
                                    "+---------+----------+------------+------------+---------+\n");
  EXPECT_EQ(printed("protobuf", show), "refused: 4 protobuf not supported as output format");
}

} // namespace
} // namespace troupe::ctl
