#include "actors/sim/watch_validator.hpp"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <string>

namespace troupe::sim {
namespace {

mvcc::event put(std::int64_t main, std::int64_t sub, const std::string& key,
                std::int64_t created = 0) {
  if (created == 0)
    created = main;
  return {.kind = mvcc::event::type::put,
          .at = {main, sub},
          .kv = {.key = key,
                 .value = "v" + std::to_string(main),
                 .create_revision = created,
                 .mod_revision = main,
                 .version = main - created + 1,
                 .lease = {}}};
}

mvcc::event erase(std::int64_t main, std::int64_t sub, const std::string& key) {
  return {.kind = mvcc::event::type::deletion,
          .at = {main, sub},
          .kv = {.key = key, .value = {}, .mod_revision = main, .lease = {}}};
}

// Revisions 2 to 5: a, a transaction on a and b, c, and the deletion of a.
class watch_validator_test : public testing::Test {
protected:
  void SetUp() override {
    judge.wrote(2, {put(2, 0, "a")});
    judge.wrote(3, {put(3, 0, "a", 2), put(3, 1, "b")});
    judge.wrote(4, {put(4, 0, "c")});
    judge.wrote(5, {erase(5, 0, "a")});
  }

  template <class Message>
  static Message parsed(const std::string& text) {
    Message result;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &result)) << text;
    return result;
  }

  void ask(const std::string& request) {
    judge.asked({1, parsed<etcdserverpb::WatchCreateRequest>(request)});
  }

  void get(const std::string& answer) {
    judge.received(1, parsed<etcdserverpb::WatchResponse>(answer));
  }

  /// Watches everything from revision 2.
  void watch_all(const std::string& more = "") {
    ask("key: 'a' range_end: 'z' start_revision: 2 " + more);
    get("header { revision: 5 } created: true");
  }

  std::string violation() const {
    return judge.violations().empty() ? "" : judge.violations().front();
  }

  watch_validator judge;
};

const std::string a2 =
  "events { kv { key: 'a' value: 'v2' create_revision: 2 mod_revision: 2 version: 1 } } ";
const std::string a3 =
  "events { kv { key: 'a' value: 'v3' create_revision: 2 mod_revision: 3 version: 2 } } ";
const std::string b3 =
  "events { kv { key: 'b' value: 'v3' create_revision: 3 mod_revision: 3 version: 1 } } ";
const std::string c4 =
  "events { kv { key: 'c' value: 'v4' create_revision: 4 mod_revision: 4 version: 1 } } ";
const std::string a5 = "events { type: DELETE kv { key: 'a' mod_revision: 5 } } ";
const std::string at5 = "header { revision: 5 } ";

TEST_F(watch_validator_test, is_content_with_the_truth) {
  watch_all();
  get(at5 + a2 + a3 + b3);
  get(at5 + c4);
  get(at5 + a5);
  judge.settled();
  EXPECT_EQ(violation(), "");
  EXPECT_EQ(judge.events(), 5u);
  EXPECT_EQ(judge.next_revision(1, 0), 6);
}

TEST_F(watch_validator_test, misses_what_was_skipped) {
  watch_all();
  get(at5 + a3 + b3);
  EXPECT_EQ(violation(),
            "stream 1 watch 0: got the put of a at 3 where the put of a at 2.0 comes next");
}

TEST_F(watch_validator_test, misses_what_never_came) {
  watch_all();
  get(at5 + a2 + a3 + b3 + c4);
  judge.settled();
  EXPECT_EQ(violation(), "stream 1 watch 0: never got the delete of a at 5.0");
}

TEST_F(watch_validator_test, sees_repetition) {
  watch_all();
  get(at5 + a2);
  get(at5 + a2);
  EXPECT_EQ(violation(),
            "stream 1 watch 0: got the put of a at 2 where the put of a at 3.0 comes next");
}

TEST_F(watch_validator_test, sees_a_split_transaction) {
  watch_all();
  get(at5 + a2 + a3);
  EXPECT_EQ(violation(), "stream 1 watch 0: revision 3 is split before the put of b at 3.1");
}

TEST_F(watch_validator_test, allows_fragments_only_where_asked) {
  watch_all("fragment: true");
  get(at5 + a2 + a3 + "fragment: true");
  get(at5 + b3);
  EXPECT_EQ(violation(), "");
  ask("key: 'a' start_revision: 2 watch_id: 7");
  get("header { revision: 5 } created: true watch_id: 7");
  get(at5 + a2 + "fragment: true watch_id: 7");
  EXPECT_EQ(violation(), "stream 1 watch 7: a fragment that nobody asked for");
}

