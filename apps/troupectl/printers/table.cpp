#include "apps/troupectl/go_text.hpp"
#include "apps/troupectl/printers/printers.hpp"
#include "apps/troupectl/safe_text.hpp"

#include <algorithm>
#include <ostream>

namespace troupe::ctl {

namespace {

/// Code points: what a terminal shows of the texts that occur here.
std::size_t width_of(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); text.remove_prefix(go::first_rune(text).length))
    ++count;
  return count;
}

std::string upper(std::string text) {
  for (auto& c : text)
    c = c == '_' ? ' ' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

/// The odd blank goes to the right.
std::string centered(const std::string& text, std::size_t width) {
  auto gap = width - width_of(text);
  return std::string(gap / 2, ' ') + text + std::string(gap - gap / 2, ' ');
}

/// As Go's tablewriter frames it: a heading in upper case and centred, cells to the right.
class table_printer : public refusing_printer {
public:
  table_printer(print_options options, std::ostream& out)
      : refusing_printer("table"), safe_(options.safe), out_(out) {}

  void member_list(const pb::MemberListResponse& response) override {
    frame(rows_of(response));
  }
  void health(const std::vector<endpoint_health>& all) override {
    frame(rows_of(all));
  }
  void status(const std::vector<endpoint_status>& all) override {
    frame(rows_of(all));
  }
  void hash(const std::vector<endpoint_hash>& all) override {
    frame(rows_of(all));
  }
  void snapshot(const snapshot_status& one) override {
    frame(rows_of(one));
  }

private:
  void frame(rows all) {
    if (safe_)
      for (auto& cells : all.lines)
        std::ranges::transform(cells, cells.begin(), safe_line);
    std::vector<std::size_t> widths;
    for (std::size_t column = 0; column < all.heading.size(); ++column) {
      auto width = width_of(all.heading[column]);
      for (const auto& line : all.lines)
        width = std::max(width, width_of(line[column]));
      widths.push_back(width);
    }
    rule(widths);
    line(widths, all.heading,
         [](const std::string& text, std::size_t width) { return centered(upper(text), width); });
    rule(widths);
    for (const auto& cells : all.lines)
      line(widths, cells, [](const std::string& text, std::size_t width) {
        return std::string(width - width_of(text), ' ') + text;
      });
    if (!all.lines.empty())
      rule(widths);
  }

  void rule(const std::vector<std::size_t>& widths) {
    for (auto width : widths)
      out_ << '+' << std::string(width + 2, '-');
    out_ << "+\n";
  }

  template <class Align>
  void line(const std::vector<std::size_t>& widths, const std::vector<std::string>& cells,
            Align align) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      out_ << "| " << align(cells[i], widths[i]) << ' ';
    out_ << "|\n";
  }

  bool safe_;
  std::ostream& out_;
};

} // namespace

std::unique_ptr<printer> make_table_printer(print_options options, std::ostream& out) {
  return std::make_unique<table_printer>(options, out);
}

} // namespace troupe::ctl
