#include "actors/node/identity.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

// Ids of clusters that etcd 3.4.23 founded with these flags.

TEST(identity, default_member_has_the_id_that_etcd_gives_it) {
  auto member = derive_member_id({"http://localhost:2380"}, "etcd-cluster");
  EXPECT_EQ(member.value, 0x8e9e05c52164694dU);
  EXPECT_EQ(derive_cluster_id({member}).value, 0xcdf818194e3a8c32U);
}

TEST(identity, order_of_urls_and_members_does_not_matter) {
  EXPECT_EQ(derive_member_id({"http://b:1", "http://a:1"}, "t"),
            derive_member_id({"http://a:1", "http://b:1"}, "t"));
  EXPECT_EQ(derive_cluster_id({{1}, {2}}), derive_cluster_id({{2}, {1}}));
}

TEST(identity, token_keeps_clusters_apart) {
  EXPECT_NE(derive_member_id({"http://a:1"}, "t"), derive_member_id({"http://a:1"}, "u"));
}

} // namespace
} // namespace troupe
