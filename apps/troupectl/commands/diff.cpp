#include "apps/troupectl/commands/added.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/printers/go_json.hpp"
#include "apps/troupectl/progress.hpp"
#include "apps/troupectl/range_difference.hpp"

#include <ostream>

namespace troupe::ctl {

const std::vector<flag> diff_flags{
  {"prefix", flag_kind::text, "", "Only the keys with this prefix"},
  {"keys-only", flag_kind::boolean, "false", "Show no values"},
};

namespace {

// Those of diff: 1 is "different", so trouble needs another.
constexpr int exit_different = 1;
constexpr int exit_trouble = 2;

std::int64_t revision_of(const std::string& text) {
  auto parsed = go::parse_int(text, 10);
  if (!parsed.problem.empty() || parsed.value < 1)
    throw command_failed(exit_bad_arguments,
                         "bad revision " + go::quote(text) + ", expecting a number from 1 on");
  return parsed.value;
}

class difference_printer {
public:
  explicit difference_printer(context& it)
      : it_(it), json_(it.json_lines()), keys_only_(it.flags().boolean("keys-only")) {}

  void print(const key_difference& one) {
    if (json_)
      print_json(one);
    else
      print_text(one);
  }

private:
  void print_text(const key_difference& one) {
    const auto& any = one.after == nullptr ? *one.before : *one.after;
    it_.out << sign(one) << ' ' << go::quote(any.key());
    if (!keys_only_ && one.before != nullptr)
      it_.out << ' ' << value(*one.before);
    if (!keys_only_ && one.before != nullptr && one.after != nullptr)
      it_.out << " ->";
    if (!keys_only_ && one.after != nullptr)
      it_.out << ' ' << value(*one.after);
    it_.out << '\n';
  }

  static char sign(const key_difference& one) {
    return one.before == nullptr ? '+' : one.after == nullptr ? '-' : '~';
  }

  static std::string value(const mvccpb::KeyValue& kv) {
    auto out = go::quote(kv.value());
    return kv.lease() == 0 ? out : out + " (lease " + go::hex(kv.lease(), 16) + ")";
  }

  void print_json(const key_difference& one) {
    const auto& any = one.after == nullptr ? *one.before : *one.after;
    auto what = one.before == nullptr ? "added" : one.after == nullptr ? "removed" : "changed";
    it_.out << "{\"change\":\"" << what << "\",\"key\":" << go::json_bytes(any.key(), it_.form());
    if (one.before != nullptr)
      print_side("before", *one.before);
    if (one.after != nullptr)
      print_side("after", *one.after);
    it_.out << "}\n";
  }

  void print_side(const char* name, const mvccpb::KeyValue& kv) {
    it_.out << ",\"" << name << "\":{\"mod_revision\":" << kv.mod_revision()
            << ",\"version\":" << kv.version();
    if (kv.lease() != 0)
      it_.out << ",\"lease\":\"" << go::hex(kv.lease()) << '"';
    if (!keys_only_)
      it_.out << ",\"value\":" << go::json_bytes(kv.value(), it_.form());
    it_.out << '}';
  }

  context& it_;
  bool json_;
  bool keys_only_;
};

std::int64_t print_differences(context& it, std::int64_t first, std::int64_t second) {
  difference_printer printer(it);
  client from(bounded(it.connection()));
  auto wanted = range_of_prefix(it.flags().text("prefix"));
  wanted.revision = first;
  range_pages before(from, wanted);
  wanted.revision = second;
  range_pages after(from, wanted);
  progress shown(it, "keys");
  std::int64_t read = 0;
  auto source = [&](range_pages& pages) -> page_source {
    return [&](pb::RangeResponse& page) {
      bool more = pages.next(page);
      read += more ? page.kvs_size() : 0;
      shown.update(read, before.count() + after.count());
      it.check_output();
      return more;
    };
  };
  return for_each_difference(source(before), source(after), [&](const key_difference& one) {
    shown.hide();
    printer.print(one);
  });
}

} // namespace

int diff(context& it) {
  if (it.arguments.empty() || it.arguments.size() > 2)
    throw command_failed(exit_bad_arguments,
                         "diff needs one or two arguments: REV1 [REV2], by default the newest");
  auto first = revision_of(it.arguments[0]);
  auto second = it.arguments.size() > 1 ? revision_of(it.arguments[1]) : 0;
  try {
    return print_differences(it, first, second) == 0 ? exit_success : exit_different;
  } catch (const call_failed& error) {
    throw command_failed(exit_trouble, error.detail.empty()
                                         ? error.what()
                                         : error.what() + ("\nNo connection: " + error.detail));
  }
}

} // namespace troupe::ctl
