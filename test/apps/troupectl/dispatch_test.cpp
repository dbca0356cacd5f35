#include "apps/troupectl/commands/resident_memory.hpp"
#include "apps/troupectl/completion.hpp"
#include "apps/troupectl/dispatch.hpp"
#include "apps/troupectl/exit.hpp"

#include <gmock/gmock.h>
#include <set>
#include <sstream>

namespace troupe::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct outcome {
  int code;
  std::string out, err;
};

outcome call(const std::string& program, const std::vector<std::string>& arguments) {
  std::istringstream in;
  std::ostringstream out, err;
  auto code = run({program, arguments}, {in, out, err});
  return {code, out.str(), err.str()};
}

std::string path_of(const std::vector<std::string>& arguments) {
  auto got = resolve({"etcdctl", arguments});
  return got.found == nullptr ? "" : std::string{got.found->path};
}

TEST(Resolve, FindsCommandsBehindFlags) {
  EXPECT_EQ(path_of({"get", "a"}), "get");
  EXPECT_EQ(path_of({"-w", "json", "--hex", "get", "a"}), "get");
  EXPECT_EQ(path_of({"--endpoints", "get", "put"}), "put");
  EXPECT_EQ(path_of({"lease", "--command-timeout=1s", "grant", "5"}), "lease grant");
  EXPECT_EQ(path_of({"lease", "foo"}), "lease");
  EXPECT_EQ(path_of({}), "");
}

TEST(Resolve, KeepsTheOtherArguments) {
  EXPECT_THAT(resolve({"etcdctl", {"-w", "json", "get", "get", "-h"}}).rest,
              ElementsAre("-w", "json", "get", "-h"));
}

TEST(Resolve, TakesUniqueBeginningsAndOtherNames) {
  EXPECT_EQ(path_of({"pu", "a"}), "put");
  EXPECT_EQ(path_of({"compact", "5"}), "compaction");
  EXPECT_EQ(path_of({"en", "st"}), "endpoint status");
  EXPECT_THROW(path_of({"l"}), command_failed);
}

TEST(Run, UnknownCommandsAreToldWithTheNearest) {
  auto got = call("etcdctl", {"gett", "a"});
  EXPECT_EQ(got.code, exit_error);
  EXPECT_EQ(got.err,
            "Error: unknown command \"gett\" for \"etcdctl\"\n\nDid you mean this?\n\tget\n\n"
            "Run 'etcdctl --help' for usage.\n");
  EXPECT_EQ(got.out, "");
}

TEST(Run, WrongFlagsShowTheUsage) {
  auto got = call("etcdctl", {"get", "--prefx", "a"});
  EXPECT_EQ(got.code, exit_error);
  EXPECT_EQ(got.err, "Error: unknown flag: --prefx\n\n");
  EXPECT_THAT(got.out, StartsWith("NAME:\n  get - Gets the key"));
  EXPECT_THAT(call("troupectl", {"get", "--prefx", "a"}).err, HasSubstr("Did you mean --prefix?"));
}

TEST(Run, MistakesInArgumentsComeBeforeThoseInTheConnection) {
  auto got = call("etcdctl", {"get", "--endpoints=", "-w", "odd"});
  EXPECT_EQ(got.code, exit_bad_arguments);
  EXPECT_THAT(got.err, HasSubstr("get command needs one argument"));
  EXPECT_EQ(call("etcdctl", {"compaction", "x"}).code, exit_error);
}

TEST(Run, EveryCommandHasHelpWithExamplesAndKeepsToTheTable) {
  std::set<std::string_view> seen;
  for (const auto& one : commands()) {
    EXPECT_TRUE(seen.insert(one.path).second) << one.path << " is there twice";
    auto blank = one.path.find(' ');
    if (blank != one.path.npos) {
      const auto* group = find_command(one.path.substr(0, blank));
      ASSERT_NE(group, nullptr) << one.path;
      EXPECT_EQ(group->run, nullptr) << one.path;
    }
    std::vector<std::string> arguments{"help"};
    std::istringstream words{std::string{one.path}};
    for (std::string word; words >> word;)
      arguments.push_back(word);
    auto got = call("troupectl", arguments);
    EXPECT_EQ(got.code, exit_success) << one.path;
    EXPECT_THAT(got.out, HasSubstr("GLOBAL OPTIONS:"));
    if (one.run != nullptr) {
      EXPECT_THAT(got.out, HasSubstr("EXAMPLES:\n  troupectl " + std::string{one.path}))
        << one.path;
    }
  }
}

/// Each line is a command with flags that it has.
TEST(Run, ExamplesCanBeRead) {
  for (const auto& one : commands()) {
    std::istringstream lines{std::string{one.examples}};
    for (std::string line; std::getline(lines, line);) {
      std::vector<std::string> words;
      std::istringstream parts(line.substr(0, line.find(" -- ")));
      for (std::string word; parts >> word && word != "<";)
        words.push_back(word);
      auto found = resolve({"troupectl", words});
      ASSERT_EQ(found.found, &one) << line;
      EXPECT_NO_THROW(parse_arguments(found.rest, flags_of(found.found))) << line;
    }
  }
}

TEST(Run, NoFlagOfACommandHidesAGlobalOne) {
  for (const auto& one : commands()) {
    std::set<std::string_view> names;
    std::set<char> letters;
    for (const auto* known : flags_of(&one)) {
      EXPECT_TRUE(names.insert(known->name).second) << one.path << " --" << known->name;
      EXPECT_TRUE(known->letter == 0 || letters.insert(known->letter).second) << one.path;
      EXPECT_EQ(problem_of(known->kind, known->preset), "") << known->name;
    }
  }
}

TEST(Completion, KnowsThreeShells) {
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    auto script = completion_script(shell, "troupectl");
    for (const auto* word : {"troupectl", "keep-alive", "prefix", "simple"})
      EXPECT_THAT(script, HasSubstr(word)) << shell;
  }
  EXPECT_THAT(completion_script("powershell", "troupectl"), IsEmpty());
}

TEST(ResidentMemory, IsReadFromAPageOfMetrics) {
  EXPECT_EQ(resident_memory_in("# HELP process_resident_memory_bytes x\n"
                               "process_resident_memory_bytes 2.5e+06\nother 1\n")
              .bytes,
            2.5e6);
  EXPECT_THAT(resident_memory_in("other 1\n").problem, HasSubstr("could not find"));
}

} // namespace
} // namespace troupe::ctl