TEST_F(watch_validator_test, sees_progress_that_comes_too_early) {
  watch_all();
  get(at5 + a2);
  get("header { revision: 2 }");
  EXPECT_EQ(violation(), "");
  get("header { revision: 3 } watch_id: -1");
  EXPECT_EQ(violation(), "stream 1 watch 0: progress at 3 before the put of a at 3.0");
}

TEST_F(watch_validator_test, sees_the_future) {
  watch_all();
  get("header { revision: 6 }");
  EXPECT_EQ(violation(),
            "stream 1 watch 0: a header of revision 6 when nothing above 5 was written");
}

TEST_F(watch_validator_test, a_watch_from_now_begins_after_its_header) {
  ask("key: 'a'");
  get("header { revision: 3 } created: true");
  get(at5 + a5);
  judge.settled();
  EXPECT_EQ(violation(), "");
}

TEST_F(watch_validator_test, respects_filters) {
  watch_all("filters: [ NOPUT ]");
  get(at5 + a5);
  judge.settled();
  EXPECT_EQ(violation(), "");
  ask("key: 'a' start_revision: 2 filters: [ NODELETE ] watch_id: 3");
  get("header { revision: 5 } created: true watch_id: 3");
  get(at5 + a2 + a3 + a5 + "watch_id: 3");
  EXPECT_EQ(violation(), "stream 1 watch 3: got the delete of a at 5 where nothing comes next");
}

TEST_F(watch_validator_test, compares_previous_values) {
  ask("key: 'a' start_revision: 3 prev_kv: true");
  get("header { revision: 5 } created: true");
  get(at5
      + "events { kv { key: 'a' value: 'v3' create_revision: 2 mod_revision: 3 version: 2 } "
        "prev_kv { key: 'a' value: 'v2' create_revision: 2 mod_revision: 2 version: 1 } }");
  EXPECT_EQ(violation(), "");
  get(at5 + a5);
  EXPECT_NE(violation().find("the delete of a at 5 holds something else"), std::string::npos)
    << "the value before is missing";
}

TEST_F(watch_validator_test, knows_what_compaction_excuses) {
  watch_all();
  get(at5 + a2);
  judge.compacted(4);
  get("canceled: true compact_revision: 4");
  EXPECT_EQ(violation(), "");
  ask("key: 'a' start_revision: 5 watch_id: 2");
  get("header { revision: 5 } created: true watch_id: 2");
  get("canceled: true compact_revision: 4 watch_id: 2");
  EXPECT_EQ(violation(), "stream 1 watch 2: canceled for a compaction of what it had seen");
}

TEST_F(watch_validator_test, expects_the_end_that_was_asked_for) {
  watch_all();
  get(at5 + a2 + a3 + b3 + c4 + a5);
  judge.asked_to_cancel(1, 0);
  judge.settled();
  EXPECT_EQ(violation(), "stream 1 watch 0: was to be canceled and never was");
}

TEST_F(watch_validator_test, keeps_the_id_of_a_lost_watch_until_it_is_canceled_once_more) {
  watch_all();
  judge.compacted(4);
  get("canceled: true compact_revision: 4");
  judge.asked_to_cancel(1, 0);
  get(at5 + "canceled: true");
  ask("key: 'a'");
  get(at5 + "created: true");
  EXPECT_EQ(violation(), "");
  judge.compacted(5);
  judge.asked_to_cancel(1, 0);
  get(at5 + "canceled: true");
  get(at5 + "canceled: true");
  EXPECT_EQ(violation(), "stream 1 watch 0: an answer for a watch that is not there");
}

TEST_F(watch_validator_test, expects_nothing_of_a_broken_stream) {
  watch_all();
  judge.ended(1);
  judge.settled();
  EXPECT_EQ(violation(), "");
  get(at5 + a2);
  EXPECT_EQ(violation(), "stream 1 watch 0: an answer after the end of its stream");
}

TEST_F(watch_validator_test, wants_every_field) {
  watch_all();
  get(at5 + "events { kv { key: 'a' value: 'v2' create_revision: 2 mod_revision: 2 version: 2 } }");
  EXPECT_NE(violation().find("the put of a at 2 holds something else"), std::string::npos);
}

} // namespace
} // namespace troupe::sim
