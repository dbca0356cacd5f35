#include "apps/troupectl/key_tree.hpp"

#include <gmock/gmock.h>

namespace troupe::ctl {
namespace {

using testing::ElementsAre;

/// "a/ 2:20 (b 1:10, c 1:10)": name, keys, bytes, what is below, and how much is left out.
std::string text_of(const key_node& one) {
  auto out = one.name + " " + std::to_string(one.sums.keys) + ":" + std::to_string(one.sums.bytes);
  std::string below;
  for (const auto& each : one.below)
    below += (below.empty() ? "" : ", ") + text_of(each);
  if (one.left_out > 0)
    below += (below.empty() ? "+" : ", +") + std::to_string(one.left_out);
  return below.empty() ? out : out + " (" + below + ")";
}

/// Each key with a value of ten bytes.
std::vector<std::string> tree_of(std::string_view prefix, const std::vector<std::string>& keys,
                                 tree_shape shape) {
  std::vector<std::string> out;
  key_tree tree(prefix, shape, [&](const key_node& one) { out.push_back(text_of(one)); });
  for (const auto& key : keys)
    tree.add(key, 10);
  tree.finish();
  return out;
}

TEST(KeyTree, CountsKeysAndBytesPerLevel) {
  EXPECT_THAT(tree_of("", {"a/b/1", "a/b/2", "a/c", "d"}, {.depth = 9}),
              ElementsAre("a/ 3:43 (b/ 2:30 (1 1:15, 2 1:15), c 1:13)", "d 1:11"));
}

TEST(KeyTree, OnlyCountsWhatIsBelowItsDepth) {
  const std::vector<std::string> keys{"a/b/1", "a/b/2/x", "a/c", "d"};
  EXPECT_THAT(tree_of("", keys, {.depth = 1}), ElementsAre("a/ 3:45", "d 1:11"));
  EXPECT_THAT(tree_of("", keys, {.depth = 2}), ElementsAre("a/ 3:45 (b/ 2:32, c 1:13)", "d 1:11"));
}

TEST(KeyTree, NamesStartBehindTheLastSlashOfThePrefix) {
  EXPECT_THAT(tree_of("/a/", {"/a/b/1", "/a/c"}, {}), ElementsAre("b/ 1:16", "c 1:14"));
  EXPECT_THAT(tree_of("/a", {"/a/b", "/ax"}, {}), ElementsAre("a/ 1:14", "ax 1:13"));
  EXPECT_THAT(tree_of("", {"/a", "/b"}, {}), ElementsAre("/ 2:24"));
}

TEST(KeyTree, AKeyIsNotTheLevelOfItsName) {
  EXPECT_THAT(tree_of("", {"a", "a!", "a/", "a/b", "a//c"}, {.depth = 2}),
              ElementsAre("a 1:11", "a! 1:12", "a/ 3:39 ( 1:12, b 1:13, / 1:14)"));
}

TEST(KeyTree, LeavesOutWhatIsTooWide) {
  EXPECT_THAT(tree_of("", {"a/1", "a/2", "a/3/x", "a/4", "b", "c"}, {.depth = 3, .width = 2}),
              ElementsAre("a/ 4:54 (1 1:13, 2 1:13, +2)", "b 1:11", "c 1:11"));
}

TEST(KeyTree, KeepsABoundedNumberOfEntriesBelowOneOfTheFirstLevel) {
  EXPECT_THAT(tree_of("", {"a/1", "a/2", "a/3", "b/1", "b/2"}, {.depth = 2, .nodes = 2}),
              ElementsAre("a/ 3:39 (1 1:13, 2 1:13, +1)", "b/ 2:26 (1 1:13, 2 1:13)"));
}

TEST(KeyTree, GivesAnEntryAsSoonAsItIsComplete) {
  int given = 0;
  key_tree tree("", {.depth = 2}, [&](const key_node&) { ++given; });
  tree.add("a/1", 0);
  tree.add("a/2", 0);
  EXPECT_EQ(given, 0);
  tree.add("b", 0);
  EXPECT_EQ(given, 1);
  tree.finish();
  EXPECT_EQ(given, 2);
  EXPECT_EQ(tree.total().keys, 3);
  EXPECT_EQ(tree.total().bytes, 7u);
}

TEST(KeyTree, IsEmptyWithoutKeys) {
  EXPECT_THAT(tree_of("a/", {}, {.depth = 3}), ElementsAre());
}

} // namespace
} // namespace troupe::ctl
