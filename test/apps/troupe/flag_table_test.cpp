#include "apps/troupe/flag_table.hpp"
#include "apps/troupe/help.hpp"
#include "apps/troupe/nearest.hpp"
#include "apps/troupe/settings.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace troupe::options {
namespace {

using testing::HasSubstr;

struct etcd_flag {
  std::string name;
  std::string preset;
  std::string releases;
};

/// The rows of etcd_flags.tsv.
std::vector<etcd_flag> etcd_flags() {
  std::vector<etcd_flag> result;
  std::ifstream file{ETCD_FLAGS};
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#'))
      continue;
    etcd_flag one;
    std::istringstream fields{line};
    std::getline(fields, one.name, '\t');
    std::getline(fields, one.preset, '\t');
    std::getline(fields, one.releases, '\t');
    result.push_back(one);
  }
  return result;
}

TEST(flag_table, knows_every_flag_of_etcd_with_its_default) {
  auto rows = etcd_flags();
  ASSERT_GT(rows.size(), 150U);
  for (const auto& row : rows) {
    const auto* known = find_flag(row.name);
    ASSERT_NE(known, nullptr) << row.name;
    if (row.preset != "-") {
      EXPECT_EQ(known->preset, row.preset) << row.name;
    }
  }
}

TEST(flag_table, every_name_stands_once_and_every_preset_is_a_value) {
  std::set<std::string_view> names;
  for (const auto& section : flag_sections()) {
    for (const auto& one : section.flags) {
      EXPECT_TRUE(names.insert(one.name).second) << one.name;
      EXPECT_EQ(problem_with(one, one.preset), "") << one.name;
      EXPECT_FALSE(one.help.empty()) << one.name;
      EXPECT_EQ(one.treated == treatment::refused, !one.missing.empty()) << one.name;
    }
  }
}

TEST(flag_table, a_successor_is_a_present_flag_of_the_same_kind) {
  for (const auto& section : flag_sections()) {
    for (const auto& one : section.flags) {
      if (one.successor.empty())
        continue;
      const auto* successor = find_flag(one.successor);
      ASSERT_NE(successor, nullptr) << one.name;
      EXPECT_EQ(successor->kind, one.kind) << one.name;
      EXPECT_NE(successor->treated, treatment::old) << one.name;
    }
  }
}

TEST(flag_table, whatever_promises_protection_is_refused) {
  for (std::string_view name :
       {"cert-file", "key-file", "client-cert-auth", "trusted-ca-file", "auto-tls",
        "client-crl-file", "peer-cert-file", "peer-key-file", "peer-client-cert-auth",
        "peer-trusted-ca-file", "peer-auto-tls", "peer-crl-file", "peer-cert-allowed-cn",
        "peer-cert-allowed-hostname", "client-cert-allowed-hostname", "tls-min-version",
        "cipher-suites", "auth-token"})
    EXPECT_EQ(find_flag(name)->treated, treatment::refused) << name;
}

TEST(help, names_every_flag) {
  auto text = help_text();
  for (const auto& section : flag_sections())
    for (const auto& one : section.flags)
      EXPECT_THAT(text, HasSubstr("\n  --" + std::string{one.name}));
}

/// "`a`, `b`": the flags of a section that are treated so.
std::string names_of(const flag_section& section, treatment treated) {
  std::string result;
  for (const auto& one : section.flags)
    if (one.treated == treated)
      result += (result.empty() ? "`" : ", `") + std::string{one.name} + "`";
  return result;
}

TEST(readme, says_of_every_flag_what_becomes_of_it) {
  std::ifstream file{README};
  std::ostringstream readme;
  readme << file.rdbuf();
  for (const auto& section : flag_sections()) {
    if (section.group == flag_group::old)
      continue;
    EXPECT_THAT(readme.str(), HasSubstr("| " + std::string{section.title} + " | "
                                        + names_of(section, treatment::honoured) + " | "
                                        + names_of(section, treatment::no_effect) + " | "
                                        + names_of(section, treatment::refused) + " |\n"));
  }
}

TEST(nearest, finds_a_slip_and_nothing_for_another_word) {
  EXPECT_EQ(nearest_flag("nmae"), "name");
  EXPECT_EQ(nearest_flag("listen-client-url"), "listen-client-urls");
  EXPECT_EQ(nearest_flag("election_timeout"), "election-timeout");
  EXPECT_EQ(nearest_flag("zzzzzzzz"), "");
  // No name of an earlier release.
  EXPECT_EQ(nearest_flag("vv1"), "");
}

} // namespace
} // namespace troupe::options
