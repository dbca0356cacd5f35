#include "test/apps/troupe/options_fixture.hpp"

namespace troupe::options {
namespace {

TEST(environment, sets_what_no_flag_sets) {
  auto options = accept(
    {"--name", "a"},
    {{"ETCD_DATA_DIR", "/d"}, {"TROUPE_MAX_TXN_OPS", "7"}, {"ETCD_MEMORY_BUDGET_BYTES", "1G"}});
  EXPECT_EQ(options.node.name, "a");
  EXPECT_EQ(options.node.data_dir, "/d");
  EXPECT_EQ(options.node.max_txn_ops, 7U);
  EXPECT_EQ(options.node.memory_budget_bytes, 1073741824U);
}

TEST(environment, an_empty_variable_sets_nothing) {
  EXPECT_EQ(accept({}, {{"ETCD_NAME", ""}}).node.name, "default");
}

TEST(environment, a_setting_by_flag_and_variable_is_refused_in_the_words_of_etcd) {
  for (std::string variable : {"ETCD_NAME", "TROUPE_NAME"}) {
    auto end = read({"--name", "a"}, {{variable, "a"}});
    EXPECT_EQ(end.exit_code, 1);
    EXPECT_EQ(end.error, "conflicting environment variable \"" + variable
                           + "\" is shadowed by corresponding command-line flag (either unset "
                             "environment variable or disable flag)");
  }
}

TEST(environment, a_setting_by_two_variables_is_refused) {
  auto end = read({}, {{"ETCD_NAME", "a"}, {"TROUPE_NAME", "a"}});
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_EQ(end.error, "environment variables \"ETCD_NAME\" and \"TROUPE_NAME\" set the same value "
                       "(unset one of them)");
}

TEST(environment, a_bad_value_ends_with_1) {
  auto end = read({}, {{"ETCD_HEARTBEAT_INTERVAL", "abc"}});
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_EQ(end.error, "invalid value \"abc\" for ETCD_HEARTBEAT_INTERVAL: parse error");
}

TEST(environment, an_unknown_variable_is_only_named) {
  auto options = accept({}, {{"ETCD_NMAE", "a"},
                             {"ETCD_VERSION", "3"},
                             {"TROUPE_X", "1"},
                             {"ETCDCTL_API", "3"},
                             {"HOME", "/"}});
  EXPECT_EQ(noted(options, "unrecognized environment variable", "environment-variable"),
            (std::vector<std::string>{"ETCD_NMAE", "ETCD_VERSION", "TROUPE_X"}));
}

TEST(environment, protection_asked_for_by_a_variable_is_refused_too) {
  EXPECT_EQ(read({}, {{"ETCD_CERT_FILE", "/c"}}).error, "--cert-file: TLS is not available yet");
}

} // namespace
} // namespace troupe::options
