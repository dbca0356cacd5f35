#include "actors/sim/timeline.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace troupe::sim {

namespace {

constexpr double left = 110;
constexpr double top = 60;
constexpr double lane_width = 220;
/// So that a long run fits on a page that can still be read.
constexpr double most_height = 20'000;

std::string escaped(const std::string& text) {
  std::string result;
  for (char c : text) {
    switch (c) {
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '&':
      result += "&amp;";
      break;
    case '"':
      result += "&quot;";
      break;
    default:
      result += c;
    }
  }
  return result;
}

double milliseconds(sim_time x) {
  return std::chrono::duration<double, std::milli>(x).count();
}

class drawing {
public:
  drawing(sim_time begin, sim_time end, unsigned nodes)
      : begin_(begin), nodes_(nodes),
        scale_(std::min(4.0, most_height / std::max(milliseconds(end - begin), 1.0))),
        height_(top + milliseconds(end - begin) * scale_ + 40) {}

  void head(const std::string& title) {
    auto width = left + lane_width * nodes_ + 260;
    fmt::format_to(out(),
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0f}\" height=\"{:.0f}\" "
                   "font-family=\"monospace\" font-size=\"11\">\n<rect width=\"100%\" "
                   "height=\"100%\" fill=\"white\"/>\n<text x=\"10\" y=\"20\" "
                   "font-size=\"14\">{}</text>\n<defs><marker id=\"a\" markerWidth=\"6\" "
                   "markerHeight=\"6\" refX=\"6\" refY=\"3\" orient=\"auto\"><path d=\"M0,0 L6,3 "
                   "L0,6 z\" fill=\"#446\"/></marker></defs>\n",
                   width, height_, escaped(title));
    for (node_number node = 1; node <= nodes_; ++node)
      fmt::format_to(out(),
                     "<line x1=\"{0:.1f}\" y1=\"{1:.0f}\" x2=\"{0:.1f}\" y2=\"{2:.0f}\" "
                     "stroke=\"#bbb\"/><text x=\"{0:.1f}\" y=\"{3:.0f}\" "
                     "text-anchor=\"middle\" font-size=\"13\">n{4}</text>\n",
                     x(node), top, height_ - 20, top - 10, node);
  }

  void scale() {
    auto step = std::max(20.0 / scale_, 1.0);
    for (double at = 0; top + at * scale_ < height_ - 20; at += step)
      fmt::format_to(out(), "<text x=\"5\" y=\"{:.1f}\" fill=\"#888\">{:.1f} ms</text>\n",
                     top + at * scale_, milliseconds(begin_) + at);
  }

  void add(const trace_event& what) {
    switch (what.kind) {
    case trace_event::type::delivered:
      return arrow(what, x(what.to), y(what.at), "#446", "marker-end=\"url(#a)\"");
    case trace_event::type::lost: {
      auto middle = (x(what.from) + x(what.to)) / 2;
      return arrow(what, middle, y(what.at), "#c22", "stroke-dasharray=\"4 2\"");
    }
    case trace_event::type::fault:
      return mark(what, "#c22");
    case trace_event::type::role:
    case trace_event::type::client:
      return mark(what, "#282");
    }
  }

  std::string finish() {
    text_ += "</svg>\n";
    return std::move(text_);
  }

private:
  std::back_insert_iterator<std::string> out() {
    return std::back_inserter(text_);
  }

  double x(node_number node) const {
    return left + lane_width * (std::max(node, 1U) - 0.5);
  }

  double y(sim_time at) const {
    return top + std::max(milliseconds(at - begin_), 0.0) * scale_;
  }

  void arrow(const trace_event& what, double to_x, double to_y, const char* color,
             const char* ending) {
    fmt::format_to(out(),
                   "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
                   "{}><title>{}</title></line>\n",
                   x(what.from), y(what.sent), to_x, to_y, color, ending, escaped(what.text));
  }

  void mark(const trace_event& what, const char* color) {
    fmt::format_to(out(),
                   "<circle cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"4\" fill=\"{2}\"/><text "
                   "x=\"{3:.1f}\" y=\"{4:.1f}\" fill=\"{2}\">{5}</text>\n",
                   x(what.from), y(what.at), color, x(what.from) + 8, y(what.at) + 4,
                   escaped(what.text));
  }

  sim_time begin_;
  unsigned nodes_;
  double scale_;
  double height_;
  std::string text_;
};

} // namespace

std::string draw_timeline(const std::deque<trace_event>& events, unsigned nodes, sim_time span,
                          const std::string& title) {
  auto end = events.empty() ? sim_time{0} : events.back().at;
  auto begin = std::max(end - span, events.empty() ? sim_time{0} : events.front().sent);
  drawing result{begin, end, nodes};
  result.head(title);
  result.scale();
  for (const auto& each : events)
    if (each.sent >= begin)
      result.add(each);
  return result.finish();
}

} // namespace troupe::sim
