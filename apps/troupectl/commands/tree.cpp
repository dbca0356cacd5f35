#include "apps/troupectl/commands/added.hpp"
#include "apps/troupectl/exit.hpp"
#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/key_tree.hpp"
#include "apps/troupectl/printers/go_json.hpp"
#include "apps/troupectl/progress.hpp"
#include "apps/troupectl/range_pages.hpp"

#include <iomanip>
#include <ostream>

namespace troupe::ctl {

const std::vector<flag> ls_flags{
  {"rev", flag_kind::integer, "0", "Specify the kv revision"},
};

const std::vector<flag> tree_flags{
  {"depth", flag_kind::integer, "3", "Levels to show; what is below them is only counted"},
  {"width", flag_kind::integer, "100",
   "Entries to show per level below the first; the others are summed in one line (0: all)"},
  {"rev", flag_kind::integer, "0", "Specify the kv revision"},
};

namespace {

/// One line per entry, those below drawn as branches.
class tree_text {
public:
  explicit tree_text(context& it) : it_(it) {}

  void heading() {
    it_.out << "      KEYS       SIZE  NAME\n";
  }

  void entry(const key_node& top) {
    line(top.sums, it_.shown(top.name));
    below(top, "");
  }

private:
  void line(const key_sums& sums, const std::string& name) {
    it_.out << std::setw(10) << sums.keys << ' ' << std::setw(10) << go::human_bytes(sums.bytes)
            << "  " << name << '\n';
  }

  void below(const key_node& above, const std::string& indent) {
    auto rest = above.sums;
    for (const auto& one : above.below) {
      bool last = &one == &above.below.back() && above.left_out == 0;
      // A key that ends in '/' is an entry without a name in the level of that name.
      auto name = one.name.empty() ? std::string{"(the key itself)"} : it_.shown(one.name);
      line(one.sums, indent + (last ? "└── " : "├── ") + name);
      below(one, indent + (last ? "    " : "│   "));
      rest.keys -= one.sums.keys;
      rest.bytes -= one.sums.bytes;
    }
    if (above.left_out > 0)
      line(rest, indent + "└── ... and " + std::to_string(above.left_out) + " more");
  }

  context& it_;
};

/// One object per entry, under its whole path.
void print_json(context& it, const key_node& one, const std::string& above) {
  auto path = above + one.name;
  bool prefix = one.name.ends_with('/');
  it.out << "{\"path\":" << go::json_bytes(path, it.form()) << ",\"kind\":\""
         << (prefix ? "prefix" : "key") << "\",\"keys\":" << one.sums.keys
         << ",\"bytes\":" << one.sums.bytes;
  if (one.left_out > 0)
    it.out << ",\"left_out\":" << one.left_out;
  it.out << "}\n";
  for (const auto& each : one.below)
    print_json(it, each, path);
}

int show_tree(context& it, tree_shape shape) {
  if (it.arguments.size() > 1)
    throw command_failed(exit_bad_arguments,
                         "takes one prefix at most: " + std::string{"ls [PREFIX], tree [PREFIX]"});
  auto prefix = it.arguments.empty() ? std::string{} : it.arguments[0];
  bool json = it.json_lines();
  auto wanted = range_of_prefix(prefix);
  wanted.revision = it.flags().integer("rev");
  client from(bounded(it.connection()));
  range_pages pages(from, wanted);
  tree_text text(it);
  progress shown(it, "keys");
  auto base = prefix.substr(0, prefix.rfind('/') + 1);
  key_tree tree(prefix, shape, [&](const key_node& one) {
    shown.hide();
    if (json)
      print_json(it, one, base);
    else
      text.entry(one);
  });
  // Sizes need the values: a Range of keys only says nothing about them.
  pb::RangeResponse page;
  bool any = pages.next(page);
  if (any && !json)
    text.heading();
  for (; any; any = pages.next(page)) {
    for (const auto& kv : page.kvs())
      tree.add(kv.key(), kv.value().size());
    shown.update(tree.total().keys, pages.count());
    it.check_output();
  }
  tree.finish();
  shown.hide();
  if (!json)
    it.out << tree.total().keys << " keys, " << go::human_bytes(tree.total().bytes)
           << ", as of revision " << pages.revision() << '\n';
  return exit_success;
}

std::size_t at_least(context& it, std::string_view name, std::int64_t least) {
  auto value = it.flags().integer(name);
  if (value < least)
    throw command_failed(exit_bad_arguments,
                         "--" + std::string{name} + " must be at least " + std::to_string(least));
  return static_cast<std::size_t>(value);
}

} // namespace

int ls(context& it) {
  return show_tree(it, {.depth = 1});
}

int tree(context& it) {
  return show_tree(it, {.depth = at_least(it, "depth", 1), .width = at_least(it, "width", 0)});
}

} // namespace troupe::ctl
